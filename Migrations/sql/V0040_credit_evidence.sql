-- Credits hold the evidence that they were computed from: the roots of the tenant's trees, and whether all leaves were there.

ALTER TABLE reliability.credit
    ADD COLUMN evidence jsonb NOT NULL DEFAULT '{"complete": false, "trees": []}',
    ADD CONSTRAINT credit_evidence CHECK (
        jsonb_typeof(evidence -> 'complete') = 'boolean' AND jsonb_typeof(evidence -> 'trees') = 'array' AND pg_column_size(evidence) <= 4096);
