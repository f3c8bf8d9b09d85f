-- When mitigations came into force at gateways, and what each costs customers.

-- Beside the mitigation: to note it must not make another routing table.
CREATE TABLE reliability.mitigation_reach (
    mitigation_id uuid NOT NULL,
    -- First routing table that has it.
    table_version bigint NOT NULL,
    -- Gateways that asked for tables lately, and those of them that have this one or a newer one.
    connected integer NOT NULL DEFAULT 0,
    reached integer NOT NULL DEFAULT 0,
    -- Not all had it in the time that is promised.
    late_at timestamptz,
    -- All have it.
    in_force_at timestamptz,
    CONSTRAINT mitigation_reach_pkey PRIMARY KEY (mitigation_id),
    CONSTRAINT mitigation_reach_mitigation_fkey FOREIGN KEY (mitigation_id) REFERENCES reliability.mitigation (id) ON DELETE CASCADE,
    CONSTRAINT mitigation_reach_numbers CHECK (table_version > 0 AND connected >= 0 AND reached BETWEEN 0 AND connected)
);
GRANT SELECT, INSERT, UPDATE ON reliability.mitigation_reach TO plimsoll_serving;
GRANT SELECT ON reliability.mitigation_reach TO plimsoll_reliability;

-- Of an hour at the pace of the minutes before, as the cost in money is.
ALTER TABLE reliability.mitigation
    ADD COLUMN refused_requests_per_hour bigint NOT NULL DEFAULT 0,
    ADD COLUMN lessened_requests_per_hour bigint NOT NULL DEFAULT 0,
    ADD COLUMN shortened_tokens_per_hour bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT mitigation_takes CHECK (
        refused_requests_per_hour >= 0 AND lessened_requests_per_hour >= 0 AND shortened_tokens_per_hour >= 0);
