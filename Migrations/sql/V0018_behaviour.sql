-- How each tenant usually behaves, and what is taken from one that behaves otherwise.

CREATE TABLE serving.behaviour (
    tenant_id uuid NOT NULL,
    signal text NOT NULL,
    mean double precision NOT NULL,
    variance double precision NOT NULL,
    samples bigint NOT NULL,
    alarmed boolean NOT NULL,
    streak integer NOT NULL,
    CONSTRAINT behaviour_pkey PRIMARY KEY (tenant_id, signal),
    CONSTRAINT behaviour_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES serving.tenants (id),
    CONSTRAINT behaviour_signal CHECK (signal IN ('tokens', 'errors')),
    CONSTRAINT behaviour_numbers CHECK (variance >= 0 AND samples >= 0 AND streak >= 0)
);

-- The last minute that was judged.
CREATE TABLE serving.behaviour_progress (
    single boolean NOT NULL DEFAULT true,
    minute_at timestamptz NOT NULL,
    CONSTRAINT behaviour_progress_pkey PRIMARY KEY (single),
    CONSTRAINT behaviour_progress_single CHECK (single)
);

-- What is left of a tenant's limits of a minute while it behaves unlike itself; NULL: all of them, an alarm alone.
ALTER TABLE serving.tiers ADD COLUMN anomaly_throttle_ppm integer,
    ADD CONSTRAINT tiers_anomaly_throttle CHECK (anomaly_throttle_ppm BETWEEN 1000 AND 1000000);
ALTER TABLE serving.tenants ADD COLUMN anomaly_throttle_ppm integer,
    ADD CONSTRAINT tenants_anomaly_throttle CHECK (anomaly_throttle_ppm BETWEEN 1000 AND 1000000);
-- In force now.
ALTER TABLE serving.tenants ADD COLUMN throttle_ppm integer,
    ADD CONSTRAINT tenants_throttle CHECK (throttle_ppm BETWEEN 1000 AND 1000000);

GRANT SELECT, INSERT, UPDATE, DELETE ON serving.behaviour, serving.behaviour_progress TO plimsoll_serving;
