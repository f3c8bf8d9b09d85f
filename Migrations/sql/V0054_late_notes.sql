-- No report is lost that comes while its minute is closed.

-- As before, but minutes that may be closed while this transaction is open count as closed: their reports may come in one that does not see that.
CREATE OR REPLACE FUNCTION reliability.note_late_minute() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.minute_at < (SELECT closed_until + interval '6 hours' FROM reliability.minute_progress) THEN
        INSERT INTO reliability.late_minute (tenant_id, model, region, minute_at) VALUES (NEW.tenant_id, NEW.model, NEW.region, NEW.minute_at)
        ON CONFLICT (tenant_id, model, region, minute_at) DO UPDATE SET noted_at = clock_timestamp();
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION reliability.note_late_probe() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.minute_at >= (SELECT closed_until + interval '6 hours' FROM reliability.minute_progress) THEN
        RETURN NULL;
    END IF;
    INSERT INTO reliability.late_minute (tenant_id, model, region, minute_at)
    VALUES ('00000000-0000-0000-0000-000000000000', NEW.model, NEW.region, NEW.minute_at)
    ON CONFLICT (tenant_id, model, region, minute_at) DO UPDATE SET noted_at = clock_timestamp();
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
