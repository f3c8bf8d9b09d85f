-- What probes cost by day: tokens, and the time for which each held a place of a worker.

CREATE TABLE reliability.probe_cost (
    -- Of UTC.
    day date NOT NULL,
    kind text NOT NULL,
    -- Empty: through a public endpoint, so that it may have been any.
    provider text NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    probes bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    held_us bigint NOT NULL,
    CONSTRAINT probe_cost_pkey PRIMARY KEY (day, kind, provider, model, region),
    CONSTRAINT probe_cost_kind CHECK (kind IN ('worker', 'outside')),
    CONSTRAINT probe_cost_names CHECK (char_length(model) <= 127 AND char_length(region) <= 63 AND char_length(provider) <= 63),
    CONSTRAINT probe_cost_counts CHECK (probes >= 0 AND prompt_tokens >= 0 AND completion_tokens >= 0 AND held_us >= 0)
);
-- It is shown beside prices and workers, which are the serving role's.
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.probe_cost TO plimsoll_reliability;
GRANT SELECT ON reliability.probe_cost TO plimsoll_serving;
