-- The ledger has a cause for what every kind of objective lost: beside bad minutes the late tokens, errors and refusals of each minute.

CREATE TABLE reliability.budget_event (
    -- One order with the entries of bad minutes.
    id bigint NOT NULL DEFAULT nextval('reliability.budget_entry_id_seq'),
    subject_id bigint NOT NULL,
    kind text NOT NULL,
    minute_at timestamptz NOT NULL,
    revision integer NOT NULL,
    -- Events that the minute had, or by how many a late report corrects them; the sum of all revisions holds.
    amount bigint NOT NULL,
    cause text NOT NULL,
    detail text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT budget_event_pkey PRIMARY KEY (id),
    CONSTRAINT budget_event_once UNIQUE (subject_id, minute_at, kind, revision),
    CONSTRAINT budget_event_subject_fkey FOREIGN KEY (subject_id) REFERENCES reliability.budget_subject (id),
    CONSTRAINT budget_event_kind CHECK (kind IN ('ttft_p95', 'ttlt_p95', 'error_rate', 'rate_429')),
    CONSTRAINT budget_event_amount CHECK (amount <> 0 AND revision >= 0),
    CONSTRAINT budget_event_cause CHECK (cause IN ('deployment', 'provider_swap', 'maintenance', 'unexpected')),
    CONSTRAINT budget_event_detail CHECK (char_length(detail) <= 300)
);
CREATE INDEX budget_event_minute ON reliability.budget_event (minute_at, id);
CREATE TRIGGER budget_event_append_only BEFORE UPDATE OR DELETE ON reliability.budget_event
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_change();

CREATE VIEW reliability.budget_ledger AS
    SELECT id, subject_id, 'availability' AS kind, minute_at, revision, amount::bigint AS amount, status, cause, detail, recorded_at
    FROM reliability.budget_entry
    UNION ALL
    SELECT id, subject_id, kind, minute_at, revision, amount, NULL, cause, detail, recorded_at FROM reliability.budget_event;

GRANT SELECT, INSERT ON reliability.budget_event TO plimsoll_reliability;
GRANT SELECT ON reliability.budget_event TO plimsoll_serving;
GRANT SELECT ON reliability.budget_ledger TO plimsoll_serving, plimsoll_reliability;
GRANT USAGE ON SEQUENCE reliability.budget_entry_id_seq TO plimsoll_reliability;
-- Late and failed probes are looked for minute by minute.
CREATE INDEX probe_minute_of_256 ON reliability.probe (model, region, at) WHERE completion_tokens = 256 AND succeeded AND NOT drill;
