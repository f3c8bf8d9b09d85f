-- What the public is told: settings of the page, posts with their updates, minutes of the whole service, the newest snapshot.

-- One row. Contact and hours are shown as they stand.
CREATE TABLE reliability.status_settings (
    single boolean NOT NULL DEFAULT true,
    page_id uuid NOT NULL DEFAULT gen_random_uuid(),
    page_name serving.label NOT NULL DEFAULT 'Inference service',
    page_url text,
    support_contact serving.label,
    support_hours serving.label,
    -- What the public calls a region, such as {"eu": "Europe"}.
    region_names jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT status_settings_pkey PRIMARY KEY (single),
    CONSTRAINT status_settings_single CHECK (single),
    CONSTRAINT status_settings_url CHECK (page_url ~ '^https?://[^\s"<>]{1,200}[^\s"<>/]$'),
    CONSTRAINT status_settings_region_names CHECK (jsonb_typeof(region_names) = 'object' AND pg_column_size(region_names) <= 65536)
);
INSERT INTO reliability.status_settings DEFAULT VALUES;

-- An incident or a maintenance window as the public knows it. It is a draft until it is published; a draft with a time publishes itself then.
CREATE TABLE reliability.status_post (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    kind text NOT NULL,
    -- What it tells of; both NULL: what an operator wrote by hand.
    incident_id uuid,
    window_id uuid,
    title serving.label NOT NULL,
    impact text NOT NULL,
    -- Pairs of model and region; empty: all of the service.
    models text[] NOT NULL,
    regions text[] NOT NULL,
    began_at timestamptz NOT NULL,
    -- Of maintenance.
    ends_at timestamptz,
    publish_at timestamptz,
    published_at timestamptz,
    vetoed_at timestamptz,
    vetoed_by text,
    veto_reason serving.reason,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT status_post_pkey PRIMARY KEY (id),
    CONSTRAINT status_post_incident_key UNIQUE (incident_id),
    CONSTRAINT status_post_window_key UNIQUE (window_id),
    CONSTRAINT status_post_kind CHECK (kind IN ('incident', 'maintenance')),
    CONSTRAINT status_post_impact CHECK (impact IN ('none', 'minor', 'major', 'critical')),
    CONSTRAINT status_post_places CHECK (cardinality(models) = cardinality(regions) AND cardinality(models) <= 1000),
    CONSTRAINT status_post_ends CHECK ((kind = 'maintenance') = (ends_at IS NOT NULL) AND (ends_at IS NULL OR ends_at > began_at)),
    CONSTRAINT status_post_veto CHECK ((vetoed_at IS NULL) = (veto_reason IS NULL) AND (vetoed_at IS NULL OR published_at IS NULL)),
    CONSTRAINT status_post_created_by CHECK (char_length(created_by) BETWEEN 1 AND 200)
);
CREATE INDEX status_post_began ON reliability.status_post (began_at DESC);

-- Append-only: what was published stays; a mistake is corrected by another update that names it.
CREATE TABLE reliability.status_update (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    post_id uuid NOT NULL,
    status text NOT NULL,
    body text NOT NULL,
    -- Parts of a post-incident note.
    note jsonb,
    corrects uuid,
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT status_update_pkey PRIMARY KEY (id),
    CONSTRAINT status_update_post_fkey FOREIGN KEY (post_id) REFERENCES reliability.status_post (id),
    CONSTRAINT status_update_corrects_fkey FOREIGN KEY (corrects) REFERENCES reliability.status_update (id),
    CONSTRAINT status_update_corrects_key UNIQUE (corrects),
    CONSTRAINT status_update_status CHECK (status IN ('investigating', 'identified', 'monitoring', 'resolved', 'postmortem', 'scheduled',
        'in_progress', 'verifying', 'completed')),
    CONSTRAINT status_update_body CHECK (char_length(body) BETWEEN 1 AND 4000),
    CONSTRAINT status_update_note CHECK (note IS NULL OR jsonb_typeof(note) = 'object'),
    CONSTRAINT status_update_actor CHECK (char_length(actor) BETWEEN 1 AND 200)
);
CREATE INDEX status_update_post ON reliability.status_update (post_id, created_at);

CREATE TRIGGER status_update_append_only BEFORE UPDATE OR DELETE ON reliability.status_update
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_change();

-- A minute of a model in a region, all tenants together: what the public history is reckoned from.
CREATE TABLE reliability.public_minute (
    model text NOT NULL,
    region text NOT NULL,
    minute_at timestamptz NOT NULL,
    good bigint NOT NULL,
    bad bigint NOT NULL,
    requests bigint NOT NULL,
    limited bigint NOT NULL,
    first_token_samples bigint NOT NULL,
    first_token_over bigint NOT NULL,
    probe_successes bigint NOT NULL,
    probe_failures bigint NOT NULL,
    CONSTRAINT public_minute_pkey PRIMARY KEY (model, region, minute_at)
);
CREATE INDEX public_minute_time ON reliability.public_minute (minute_at);

-- Times to the first token of an hour or a day of UTC.
CREATE TABLE reliability.public_latency (
    model text NOT NULL,
    region text NOT NULL,
    span text NOT NULL,
    start_at timestamptz NOT NULL,
    samples bigint NOT NULL,
    p50_us bigint NOT NULL,
    p95_us bigint NOT NULL,
    -- Of hours, from which days are merged: bucket to count.
    histogram jsonb,
    CONSTRAINT public_latency_pkey PRIMARY KEY (model, region, span, start_at),
    CONSTRAINT public_latency_span CHECK (span IN ('hour', 'day')),
    CONSTRAINT public_latency_numbers CHECK (samples > 0 AND p50_us >= 0 AND p95_us >= p50_us)
);
CREATE INDEX public_latency_time ON reliability.public_latency (start_at);

-- One row: the newest.
CREATE TABLE reliability.status_snapshot (
    single boolean NOT NULL DEFAULT true,
    version bigint NOT NULL,
    generated_at timestamptz NOT NULL,
    snapshot text NOT NULL,
    CONSTRAINT status_snapshot_pkey PRIMARY KEY (single),
    CONSTRAINT status_snapshot_single CHECK (single)
);

CREATE FUNCTION reliability.status_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('plimsoll_status', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER status_snapshot_made AFTER INSERT OR UPDATE ON reliability.status_snapshot
    FOR EACH STATEMENT EXECUTE FUNCTION reliability.status_made();

-- Whoever makes snapshots hears of what there is to tell.
CREATE FUNCTION reliability.status_news() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('plimsoll_status_news', TG_TABLE_NAME);
    RETURN NULL;
END
$$;
CREATE TRIGGER status_post_news AFTER INSERT OR UPDATE ON reliability.status_post
    FOR EACH STATEMENT EXECUTE FUNCTION reliability.status_news();
CREATE TRIGGER status_update_news AFTER INSERT ON reliability.status_update
    FOR EACH STATEMENT EXECUTE FUNCTION reliability.status_news();
CREATE TRIGGER status_settings_news AFTER UPDATE ON reliability.status_settings
    FOR EACH STATEMENT EXECUTE FUNCTION reliability.status_news();

-- Operators' changes are written by the serving role, in one transaction with their audit row.
GRANT USAGE ON SCHEMA reliability TO plimsoll_serving;
GRANT SELECT, UPDATE ON reliability.status_settings TO plimsoll_reliability, plimsoll_serving;
GRANT SELECT, INSERT, UPDATE ON reliability.status_post TO plimsoll_reliability, plimsoll_serving;
GRANT SELECT, INSERT ON reliability.status_update TO plimsoll_reliability, plimsoll_serving;
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.public_minute, reliability.public_latency, reliability.status_snapshot
    TO plimsoll_reliability;
GRANT SELECT ON reliability.public_minute, reliability.status_snapshot TO plimsoll_serving;
