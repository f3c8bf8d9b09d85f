-- Objectives as data, the ledger of bad minutes, burn alerts, the freeze, terms of contracts, and credits.

CREATE TABLE reliability.objective (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.slug NOT NULL,
    kind text NOT NULL,
    -- What it is for; NULL: all. Of several the most specific one holds: tenant, then model, region, tier.
    tenant_id uuid,
    tier text,
    model text,
    region text,
    -- availability: least share of good minutes; ttft_p95 and ttlt_p95: least share of requests at or below the threshold;
    -- error_rate and rate_429: the share that must not be reached.
    target_ppm serving.parts_per_million NOT NULL,
    threshold_microseconds bigint,
    -- Of an availability: a minute is bad above this share of bad requests; NULL: with any.
    bad_above_ppm serving.parts_per_million DEFAULT 50000,
    period text NOT NULL DEFAULT 'calendar',
    time_zone text NOT NULL DEFAULT 'UTC',
    -- Whether fast spending of its budget raises alerts.
    burn_alerts boolean NOT NULL DEFAULT true,
    -- Whether a spent budget holds changes up.
    freezes boolean NOT NULL DEFAULT true,
    state text NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT objective_pkey PRIMARY KEY (id),
    CONSTRAINT objective_kind CHECK (kind IN ('availability', 'ttft_p95', 'ttlt_p95', 'error_rate', 'rate_429')),
    CONSTRAINT objective_threshold CHECK ((kind IN ('ttft_p95', 'ttlt_p95')) = (threshold_microseconds IS NOT NULL)),
    CONSTRAINT objective_threshold_range CHECK (threshold_microseconds BETWEEN 1000 AND 3600000000),
    CONSTRAINT objective_target CHECK (CASE WHEN kind IN ('error_rate', 'rate_429') THEN target_ppm BETWEEN 1 AND 999999 ELSE target_ppm BETWEEN 1 AND 1000000 END),
    CONSTRAINT objective_percentile CHECK (kind NOT IN ('ttft_p95', 'ttlt_p95') OR target_ppm = 950000),
    CONSTRAINT objective_period CHECK (period IN ('calendar', 'rolling')),
    CONSTRAINT objective_time_zone CHECK (char_length(time_zone) BETWEEN 1 AND 64),
    CONSTRAINT objective_state CHECK (state IN ('active', 'deleted'))
);
CREATE UNIQUE INDEX objective_name_key ON reliability.objective (name) WHERE state <> 'deleted';
CREATE UNIQUE INDEX objective_scope_key ON reliability.objective
    (kind, coalesce(tenant_id::text, ''), coalesce(tier, ''), coalesce(model, ''), coalesce(region, '')) WHERE state <> 'deleted';

INSERT INTO reliability.objective (name, kind, target_ppm, threshold_microseconds) VALUES
    ('availability', 'availability', 999000, NULL),
    ('first-token', 'ttft_p95', 950000, 1500000),
    ('last-token', 'ttlt_p95', 950000, 8000000),
    ('errors', 'error_rate', 2000, NULL),
    ('refusals', 'rate_429', 10000, NULL);

-- Whose budgets are kept: each tier, model and region that was ever asked or is sold, and tenants with an objective or terms of their own.
CREATE TABLE reliability.budget_subject (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid,
    tier text NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    first_minute_at timestamptz NOT NULL,
    -- It is not sold any more.
    ended_at timestamptz,
    CONSTRAINT budget_subject_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX budget_subject_open ON reliability.budget_subject (coalesce(tenant_id::text, ''), tier, model, region) WHERE ended_at IS NULL;

-- Every bad minute with its cause. A late report adds a row that takes back or adds; nothing is edited.
CREATE TABLE reliability.budget_entry (
    id bigint GENERATED ALWAYS AS IDENTITY,
    subject_id bigint NOT NULL,
    minute_at timestamptz NOT NULL,
    revision integer NOT NULL DEFAULT 0,
    -- 1, or -1 where a correction takes the minute back.
    amount smallint NOT NULL,
    status text NOT NULL,
    cause text NOT NULL,
    -- What happened that is taken for the cause, such as the name of a release.
    detail text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT budget_entry_pkey PRIMARY KEY (id),
    CONSTRAINT budget_entry_once UNIQUE (subject_id, minute_at, revision),
    CONSTRAINT budget_entry_subject_fkey FOREIGN KEY (subject_id) REFERENCES reliability.budget_subject (id),
    CONSTRAINT budget_entry_amount CHECK (amount IN (1, -1) AND revision >= 0 AND (amount = 1) = (revision % 2 = 0)),
    CONSTRAINT budget_entry_status CHECK (status IN ('bad', 'bad:idle', 'bad:unmeasured')),
    CONSTRAINT budget_entry_cause CHECK (cause IN ('deployment', 'provider_swap', 'maintenance', 'unexpected')),
    CONSTRAINT budget_entry_detail CHECK (char_length(detail) <= 300)
);
CREATE INDEX budget_entry_minute ON reliability.budget_entry (minute_at, id);
CREATE TRIGGER budget_entry_append_only BEFORE UPDATE OR DELETE ON reliability.budget_entry
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_change();

-- How each objective of each subject stands; written anew every minute.
CREATE TABLE reliability.budget_state (
    subject_id bigint NOT NULL,
    kind text NOT NULL,
    objective_id uuid NOT NULL,
    period_from timestamptz NOT NULL,
    period_until timestamptz NOT NULL,
    -- Minutes of an availability, else requests or samples.
    total bigint NOT NULL,
    bad bigint NOT NULL,
    -- As numerator and denominator; NULL: there is no budget, or nothing was measured.
    consumed_numerator bigint,
    consumed_denominator bigint,
    rolling_total bigint NOT NULL,
    rolling_bad bigint NOT NULL,
    rolling_consumed_numerator bigint,
    rolling_consumed_denominator bigint,
    verdict text NOT NULL,
    freeze_state text NOT NULL,
    -- Bad minutes by cause, of an availability.
    causes jsonb NOT NULL DEFAULT '{}',
    evaluated_at timestamptz NOT NULL,
    CONSTRAINT budget_state_pkey PRIMARY KEY (subject_id, kind),
    CONSTRAINT budget_state_subject_fkey FOREIGN KEY (subject_id) REFERENCES reliability.budget_subject (id),
    CONSTRAINT budget_state_verdict CHECK (verdict IN ('met', 'missed', 'no_data')),
    CONSTRAINT budget_state_freeze CHECK (freeze_state IN ('normal', 'caution', 'frozen'))
);

CREATE TABLE reliability.burn_alert (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    subject_id bigint NOT NULL,
    kind text NOT NULL,
    objective_id uuid NOT NULL,
    severity text NOT NULL,
    long_seconds bigint NOT NULL,
    short_seconds bigint NOT NULL,
    -- How many times as fast as allowed, when it was opened, and above what it fires.
    burn numeric(20, 3),
    threshold numeric(20, 3) NOT NULL,
    bad bigint NOT NULL,
    total bigint NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT burn_alert_pkey PRIMARY KEY (id),
    CONSTRAINT burn_alert_subject_fkey FOREIGN KEY (subject_id) REFERENCES reliability.budget_subject (id),
    CONSTRAINT burn_alert_severity CHECK (severity IN ('page', 'ticket'))
);
CREATE UNIQUE INDEX burn_alert_open ON reliability.burn_alert (subject_id, kind, long_seconds) WHERE closed_at IS NULL;
CREATE INDEX burn_alert_opened ON reliability.burn_alert (opened_at, id);

-- Leave to change something although a budget is spent: asked for by one person, approved by another, for a while.
CREATE TABLE reliability.freeze_pass (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    kind text NOT NULL,
    -- NULL: any.
    change text,
    model text,
    region text,
    tier text,
    reason serving.reason NOT NULL,
    requested_by text NOT NULL,
    approved_by text,
    approved_at timestamptz,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT freeze_pass_pkey PRIMARY KEY (id),
    CONSTRAINT freeze_pass_kind CHECK (kind IN ('security', 'p0')),
    CONSTRAINT freeze_pass_change CHECK (change IN ('deployment', 'provider_swap', 'price')),
    CONSTRAINT freeze_pass_approver CHECK (approved_by <> requested_by),
    CONSTRAINT freeze_pass_approved CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT freeze_pass_life CHECK (expires_at > created_at AND expires_at <= created_at + interval '1 day')
);
CREATE INDEX freeze_pass_created ON reliability.freeze_pass (created_at, id);

-- Changes that were let through by one.
CREATE TABLE reliability.freeze_use (
    id bigint GENERATED ALWAYS AS IDENTITY,
    pass_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    change text NOT NULL,
    subject text NOT NULL,
    CONSTRAINT freeze_use_pkey PRIMARY KEY (id),
    CONSTRAINT freeze_use_pass_fkey FOREIGN KEY (pass_id) REFERENCES reliability.freeze_pass (id)
);
CREATE TRIGGER freeze_use_append_only BEFORE UPDATE OR DELETE ON reliability.freeze_use
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_change();

-- What a contract says. A version is never changed: another text is another version of the same name.
CREATE TABLE reliability.terms (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.slug NOT NULL,
    version integer NOT NULL,
    title serving.label NOT NULL,
    -- What is sold under it; NULL: any model, any region.
    tier text NOT NULL,
    model text,
    region text,
    availability_ppm serving.parts_per_million NOT NULL DEFAULT 999000,
    -- A minute is bad above this share of bad requests; NULL: with any.
    bad_above_ppm serving.parts_per_million,
    ttft_threshold_microseconds bigint NOT NULL DEFAULT 1500000,
    ttlt_threshold_microseconds bigint NOT NULL DEFAULT 8000000,
    ttlt_tokens integer NOT NULL DEFAULT 256,
    credit_counting text NOT NULL DEFAULT 'started',
    credit_step_ppm integer NOT NULL DEFAULT 1000,
    credit_step_percent integer NOT NULL DEFAULT 5,
    -- Instead of steps: [{"below_ppm": 999000, "percent": 10}, …].
    credit_table jsonb,
    latency_credit_percent integer NOT NULL DEFAULT 5,
    latency_per_episode boolean NOT NULL DEFAULT false,
    credit_cap_percent integer NOT NULL DEFAULT 25,
    exclusions text[] NOT NULL DEFAULT ARRAY[
        'customer_network', 'over_quota', 'force_majeure', 'scheduled_maintenance', 'over_limit', 'misuse'],
    burst_percent integer NOT NULL DEFAULT 0,
    maintenance_lead_hours integer NOT NULL DEFAULT 72,
    maintenance_month_minutes integer NOT NULL DEFAULT 240,
    termination_days integer NOT NULL DEFAULT 30,
    dispute_days integer NOT NULL DEFAULT 60,
    sole_remedy boolean NOT NULL DEFAULT true,
    time_zone text NOT NULL DEFAULT 'UTC',
    -- Days of evidence that a promise under it needs.
    evidence_days integer NOT NULL DEFAULT 30,
    reviewed_by_counsel text,
    reviewed_on date,
    state text NOT NULL DEFAULT 'active',
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT terms_pkey PRIMARY KEY (id),
    CONSTRAINT terms_version_key UNIQUE (name, version),
    CONSTRAINT terms_availability CHECK (availability_ppm BETWEEN 1 AND 999999),
    CONSTRAINT terms_thresholds CHECK (
        ttft_threshold_microseconds BETWEEN 1000 AND 3600000000 AND ttlt_threshold_microseconds BETWEEN 1000 AND 3600000000
        AND ttlt_tokens BETWEEN 1 AND 100000),
    CONSTRAINT terms_counting CHECK (credit_counting IN ('started', 'full', 'prorata')),
    CONSTRAINT terms_credit CHECK (
        credit_step_ppm BETWEEN 1 AND 1000000 AND credit_step_percent BETWEEN 0 AND 100 AND latency_credit_percent BETWEEN 0 AND 100
        AND credit_cap_percent BETWEEN 0 AND 100 AND pg_column_size(credit_table) <= 8192),
    CONSTRAINT terms_exclusions CHECK (exclusions <@ ARRAY[
        'customer_network', 'over_quota', 'force_majeure', 'scheduled_maintenance', 'over_limit', 'misuse']),
    CONSTRAINT terms_burst CHECK (burst_percent BETWEEN 0 AND 1000),
    CONSTRAINT terms_maintenance CHECK (maintenance_lead_hours BETWEEN 0 AND 720 AND maintenance_month_minutes BETWEEN 0 AND 10080),
    CONSTRAINT terms_days CHECK (termination_days BETWEEN 0 AND 365 AND dispute_days BETWEEN 1 AND 365 AND evidence_days BETWEEN 1 AND 90),
    CONSTRAINT terms_counsel CHECK ((reviewed_by_counsel IS NULL) = (reviewed_on IS NULL) AND char_length(reviewed_by_counsel) BETWEEN 1 AND 200),
    CONSTRAINT terms_state CHECK (state IN ('active', 'retired')),
    CONSTRAINT terms_time_zone CHECK (char_length(time_zone) BETWEEN 1 AND 64)
);
CREATE FUNCTION reliability.refuse_terms_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Only what does not change what was agreed: whether new contracts take it.
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state' THEN
        RAISE EXCEPTION 'versions of terms are never changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER terms_immutable BEFORE UPDATE OR DELETE ON reliability.terms FOR EACH ROW EXECUTE FUNCTION reliability.refuse_terms_change();

-- Terms in force for a tenant's use of a model in a region.
CREATE TABLE reliability.agreement (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    terms_id uuid NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    state text NOT NULL,
    -- The promise counts from this minute on, and until that one.
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    -- Part of the fee that is agreed whatever is used.
    monthly_minimum_micro_usd bigint NOT NULL,
    -- When maintenance may be: a day of the week (1 Monday; NULL: every day) and minutes of the day in the terms' zone; NULL: any time.
    maintenance_weekday integer,
    maintenance_from_minute integer,
    maintenance_until_minute integer,
    -- What the evidence said when it was asked for.
    evidence jsonb NOT NULL,
    override_reason serving.reason,
    requested_by text NOT NULL,
    approved_by text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agreement_pkey PRIMARY KEY (id),
    CONSTRAINT agreement_terms_fkey FOREIGN KEY (terms_id) REFERENCES reliability.terms (id),
    CONSTRAINT agreement_state CHECK (state IN ('proposed', 'active', 'ended')),
    CONSTRAINT agreement_whole CHECK (starts_at = date_trunc('minute', starts_at) AND ends_at = date_trunc('minute', ends_at)),
    CONSTRAINT agreement_ends_at CHECK (ends_at > starts_at),
    CONSTRAINT agreement_minimum CHECK (monthly_minimum_micro_usd BETWEEN 0 AND 1000000000000000),
    CONSTRAINT agreement_window CHECK (
        maintenance_weekday BETWEEN 1 AND 7 AND (maintenance_from_minute IS NULL) = (maintenance_until_minute IS NULL)
        AND maintenance_from_minute BETWEEN 0 AND 1439 AND maintenance_until_minute BETWEEN 1 AND 1440
        AND maintenance_from_minute < maintenance_until_minute),
    CONSTRAINT agreement_approvers CHECK (cardinality(approved_by) <= 8 AND array_position(approved_by, NULL) IS NULL)
);
CREATE UNIQUE INDEX agreement_open ON reliability.agreement (tenant_id, model, region) WHERE state <> 'ended';
CREATE INDEX agreement_created ON reliability.agreement (created_at, id);

-- What a month gives back, with all that it was computed from. A row is never changed: other inputs make another version.
CREATE TABLE reliability.credit (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    agreement_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    terms_id uuid NOT NULL,
    -- Such as 2026-06, in the zone of the terms.
    month text NOT NULL,
    version integer NOT NULL,
    -- issued: the next invoice takes it; carried: an invoice took a part, and the rest goes on; none: nothing is owed.
    status text NOT NULL,
    currency text NOT NULL DEFAULT 'USD',
    amount_cents bigint NOT NULL,
    arithmetic jsonb NOT NULL,
    computed_by text NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT credit_pkey PRIMARY KEY (id),
    CONSTRAINT credit_version_key UNIQUE (agreement_id, month, version),
    CONSTRAINT credit_agreement_fkey FOREIGN KEY (agreement_id) REFERENCES reliability.agreement (id),
    CONSTRAINT credit_month CHECK (month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    CONSTRAINT credit_status CHECK (status IN ('none', 'issued', 'carried')),
    CONSTRAINT credit_amount CHECK (amount_cents >= 0 AND (status = 'none') = (amount_cents = 0))
);
CREATE INDEX credit_computed ON reliability.credit (computed_at, id);
CREATE TRIGGER credit_append_only BEFORE UPDATE OR DELETE ON reliability.credit
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_change();

GRANT SELECT ON reliability.objective, reliability.terms, reliability.agreement, reliability.freeze_pass, reliability.freeze_use
    TO plimsoll_reliability;
GRANT SELECT, INSERT, UPDATE ON reliability.budget_subject, reliability.budget_state, reliability.burn_alert TO plimsoll_reliability;
GRANT DELETE ON reliability.budget_state TO plimsoll_reliability;
GRANT SELECT, INSERT ON reliability.budget_entry, reliability.credit TO plimsoll_reliability;
GRANT SELECT, INSERT, UPDATE ON reliability.objective, reliability.terms, reliability.agreement, reliability.freeze_pass TO plimsoll_serving;
GRANT SELECT, INSERT ON reliability.freeze_use, reliability.credit TO plimsoll_serving;
GRANT SELECT ON reliability.probe_minute TO plimsoll_serving;
GRANT SELECT ON reliability.budget_subject, reliability.budget_state, reliability.budget_entry, reliability.burn_alert TO plimsoll_serving;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA reliability TO plimsoll_reliability, plimsoll_serving;

-- Probes that are told late change the verdict of minutes that are closed.
CREATE FUNCTION reliability.note_late_probe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.minute_at < (SELECT closed_until FROM reliability.minute_progress) THEN
        INSERT INTO reliability.late_minute (tenant_id, model, region, minute_at)
        VALUES ('00000000-0000-0000-0000-000000000000', NEW.model, NEW.region, NEW.minute_at)
        ON CONFLICT (tenant_id, model, region, minute_at) DO UPDATE SET noted_at = now();
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER probe_late_added AFTER INSERT ON reliability.probe_minute FOR EACH ROW
    WHEN (NEW.minute_at < now() - interval '15 minutes') EXECUTE FUNCTION reliability.note_late_probe();
CREATE TRIGGER probe_late_changed AFTER UPDATE ON reliability.probe_minute FOR EACH ROW
    WHEN (NEW.minute_at < now() - interval '15 minutes') EXECUTE FUNCTION reliability.note_late_probe();

-- Minutes of the day by the probes alone, for whoever asked nothing on that day.
ALTER TABLE reliability.day_total
    ADD COLUMN probe_good_minutes integer NOT NULL DEFAULT 0,
    ADD COLUMN probe_bad_minutes integer NOT NULL DEFAULT 0;
