-- The last lines of a runtime's log, as its agent told when the runtime began to fail or was ended; for the snapshots of incidents.

ALTER TABLE serving.workers ADD COLUMN log_tail jsonb, ADD COLUMN log_tail_at timestamptz,
    ADD CONSTRAINT workers_log_tail CHECK (jsonb_typeof(log_tail) = 'array' AND octet_length(log_tail::text) <= 65536);
