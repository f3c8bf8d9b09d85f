-- A worker's runtime can be started again by its agent, for an operator or for an incident.

ALTER TABLE serving.workers ADD COLUMN restartable boolean NOT NULL DEFAULT FALSE;

ALTER TABLE serving.operations
    -- Of a restart; NULL: of the whole host.
    ADD COLUMN worker_id uuid,
    ADD CONSTRAINT operations_worker_fkey FOREIGN KEY (worker_id) REFERENCES serving.workers (id),
    DROP CONSTRAINT operations_kind,
    ADD CONSTRAINT operations_kind CHECK (kind IN ('drain', 'resume', 'restart')),
    ADD CONSTRAINT operations_worker CHECK ((kind = 'restart') = (worker_id IS NOT NULL));
CREATE INDEX operations_worker_created ON serving.operations (worker_id, created_at) WHERE worker_id IS NOT NULL;

-- What carries it out on a host; NULL: gateways alone.
ALTER TABLE reliability.mitigation ADD COLUMN operation_id uuid;
