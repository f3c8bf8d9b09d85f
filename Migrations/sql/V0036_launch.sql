-- What people attest about a launch where the installation has no data of its own; news of the status page by rows; one table less, because the
-- public history reads service_minute.

CREATE TABLE reliability.launch_attestation (
    id bigint GENERATED ALWAYS AS IDENTITY,
    line text NOT NULL,
    -- What was looked at: a link, a document with its version, who reviewed it.
    evidence serving.reason NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT launch_attestation_pkey PRIMARY KEY (id),
    CONSTRAINT launch_attestation_line CHECK (char_length(line) BETWEEN 1 AND 63),
    CONSTRAINT launch_attestation_actor CHECK (char_length(actor) BETWEEN 1 AND 200)
);
CREATE INDEX launch_attestation_line ON reliability.launch_attestation (line, created_at DESC);
CREATE TRIGGER launch_attestation_append_only BEFORE UPDATE OR DELETE ON reliability.launch_attestation
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_change();
GRANT SELECT ON reliability.launch_attestation TO plimsoll_reliability;
GRANT SELECT, INSERT ON reliability.launch_attestation TO plimsoll_serving;

DROP TABLE reliability.public_minute;

-- A trigger for a statement tells of statements that change nothing, and whoever makes snapshots would wake itself for ever.
DROP TRIGGER status_post_news ON reliability.status_post;
CREATE TRIGGER status_post_news AFTER INSERT OR UPDATE ON reliability.status_post
    FOR EACH ROW EXECUTE FUNCTION reliability.status_news();
DROP TRIGGER status_update_news ON reliability.status_update;
CREATE TRIGGER status_update_news AFTER INSERT ON reliability.status_update
    FOR EACH ROW EXECUTE FUNCTION reliability.status_news();
CREATE TRIGGER incident_news AFTER INSERT OR UPDATE ON reliability.incident
    FOR EACH ROW EXECUTE FUNCTION reliability.status_news();
CREATE TRIGGER maintenance_window_news AFTER INSERT OR UPDATE ON reliability.maintenance_window
    FOR EACH ROW EXECUTE FUNCTION reliability.status_news();
