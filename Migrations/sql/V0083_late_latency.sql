-- Hours of the public charts of which something was told after they were merged.

CREATE TABLE reliability.public_latency_late (
    start_at timestamptz NOT NULL,
    noted_at timestamptz NOT NULL,
    CONSTRAINT public_latency_late_pkey PRIMARY KEY (start_at)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.public_latency_late TO plimsoll_reliability;
