-- What tiers count of first tokens is judged everywhere where it was, and what contracts agree of limits is kept whichever release wrote them.

-- A name that is free for an objective of a tier's first tokens: `first-token-TIER`, else with a mark of what it is for.
CREATE FUNCTION reliability.first_token_name(of_tier text, of_model text, of_region text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN of_model IS NULL AND of_region IS NULL AND char_length(of_tier) <= 51
            AND NOT EXISTS (SELECT 1 FROM reliability.objective AS o WHERE o.name = 'first-token-' || of_tier AND o.state <> 'deleted')
        THEN 'first-token-' || of_tier
        ELSE left('first-token-' || of_tier, 54) || '-'
            || left(encode(sha256(convert_to(concat(of_tier, '/', of_model, '/', of_region), 'UTF8')), 'hex'), 8) END
$$;

-- Objectives of tenants that are gone end: their budgets held up the changes of all.
UPDATE reliability.objective AS o SET state = 'deleted', deleted_at = now(), updated_at = now()
FROM serving.tenants AS tenant WHERE tenant.id = o.tenant_id AND tenant.state = 'deleted' AND o.state <> 'deleted';

-- Objectives of one tier, or of a tenant, that were left with a threshold that their tier had once: none is judged by another than the tier's.
UPDATE reliability.objective AS o SET threshold_microseconds = own.microseconds, updated_at = now()
FROM reliability.tier_threshold AS own
WHERE o.kind = 'ttft_p95' AND o.state = 'active' AND o.threshold_microseconds <> own.microseconds
    AND own.tier = coalesce(o.tier, (SELECT tenants.tier FROM serving.tenants WHERE tenants.id = o.tenant_id));

-- Objectives of all tiers: a tier that counts over another threshold has its own in place of each, those of one model or region too, and under another name
-- where the usual one was taken.
INSERT INTO reliability.objective (name, kind, tier, model, region, target_ppm, threshold_microseconds, period, time_zone, burn_alerts, freezes)
SELECT reliability.first_token_name(own.tier, wide.model, wide.region), 'ttft_p95', own.tier, wide.model, wide.region, wide.target_ppm, own.microseconds,
    wide.period, wide.time_zone, wide.burn_alerts, wide.freezes
FROM reliability.tier_threshold AS own JOIN reliability.objective AS wide ON wide.kind = 'ttft_p95' AND wide.state = 'active'
    AND wide.tenant_id IS NULL AND wide.tier IS NULL AND wide.threshold_microseconds <> own.microseconds
ON CONFLICT DO NOTHING;

-- Limits of agreements that an older release has made since they are kept, or makes while it still runs beside this one.
UPDATE reliability.agreement SET limits = reliability.tenant_limits(tenant_id) WHERE limits IS NULL AND coalesce(ends_at > now(), true);

CREATE FUNCTION reliability.keep_agreed_limits() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.limits := reliability.tenant_limits(NEW.tenant_id);
    RETURN NEW;
END
$$;
CREATE TRIGGER agreement_limits_kept BEFORE INSERT ON reliability.agreement FOR EACH ROW WHEN (NEW.limits IS NULL)
    EXECUTE FUNCTION reliability.keep_agreed_limits();
