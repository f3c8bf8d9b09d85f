-- Synthetic failures on the live installation, and whether the promise held.

CREATE TABLE reliability.drill (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    -- What it is about; NULL where the kind does not ask for it.
    worker_id uuid,
    provider text,
    region text,
    -- That were served by what it takes away or slows down, at its beginning.
    models text[] NOT NULL,
    delay_milliseconds integer,
    -- Times as fast as usual that probes, holds and clean times go by for it.
    compression integer NOT NULL DEFAULT 1,
    reason serving.reason NOT NULL,
    requested_by text NOT NULL,
    started_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text,
    report jsonb,
    held boolean,
    reported_at timestamptz,
    CONSTRAINT drill_pkey PRIMARY KEY (id),
    CONSTRAINT drill_number_key UNIQUE (number),
    CONSTRAINT drill_kind CHECK (kind IN ('worker-loss', 'provider-loss', 'slow-region', 'wrong-answers', 'control-loss')),
    CONSTRAINT drill_names CHECK (char_length(provider) <= 63 AND char_length(region) <= 63),
    CONSTRAINT drill_numbers CHECK (delay_milliseconds BETWEEN 1 AND 60000 AND compression BETWEEN 1 AND 60),
    CONSTRAINT drill_life CHECK (until_at > started_at AND until_at <= started_at + interval '1 hour'),
    CONSTRAINT drill_ended CHECK ((ended_at IS NULL) = (end_reason IS NULL) AND end_reason IN ('over', 'aborted')),
    CONSTRAINT drill_reported CHECK ((report IS NULL) = (held IS NULL) AND (report IS NULL) = (reported_at IS NULL) AND pg_column_size(report) <= 65536),
    CONSTRAINT drill_requested_by CHECK (char_length(requested_by) BETWEEN 1 AND 200)
);
-- One at a time.
CREATE UNIQUE INDEX drill_running ON reliability.drill ((TRUE)) WHERE ended_at IS NULL;
CREATE INDEX drill_started ON reliability.drill (started_at, id);
CREATE TRIGGER drill_changed AFTER INSERT OR UPDATE OF ended_at ON reliability.drill
    FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();

GRANT SELECT, INSERT, UPDATE ON reliability.drill TO plimsoll_serving, plimsoll_reliability;
