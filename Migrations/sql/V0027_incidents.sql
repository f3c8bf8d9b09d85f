-- Incidents with their timeline, what was done about them, and who was told.

CREATE TABLE reliability.incident (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY,
    -- What it is about; one with the same key is the same incident while it is open.
    key text NOT NULL,
    rule text NOT NULL,
    severity text NOT NULL,
    -- Empty where the incident is not about one.
    tier text NOT NULL DEFAULT '',
    model text NOT NULL DEFAULT '',
    region text NOT NULL DEFAULT '',
    -- For operators only, as are snapshot and timeline.
    provider text NOT NULL DEFAULT '',
    worker_id uuid,
    title text NOT NULL,
    step text NOT NULL DEFAULT 'detected',
    occurrences integer NOT NULL DEFAULT 1,
    -- Marked by a drill.
    drill boolean NOT NULL DEFAULT false,
    -- First bad event that is known.
    began_at timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    -- Last time that its rule held.
    last_signal_at timestamptz NOT NULL,
    -- Customers feel it from then until then; NULL: they do not, or still do.
    impact_from timestamptz,
    impact_until timestamptz,
    stabilizing_at timestamptz,
    diagnosed_at timestamptz,
    mitigated_at timestamptz,
    resolved_at timestamptz,
    reported_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    snapshot jsonb NOT NULL DEFAULT '{}',
    published_at timestamptz,
    veto_reason serving.reason,
    postmortem_due timestamptz,
    postmortem jsonb,
    CONSTRAINT incident_pkey PRIMARY KEY (id),
    CONSTRAINT incident_number_key UNIQUE (number),
    CONSTRAINT incident_rule CHECK (char_length(rule) BETWEEN 1 AND 64),
    CONSTRAINT incident_names CHECK (
        char_length(key) BETWEEN 1 AND 512 AND char_length(title) BETWEEN 1 AND 200 AND char_length(tier) <= 63 AND char_length(model) <= 127
        AND char_length(region) <= 63 AND char_length(provider) <= 63),
    CONSTRAINT incident_severity CHECK (severity IN ('page', 'ticket')),
    CONSTRAINT incident_step CHECK (step IN ('detected', 'stabilizing', 'diagnosed', 'mitigated', 'resolved', 'reported')),
    CONSTRAINT incident_resolved CHECK ((resolved_at IS NOT NULL) = (step IN ('resolved', 'reported'))),
    CONSTRAINT incident_reported CHECK ((reported_at IS NOT NULL) = (step = 'reported')),
    CONSTRAINT incident_occurrences CHECK (occurrences > 0),
    CONSTRAINT incident_acknowledged CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
    CONSTRAINT incident_snapshot CHECK (pg_column_size(snapshot) <= 1048576 AND pg_column_size(postmortem) <= 262144)
);
CREATE UNIQUE INDEX incident_open ON reliability.incident (key) WHERE resolved_at IS NULL;
CREATE INDEX incident_opened ON reliability.incident (opened_at, id);

-- What happened, in the order in which it was written; never changed.
CREATE TABLE reliability.incident_event (
    id bigint GENERATED ALWAYS AS IDENTITY,
    incident_id uuid NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    text text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT incident_event_pkey PRIMARY KEY (id),
    CONSTRAINT incident_event_incident_fkey FOREIGN KEY (incident_id) REFERENCES reliability.incident (id),
    CONSTRAINT incident_event_kind CHECK (
        kind IN ('opened', 'signal', 'step', 'mitigation', 'proposal', 'page', 'acknowledged', 'note', 'published', 'resolved', 'postmortem')),
    CONSTRAINT incident_event_actor CHECK (char_length(actor) BETWEEN 1 AND 200),
    CONSTRAINT incident_event_text CHECK (char_length(text) BETWEEN 1 AND 2000),
    CONSTRAINT incident_event_detail CHECK (pg_column_size(detail) <= 65536)
);
CREATE INDEX incident_event_incident ON reliability.incident_event (incident_id, id);

CREATE FUNCTION reliability.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER incident_event_append_only BEFORE UPDATE OR DELETE ON reliability.incident_event
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_change();

CREATE TABLE reliability.mitigation (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    action text NOT NULL,
    -- What it is about and what it does; NULL where the action does not ask for it.
    tier text,
    model text,
    region text,
    provider text,
    worker_id uuid,
    pool text,
    release text,
    tenant_id uuid,
    to_model text,
    to_region text,
    value integer,
    -- NULL: a person wanted it.
    incident_id uuid,
    cause serving.reason NOT NULL,
    -- Of an hour; NULL: not known, or nothing.
    cost_micro_usd_per_hour bigint,
    mode text NOT NULL,
    state text NOT NULL,
    requested_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Of an applied one.
    expires_at timestamptz NOT NULL,
    -- The policy does not take it back.
    pinned boolean NOT NULL DEFAULT false,
    ended_at timestamptz,
    end_reason text,
    -- The policy does not do it again until then.
    vetoed_until timestamptz,
    CONSTRAINT mitigation_pkey PRIMARY KEY (id),
    CONSTRAINT mitigation_incident_fkey FOREIGN KEY (incident_id) REFERENCES reliability.incident (id),
    CONSTRAINT mitigation_action CHECK (char_length(action) BETWEEN 1 AND 64),
    CONSTRAINT mitigation_names CHECK (
        char_length(tier) <= 63 AND char_length(model) <= 127 AND char_length(region) <= 63 AND char_length(provider) <= 63
        AND char_length(pool) <= 63 AND char_length(release) <= 127 AND char_length(to_model) <= 127 AND char_length(to_region) <= 63),
    CONSTRAINT mitigation_mode CHECK (mode IN ('automatic', 'manual', 'dry_run', 'proposal')),
    CONSTRAINT mitigation_state CHECK (state IN ('active', 'reverted', 'expired', 'vetoed', 'proposed', 'done', 'declined')),
    CONSTRAINT mitigation_proposed CHECK (mode = 'proposal' OR state NOT IN ('proposed', 'declined')),
    CONSTRAINT mitigation_ended CHECK ((ended_at IS NULL) = (state IN ('active', 'proposed'))),
    CONSTRAINT mitigation_life CHECK (expires_at > created_at),
    CONSTRAINT mitigation_requested_by CHECK (char_length(requested_by) BETWEEN 1 AND 200)
);
CREATE INDEX mitigation_open ON reliability.mitigation (created_at) WHERE state IN ('active', 'proposed');
CREATE INDEX mitigation_created ON reliability.mitigation (created_at, id);
CREATE INDEX mitigation_incident ON reliability.mitigation (incident_id);
CREATE TRIGGER mitigation_changed AFTER INSERT OR UPDATE OR DELETE ON reliability.mitigation
    FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();

-- How the policy may act; one row.
CREATE TABLE reliability.mitigation_policy (
    single boolean NOT NULL DEFAULT true,
    mode text NOT NULL DEFAULT 'act',
    -- Mitigations in force at once.
    most integer NOT NULL DEFAULT 6,
    apply_seconds integer NOT NULL DEFAULT 0,
    hold_seconds integer NOT NULL DEFAULT 300,
    clean_minutes integer NOT NULL DEFAULT 5,
    life_seconds integer NOT NULL DEFAULT 3600,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT mitigation_policy_pkey PRIMARY KEY (single),
    CONSTRAINT mitigation_policy_single CHECK (single),
    CONSTRAINT mitigation_policy_mode CHECK (mode IN ('off', 'dry_run', 'act')),
    CONSTRAINT mitigation_policy_numbers CHECK (
        most BETWEEN 0 AND 100 AND apply_seconds BETWEEN 0 AND 3600 AND hold_seconds BETWEEN 10 AND 86400
        AND clean_minutes BETWEEN 1 AND 1440 AND life_seconds BETWEEN 60 AND 604800)
);
INSERT INTO reliability.mitigation_policy DEFAULT VALUES;

-- Where people are told.
CREATE TABLE reliability.page_channel (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.slug NOT NULL,
    kind text NOT NULL,
    url text NOT NULL,
    -- File on the control plane's machine that holds the secret: routing key, bearer token or signing key.
    secret_file text,
    -- Tickets and pages, or pages alone.
    least_severity text NOT NULL DEFAULT 'page',
    -- Hears of an incident only when nobody has acknowledged it for so long; NULL: at once.
    escalate_after_seconds integer,
    state text NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT page_channel_pkey PRIMARY KEY (id),
    CONSTRAINT page_channel_name_key UNIQUE (name),
    CONSTRAINT page_channel_kind CHECK (kind IN ('pagerduty', 'alertmanager', 'slack', 'generic')),
    CONSTRAINT page_channel_url CHECK (char_length(url) BETWEEN 8 AND 2000 AND url ~ '^https?://'),
    CONSTRAINT page_channel_secret_file CHECK (char_length(secret_file) BETWEEN 2 AND 1000 AND secret_file ~ '^/'),
    CONSTRAINT page_channel_least_severity CHECK (least_severity IN ('page', 'ticket')),
    CONSTRAINT page_channel_escalation CHECK (escalate_after_seconds BETWEEN 1 AND 86400),
    CONSTRAINT page_channel_state CHECK (state IN ('active', 'paused', 'deleted'))
);

-- What is to be told, written with what it tells; delivered at least once.
CREATE TABLE reliability.page (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    channel_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    event text NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_error text,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT page_pkey PRIMARY KEY (id),
    -- Twice the same is once.
    CONSTRAINT page_event_key UNIQUE (incident_id, channel_id, event),
    CONSTRAINT page_channel_fkey FOREIGN KEY (channel_id) REFERENCES reliability.page_channel (id),
    CONSTRAINT page_incident_fkey FOREIGN KEY (incident_id) REFERENCES reliability.incident (id),
    CONSTRAINT page_event CHECK (event IN ('opened', 'acknowledged', 'resolved', 'overdue')),
    CONSTRAINT page_state CHECK (state IN ('pending', 'delivered', 'dead', 'dropped')),
    CONSTRAINT page_attempts CHECK (attempts >= 0),
    CONSTRAINT page_last_error CHECK (char_length(last_error) <= 500),
    CONSTRAINT page_ended CHECK ((ended_at IS NULL) = (state = 'pending'))
);
CREATE INDEX page_due ON reliability.page (next_attempt_at) WHERE state = 'pending';
CREATE INDEX page_created ON reliability.page (created_at, id);

-- An administrator's change and its audit row are one transaction of the serving role; the table's publisher reads what is in force.
GRANT USAGE ON SCHEMA reliability TO plimsoll_serving;
GRANT SELECT, INSERT, UPDATE ON reliability.incident, reliability.mitigation, reliability.mitigation_policy, reliability.page_channel, reliability.page
    TO plimsoll_serving, plimsoll_reliability;
GRANT SELECT, INSERT ON reliability.incident_event TO plimsoll_serving, plimsoll_reliability;
