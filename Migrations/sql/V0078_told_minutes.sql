-- Minutes are merged before they are stored: sums of all gateways, and beside them what each told.

-- What a start of a gateway told last of a minute, as `PackedMinutes` writes it: what the sums of the minute are made of.
CREATE TABLE reliability.minute_told (
    gateway_id uuid NOT NULL,
    boot_id text NOT NULL,
    minute_at timestamptz NOT NULL,
    counters bytea NOT NULL,
    CONSTRAINT minute_told_pkey PRIMARY KEY (gateway_id, boot_id, minute_at),
    CONSTRAINT minute_told_boot CHECK (char_length(boot_id) BETWEEN 1 AND 64)
) PARTITION BY RANGE (minute_at);
-- It is packed already.
ALTER TABLE reliability.minute_told ALTER COLUMN counters SET STORAGE EXTERNAL;
INSERT INTO upkeep.monthly VALUES ('reliability.minute_told');
GRANT SELECT, INSERT, UPDATE ON reliability.minute_told TO plimsoll_reliability;

-- Counts by name, added up.
CREATE FUNCTION reliability.add_counts(known jsonb, more jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN more = '{}' THEN known WHEN known = '{}' THEN more ELSE (
        SELECT coalesce(jsonb_object_agg(name, total), '{}') FROM (
            SELECT name, sum(count::bigint) AS total FROM (
                SELECT * FROM jsonb_each_text(known) UNION ALL SELECT * FROM jsonb_each_text(more)) AS both_of_them (name, count)
            GROUP BY name) AS added WHERE total <> 0) END
$$;
GRANT EXECUTE ON FUNCTION reliability.add_counts TO plimsoll_reliability;

-- The release before writes a row for each gateway. Where this one has merged what the gateway told, such a row would count twice: it is refused, and the
-- gateway tells it again.
CREATE FUNCTION reliability.refuse_told_minute() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM reliability.minute_told AS told
        WHERE told.gateway_id = NEW.gateway_id AND told.boot_id = NEW.boot_id AND told.minute_at = NEW.minute_at) THEN
        RAISE EXCEPTION 'this minute of the gateway is merged' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER minute_not_told BEFORE INSERT ON reliability.minute FOR EACH ROW
    WHEN (NEW.gateway_id <> '00000000-0000-0000-0000-000000000000') EXECUTE FUNCTION reliability.refuse_told_minute();

SELECT upkeep.ensure_partitions(3);
