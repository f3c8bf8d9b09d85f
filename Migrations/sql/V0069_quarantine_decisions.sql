-- What was set aside is decided by a person, with a reason: it stays on record as it came, and nobody waits for it any more.

ALTER TABLE billing.usage_quarantine
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN decided_by text,
    ADD COLUMN decision serving.reason,
    ADD CONSTRAINT usage_quarantine_decision CHECK (
        (decided_at IS NULL) = (decision IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL) AND char_length(decided_by) BETWEEN 1 AND 200);
CREATE INDEX usage_quarantine_open ON billing.usage_quarantine (received_at) WHERE decided_at IS NULL;

-- An operator's decision and its audit row are one transaction of the serving role, which sees and changes nothing else of this room.
GRANT USAGE ON SCHEMA billing TO plimsoll_serving;
GRANT SELECT, UPDATE (decided_at, decided_by, decision) ON billing.usage_quarantine TO plimsoll_serving;
