-- Months of agreements whose credit is to be computed, again or for the first time, and credits that are not final.

CREATE TABLE reliability.credit_recheck (
    agreement_id uuid NOT NULL,
    -- As credits name it, in the zone of the terms.
    month text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT credit_recheck_pkey PRIMARY KEY (agreement_id, month),
    CONSTRAINT credit_recheck_agreement_fkey FOREIGN KEY (agreement_id) REFERENCES reliability.agreement (id),
    CONSTRAINT credit_recheck_month CHECK (month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$')
);
CREATE INDEX credit_recheck_noted ON reliability.credit_recheck (noted_at);
CREATE INDEX credit_month ON reliability.credit (month, tenant_id);

-- provisional: computed from leaves that were not complete; no invoice takes it, and it is no evidence.
ALTER TABLE reliability.credit
    DROP CONSTRAINT credit_status,
    DROP CONSTRAINT credit_amount,
    ADD CONSTRAINT credit_status CHECK (status IN ('none', 'issued', 'carried', 'provisional')),
    ADD CONSTRAINT credit_amount CHECK (amount_cents >= 0 AND (status = 'provisional' OR (status = 'none') = (amount_cents = 0)));

-- Credits that are computed, or being computed, of months that a time lies in; NULL: of all. Of the month that is running there are none.
CREATE FUNCTION reliability.recheck_credits(tenant uuid, of_model text, of_region text, first_at timestamptz, next_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- Zones lie within a day of UTC.
    first_month text := to_char((first_at - interval '1 day') AT TIME ZONE 'UTC', 'YYYY-MM');
    last_month text := to_char((next_at + interval '1 day') AT TIME ZONE 'UTC', 'YYYY-MM');
BEGIN
    IF NOT EXISTS (SELECT 1 FROM reliability.credit WHERE month BETWEEN first_month AND last_month)
        AND NOT EXISTS (SELECT 1 FROM reliability.credit_recheck) THEN
        RETURN;
    END IF;
    INSERT INTO reliability.credit_recheck (agreement_id, month)
    SELECT known.agreement_id, known.month FROM (
        SELECT agreement_id, month FROM reliability.credit
        WHERE month BETWEEN first_month AND last_month AND (tenant IS NULL OR tenant_id = tenant)
        UNION SELECT agreement_id, month FROM reliability.credit_recheck) AS known
    JOIN reliability.agreement ON agreement.id = known.agreement_id JOIN reliability.terms ON terms.id = agreement.terms_id
    WHERE (tenant IS NULL OR agreement.tenant_id = tenant) AND (of_model IS NULL OR agreement.model = of_model)
        AND (of_region IS NULL OR agreement.region = of_region)
        AND (known.month || '-01')::timestamp AT TIME ZONE terms.time_zone < next_at
        AND ((known.month || '-01')::timestamp + interval '1 month') AT TIME ZONE terms.time_zone > first_at
    ORDER BY 1, 2
    ON CONFLICT (agreement_id, month) DO UPDATE SET noted_at = clock_timestamp();
END
$$;
REVOKE ALL ON FUNCTION reliability.recheck_credits(uuid, text, text, timestamptz, timestamptz) FROM PUBLIC;

-- Minutes that were summed again after they were closed.
CREATE OR REPLACE FUNCTION reliability.note_late_evidence() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.minute_at < (SELECT closed_until FROM reliability.minute_progress) THEN
        INSERT INTO reliability.evidence_late (tenant_id, model, region, minute_at) VALUES (NEW.tenant_id, NEW.model, NEW.region, NEW.minute_at)
        ON CONFLICT (tenant_id, model, region, minute_at) DO UPDATE SET noted_at = clock_timestamp();
        PERFORM reliability.recheck_credits(NEW.tenant_id, NEW.model, NEW.region, NEW.minute_at, NEW.minute_at + interval '1 minute');
    END IF;
    RETURN NULL;
END
$$;

-- Probes that came late, of everybody who has leaves there: where nothing was asked they are the minute's status.
CREATE OR REPLACE FUNCTION reliability.note_late_probe() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.minute_at >= (SELECT closed_until FROM reliability.minute_progress) THEN
        RETURN NULL;
    END IF;
    INSERT INTO reliability.late_minute (tenant_id, model, region, minute_at)
    VALUES ('00000000-0000-0000-0000-000000000000', NEW.model, NEW.region, NEW.minute_at)
    ON CONFLICT (tenant_id, model, region, minute_at) DO UPDATE SET noted_at = now();
    PERFORM reliability.recheck_credits(NULL, NEW.model, NEW.region, NEW.minute_at, NEW.minute_at + interval '1 minute');
    IF TG_OP = 'UPDATE' AND (OLD.successes > 0) = (NEW.successes > 0) AND (OLD.failures > 0) = (NEW.failures > 0) THEN
        RETURN NULL;
    END IF;
    INSERT INTO reliability.evidence_late (tenant_id, model, region, minute_at)
    SELECT DISTINCT tenant_id, NEW.model, NEW.region, NEW.minute_at FROM reliability.evidence_series
    WHERE model = NEW.model AND region = NEW.region AND since_at <= NEW.minute_at AND (until_at IS NULL OR until_at > NEW.minute_at)
    ORDER BY tenant_id
    ON CONFLICT (tenant_id, model, region, minute_at) DO UPDATE SET noted_at = clock_timestamp();
    RETURN NULL;
END
$$;

-- Usage that came late is charged in its month.
CREATE FUNCTION billing.note_late_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM reliability.recheck_credits(NEW.tenant_id, NEW.model, NEW.region, NEW.accepted_at, NEW.accepted_at + interval '1 microsecond');
    RETURN NULL;
END
$$;
CREATE TRIGGER usage_event_late AFTER INSERT ON billing.usage_event FOR EACH ROW
    WHEN (NEW.accepted_at < now() - interval '15 minutes') EXECUTE FUNCTION billing.note_late_usage();

CREATE FUNCTION reliability.note_exclusion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM reliability.recheck_credits(NEW.tenant_id, NEW.model, NEW.region, NEW.starts_at, NEW.ends_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER exclusion_changed AFTER INSERT OR UPDATE ON reliability.exclusion FOR EACH ROW EXECUTE FUNCTION reliability.note_exclusion();

CREATE FUNCTION reliability.note_maintenance() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM reliability.recheck_credits(NULL, OLD.model, OLD.region, OLD.starts_at, OLD.ends_at);
    END IF;
    PERFORM reliability.recheck_credits(NULL, NEW.model, NEW.region, NEW.starts_at, NEW.ends_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER maintenance_window_changed AFTER INSERT OR UPDATE ON reliability.maintenance_window
    FOR EACH ROW EXECUTE FUNCTION reliability.note_maintenance();

GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.credit_recheck TO plimsoll_reliability;
GRANT SELECT, INSERT ON reliability.credit_recheck TO plimsoll_serving;
