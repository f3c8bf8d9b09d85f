-- Trust classes for tenants, keys and workers, hedging and continuation as terms of tiers, and how requests were routed, kept for a week.

ALTER TABLE serving.tenants ADD COLUMN allowed_trust_classes text[],
    ADD CONSTRAINT tenants_trust_classes CHECK (
        allowed_trust_classes <@ ARRAY['standard', 'trusted'] AND cardinality(allowed_trust_classes) <= 2);
ALTER TABLE serving.api_keys ADD COLUMN allowed_trust_classes text[],
    ADD CONSTRAINT api_keys_trust_classes CHECK (
        allowed_trust_classes <@ ARRAY['standard', 'trusted'] AND cardinality(allowed_trust_classes) <= 2);
-- Null: its provider's.
ALTER TABLE serving.workers ADD COLUMN trust_class text,
    ADD CONSTRAINT workers_trust_class CHECK (trust_class IN ('standard', 'trusted'));
ALTER TABLE serving.tiers ADD COLUMN hedge_ppm integer NOT NULL DEFAULT 0,
    ADD COLUMN continues_streams boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT tiers_hedge CHECK (hedge_ppm BETWEEN 0 AND 100000);
ALTER TABLE billing.usage_event ADD COLUMN continued boolean NOT NULL DEFAULT false;

DROP TRIGGER workers_changed ON serving.workers;
CREATE TRIGGER workers_changed AFTER UPDATE ON serving.workers FOR EACH ROW
    WHEN ((OLD.accepted OR NEW.accepted)
        AND (OLD.release, OLD.dialect, OLD.served_model, OLD.slots, OLD.context_tokens, OLD.weight_ppm, OLD.accepted, OLD.retired_at, OLD.trust_class)
        IS DISTINCT FROM
        (NEW.release, NEW.dialect, NEW.served_model, NEW.slots, NEW.context_tokens, NEW.weight_ppm, NEW.accepted, NEW.retired_at, NEW.trust_class))
    EXECUTE FUNCTION serving.table_changed();

-- Never content: candidates, costs, attempts, times. The usage record is the truth; a decision may be missing.
CREATE TABLE reliability.request_decision (
    request_id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    accepted_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    decision jsonb NOT NULL,
    CONSTRAINT request_decision_pkey PRIMARY KEY (request_id, gateway_id),
    CONSTRAINT request_decision_size CHECK (pg_column_size(decision) <= 16384)
);
CREATE INDEX request_decision_received ON reliability.request_decision (received_at);
GRANT SELECT, INSERT, DELETE ON reliability.request_decision TO plimsoll_reliability;
