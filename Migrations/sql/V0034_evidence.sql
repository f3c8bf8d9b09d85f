-- Evidence that customers check by themselves: leaves of minutes in a tree for each tenant and month, and the public log of their roots.

-- What has a leaf each minute, from when to when.
CREATE TABLE reliability.evidence_series (
    tenant_id uuid NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    since_at timestamptz NOT NULL,
    -- First minute that has no leaf any more; NULL: it goes on.
    until_at timestamptz,
    -- Subscribed by a SKU of its tier, or seen in traffic.
    cause text NOT NULL,
    CONSTRAINT evidence_series_pkey PRIMARY KEY (tenant_id, model, region, since_at),
    CONSTRAINT evidence_series_times CHECK (
        since_at = date_trunc('minute', since_at) AND until_at = date_trunc('minute', until_at) AND until_at >= since_at),
    CONSTRAINT evidence_series_names CHECK (char_length(model) BETWEEN 1 AND 127 AND char_length(region) BETWEEN 1 AND 63),
    CONSTRAINT evidence_series_cause CHECK (cause IN ('subscription', 'traffic'))
);
CREATE UNIQUE INDEX evidence_series_open ON reliability.evidence_series (tenant_id, model, region) WHERE until_at IS NULL;

-- One tree for each tenant and month. It grows at its end only.
CREATE TABLE reliability.evidence_tree (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    month date NOT NULL,
    -- Opens the tag under which the public log names it.
    salt bytea NOT NULL,
    -- First minute without a leaf; the minutes before it are closed.
    next_at timestamptz NOT NULL,
    leaves bigint NOT NULL DEFAULT 0,
    -- Roots of its whole subtrees, the largest first.
    peaks bytea NOT NULL DEFAULT '',
    root serving.sha256 NOT NULL DEFAULT sha256(''),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT evidence_tree_pkey PRIMARY KEY (id),
    CONSTRAINT evidence_tree_month_key UNIQUE (tenant_id, month),
    CONSTRAINT evidence_tree_month CHECK (month = date_trunc('month', month)::date),
    CONSTRAINT evidence_tree_salt CHECK (octet_length(salt) = 16),
    CONSTRAINT evidence_tree_next CHECK (next_at = date_trunc('minute', next_at)),
    CONSTRAINT evidence_tree_leaves CHECK (leaves >= 0 AND octet_length(peaks) % 32 = 0)
);
CREATE INDEX evidence_tree_created ON reliability.evidence_tree (created_at, id);

-- Leaves of one series on one UTC day, in order and without a gap: a line for each run of equal minutes.
CREATE TABLE reliability.evidence_day (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    since_at timestamptz NOT NULL,
    minutes integer NOT NULL,
    leaves text NOT NULL,
    CONSTRAINT evidence_day_pkey PRIMARY KEY (tenant_id, day, model, region, since_at),
    CONSTRAINT evidence_day_minutes CHECK (minutes BETWEEN 1 AND 1440)
);
-- A day is rewritten while it grows.
ALTER TABLE reliability.evidence_day ALTER COLUMN leaves SET STORAGE EXTENDED, SET (fillfactor = 70);

-- Roots of days that are complete, credits and corrections: each becomes a leaf of the public log.
CREATE TABLE reliability.evidence_fact (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid NOT NULL,
    month date NOT NULL,
    kind text NOT NULL,
    -- Of a root: leaves of the tree.
    leaves bigint,
    digest serving.sha256 NOT NULL,
    -- Of a correction or a credit: the line that the digest is of.
    line text,
    -- Row that a credit is of.
    source_id uuid,
    noted_at timestamptz NOT NULL DEFAULT now(),
    -- NULL: not in the log yet.
    position bigint,
    CONSTRAINT evidence_fact_pkey PRIMARY KEY (id),
    CONSTRAINT evidence_fact_key UNIQUE (tenant_id, month, kind, digest, leaves),
    CONSTRAINT evidence_fact_position_key UNIQUE (position),
    CONSTRAINT evidence_fact_source_key UNIQUE (source_id),
    CONSTRAINT evidence_fact_kind CHECK (kind IN ('root', 'credit', 'correction') AND (kind = 'root') = (leaves IS NOT NULL)
        AND (kind = 'root') = (line IS NULL)),
    CONSTRAINT evidence_fact_line CHECK (char_length(line) <= 2000)
);
CREATE INDEX evidence_fact_waiting ON reliability.evidence_fact (id) WHERE position IS NULL;

-- The public log: leaves, the hash of every whole subtree, its end, and what was signed.
CREATE TABLE reliability.evidence_log (
    position bigint NOT NULL,
    entry text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT evidence_log_pkey PRIMARY KEY (position),
    CONSTRAINT evidence_log_entry CHECK (char_length(entry) BETWEEN 1 AND 400)
);
CREATE TABLE reliability.evidence_log_node (
    level integer NOT NULL,
    place bigint NOT NULL,
    hash serving.sha256 NOT NULL,
    CONSTRAINT evidence_log_node_pkey PRIMARY KEY (level, place)
);
CREATE TABLE reliability.evidence_log_end (
    single boolean NOT NULL DEFAULT true,
    size bigint NOT NULL,
    peaks bytea NOT NULL,
    CONSTRAINT evidence_log_end_pkey PRIMARY KEY (single),
    CONSTRAINT evidence_log_end_single CHECK (single)
);
INSERT INTO reliability.evidence_log_end (size, peaks) VALUES (0, '');
CREATE TABLE reliability.evidence_checkpoint (
    -- The hour that it was signed in; one for each.
    hour_at timestamptz NOT NULL,
    size bigint NOT NULL,
    root serving.sha256 NOT NULL,
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT evidence_checkpoint_pkey PRIMARY KEY (hour_at),
    CONSTRAINT evidence_checkpoint_hour CHECK (hour_at = date_trunc('hour', hour_at))
);
CREATE INDEX evidence_checkpoint_size ON reliability.evidence_checkpoint (size, hour_at);

-- Minutes that were summed again after they were closed wait here until their leaf is compared with them.
CREATE TABLE reliability.evidence_late (
    tenant_id uuid NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    minute_at timestamptz NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT evidence_late_pkey PRIMARY KEY (tenant_id, model, region, minute_at)
);
CREATE FUNCTION reliability.note_late_evidence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.minute_at < (SELECT closed_until FROM reliability.minute_progress) THEN
        INSERT INTO reliability.evidence_late (tenant_id, model, region, minute_at) VALUES (NEW.tenant_id, NEW.model, NEW.region, NEW.minute_at)
        ON CONFLICT (tenant_id, model, region, minute_at) DO UPDATE SET noted_at = clock_timestamp();
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER minute_total_late_added AFTER INSERT ON reliability.minute_total FOR EACH ROW
    WHEN (NEW.minute_at < now() - interval '10 minutes') EXECUTE FUNCTION reliability.note_late_evidence();
CREATE TRIGGER minute_total_late_changed AFTER UPDATE ON reliability.minute_total FOR EACH ROW
    WHEN (NEW.minute_at < now() - interval '10 minutes') EXECUTE FUNCTION reliability.note_late_evidence();

-- What is in the log is never changed.
CREATE FUNCTION reliability.refuse_log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the public log only grows' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER evidence_log_append_only BEFORE UPDATE OR DELETE ON reliability.evidence_log
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_log_change();
CREATE TRIGGER evidence_log_node_append_only BEFORE UPDATE OR DELETE ON reliability.evidence_log_node
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_log_change();
CREATE TRIGGER evidence_checkpoint_append_only BEFORE UPDATE OR DELETE ON reliability.evidence_checkpoint
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_log_change();

GRANT SELECT, INSERT, UPDATE ON reliability.evidence_series, reliability.evidence_tree, reliability.evidence_day, reliability.evidence_fact,
    reliability.evidence_log_end TO plimsoll_reliability;
GRANT SELECT, INSERT ON reliability.evidence_log, reliability.evidence_log_node, reliability.evidence_checkpoint TO plimsoll_reliability;
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.evidence_late TO plimsoll_reliability;
