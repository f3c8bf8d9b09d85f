-- What contracts say of limits, in numbers, and objectives of first tokens for tiers that count over another threshold than the one that holds for them.

-- The limits of a plan as contracts have them: what comes at once is as much as a minute has where it is not said; null is none.
CREATE FUNCTION reliability.tier_limits(tier_name text) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('max_prompt_tokens', max_prompt_tokens, 'max_output_tokens', max_output_tokens, 'max_body_bytes', max_body_bytes,
        'requests_per_minute', requests_per_minute, 'tokens_per_minute', tokens_per_minute, 'concurrent_requests', concurrent_requests,
        'burst_requests', coalesce(burst_requests, requests_per_minute), 'burst_tokens', coalesce(burst_tokens, tokens_per_minute),
        'tokens_per_day', tokens_per_day, 'tokens_per_month', tokens_per_month, 'spend_per_month_micro_usd', spend_per_month_micro_usd)
    FROM serving.tiers WHERE name = tier_name AND state <> 'deleted'
$$;

-- What a tenant of the plan has: limits of its own stand in for the plan's.
CREATE FUNCTION reliability.tenant_limits(tenant uuid) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT reliability.tier_limits(tier) || jsonb_strip_nulls(jsonb_build_object('tokens_per_day', tokens_per_day,
        'tokens_per_month', tokens_per_month, 'spend_per_month_micro_usd', spend_per_month_micro_usd))
    FROM serving.tenants WHERE id = tenant
$$;

-- NULL: made by a release that did not keep them.
ALTER TABLE reliability.agreement ADD COLUMN limits jsonb, ADD CONSTRAINT agreement_limits CHECK (jsonb_typeof(limits) = 'object');
UPDATE reliability.agreement SET limits = reliability.tenant_limits(tenant_id) WHERE coalesce(ends_at > now(), true);

-- For readers of objectives: over what the gateways of a tier count first tokens.
CREATE VIEW reliability.tier_threshold AS
SELECT name AS tier, ttft_objective_microseconds AS microseconds FROM serving.tiers WHERE state <> 'deleted';
GRANT SELECT ON reliability.tier_threshold TO plimsoll_serving, plimsoll_reliability;

-- Budgets of first tokens were judged by the counters of a tier, over whatever threshold it has: where that was not the objective's own, an objective of
-- the tier says so from now on, and what was judged goes on as it was.
INSERT INTO reliability.objective (name, kind, tier, target_ppm, threshold_microseconds, period, time_zone, burn_alerts, freezes)
SELECT left('first-token-' || tier.name, 63), 'ttft_p95', tier.name, wide.target_ppm, tier.ttft_objective_microseconds, wide.period, wide.time_zone,
    wide.burn_alerts, wide.freezes
FROM serving.tiers AS tier JOIN reliability.objective AS wide ON wide.kind = 'ttft_p95' AND wide.state <> 'deleted'
    AND wide.tenant_id IS NULL AND wide.tier IS NULL AND wide.model IS NULL AND wide.region IS NULL
WHERE tier.state <> 'deleted' AND tier.ttft_objective_microseconds <> wide.threshold_microseconds
ON CONFLICT DO NOTHING;
