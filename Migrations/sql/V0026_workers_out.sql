-- Workers that a gateway has taken out of rotation, by id with the reason, as it last told; only what was told lately counts.
ALTER TABLE serving.gateways ADD COLUMN workers_out jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN workers_out_at timestamptz,
    ADD CONSTRAINT gateways_workers_out CHECK (jsonb_typeof(workers_out) = 'object' AND octet_length(workers_out::text) <= 1048576);
