-- Partitions are made months ahead and dropped by age; rights of the serving role, which cannot see the bill.

CREATE FUNCTION upkeep.ensure_month(parent regclass, month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    space text;
    base text;
    child text;
BEGIN
    SELECT n.nspname, c.relname INTO STRICT space, base
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = parent;
    child := base || to_char(month, '_YYYY_MM');
    IF to_regclass(format('%I.%I', space, child)) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE %I.%I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
            space, child, parent, month::text || ' 00:00:00+00', (month + interval '1 month')::date::text || ' 00:00:00+00');
    END IF;
END
$$;

-- Two months back, because spools are kept for days and a record may arrive late; `months_ahead` months forward.
CREATE FUNCTION upkeep.ensure_partitions(months_ahead integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    step integer;
    first date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
BEGIN
    IF months_ahead NOT BETWEEN 1 AND 36 THEN
        RAISE EXCEPTION 'months_ahead must be 1 to 36' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(7116881260);
    FOR step IN -2 .. months_ahead LOOP
        PERFORM upkeep.ensure_month('billing.usage_event', (first + make_interval(months => step))::date);
        PERFORM upkeep.ensure_month('reliability.minute', (first + make_interval(months => step))::date);
    END LOOP;
END
$$;

-- Drops whole months that ended before now minus `keep`; at least 60 days are kept. Returns how many went.
CREATE FUNCTION upkeep.drop_partitions(parent text, keep interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    child record;
    month date;
    dropped integer := 0;
BEGIN
    IF parent NOT IN ('billing.usage_event', 'reliability.minute') THEN
        RAISE EXCEPTION 'not a table that is partitioned by time' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF keep IS NULL OR now() - keep > now() - interval '60 days' THEN
        RAISE EXCEPTION 'at least 60 days are kept' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR child IN
        SELECT n.nspname, c.relname FROM pg_inherits AS i
        JOIN pg_class AS c ON c.oid = i.inhrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE i.inhparent = parent::regclass
    LOOP
        month := to_date(right(child.relname, 7), 'YYYY_MM');
        IF (month + interval '1 month') AT TIME ZONE 'UTC' <= now() - keep THEN
            EXECUTE format('DROP TABLE %I.%I', child.nspname, child.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END
$$;

-- What nobody needs any more: saved answers after a day, spent tokens after a month, keys of usage after 400 days.
CREATE FUNCTION upkeep.forget() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM serving.idempotency_keys WHERE created_at < now() - interval '24 hours' AND running_until < now();
    DELETE FROM serving.enrolment_tokens WHERE expires_at < now() - interval '30 days';
    DELETE FROM billing.usage_key WHERE accepted_at < now() - interval '400 days';
$$;

REVOKE ALL ON FUNCTION upkeep.ensure_month(regclass, date), upkeep.ensure_partitions(integer), upkeep.drop_partitions(text, interval), upkeep.forget()
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION upkeep.ensure_partitions(integer), upkeep.drop_partitions(text, interval), upkeep.forget() TO plimsoll_serving;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA serving TO plimsoll_serving;
REVOKE UPDATE, DELETE ON serving.routing_weights FROM plimsoll_serving;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA serving TO plimsoll_serving;

SELECT upkeep.ensure_partitions(3);
