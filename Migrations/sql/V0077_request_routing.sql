-- How every admitted request was routed, beside its usage record: stored with it, kept for a week, forgotten by the day.

-- What `RoutingTrace` packs: never content. Its key is the record's, so nothing is stored twice.
CREATE TABLE billing.request_routing (
    request_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    routing bytea NOT NULL,
    CONSTRAINT request_routing_size CHECK (octet_length(routing) BETWEEN 1 AND 2048)
) PARTITION BY RANGE (received_at);
CREATE INDEX request_routing_request ON billing.request_routing (request_id);
GRANT SELECT, INSERT ON billing.request_routing TO plimsoll_billing;

-- Days of UTC: today's and three more are there, and those that ended more than a week ago go. Returns how many went.
CREATE FUNCTION upkeep.turn_routing_days() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    step integer;
    child text;
    dropped integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7116881260);
    FOR step IN 0 .. 3 LOOP
        child := 'request_routing_' || to_char(today + step, 'YYYY_MM_DD');
        IF to_regclass(format('billing.%I', child)) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE billing.%I PARTITION OF billing.request_routing FOR VALUES FROM (%L) TO (%L)',
                child, (today + step)::text || ' 00:00:00+00', (today + step + 1)::text || ' 00:00:00+00');
        END IF;
    END LOOP;
    FOR child IN
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'billing.request_routing'::regclass
    LOOP
        IF to_date(right(child, 10), 'YYYY_MM_DD') + 8 <= today THEN
            EXECUTE format('DROP TABLE billing.%I', child);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION upkeep.turn_routing_days() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION upkeep.turn_routing_days() TO plimsoll_serving;

SELECT upkeep.turn_routing_days();
