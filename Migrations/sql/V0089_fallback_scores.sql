-- What a sample of the answers that were served under fallbacks is worth, by rules; never a word of what they said.

CREATE TABLE reliability.fallback_score (
    mitigation_id uuid NOT NULL,
    -- That answered.
    model text NOT NULL,
    tier text NOT NULL,
    -- Of the gateway.
    region text NOT NULL,
    -- In which they ended.
    hour_at timestamptz NOT NULL,
    answers bigint NOT NULL,
    -- Sum of their scores, parts per million each.
    score_ppm bigint NOT NULL,
    -- Answers by what was wrong with them; one may have several.
    failures jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT fallback_score_pkey PRIMARY KEY (mitigation_id, model, tier, region, hour_at),
    CONSTRAINT fallback_score_mitigation_fkey FOREIGN KEY (mitigation_id) REFERENCES reliability.mitigation (id) ON DELETE CASCADE,
    CONSTRAINT fallback_score_names CHECK (char_length(model) <= 127 AND char_length(tier) <= 63 AND char_length(region) <= 63),
    CONSTRAINT fallback_score_numbers CHECK (answers > 0 AND score_ppm BETWEEN 0 AND answers * 1000000),
    CONSTRAINT fallback_score_failures CHECK (jsonb_typeof(failures) = 'object')
);
CREATE INDEX fallback_score_hour ON reliability.fallback_score (hour_at);

-- The last batch that was taken of each start of a gateway: the same one told again adds nothing.
CREATE TABLE reliability.fallback_score_source (
    gateway_id uuid NOT NULL,
    boot_id text NOT NULL,
    sequence bigint NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fallback_score_source_pkey PRIMARY KEY (gateway_id, boot_id),
    CONSTRAINT fallback_score_source_boot CHECK (char_length(boot_id) BETWEEN 1 AND 64),
    CONSTRAINT fallback_score_source_sequence CHECK (sequence > 0)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.fallback_score, reliability.fallback_score_source TO plimsoll_reliability;
GRANT SELECT ON reliability.fallback_score TO plimsoll_serving;

-- Of all answers under these mitigations: how many were scored, what one is worth on average (null: none was), and what was wrong with how many.
CREATE FUNCTION reliability.fallback_answers(mitigations uuid[]) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'answers', coalesce(sum(score.answers), 0)::bigint,
        'score_ppm', (sum(score.score_ppm) / nullif(sum(score.answers), 0))::bigint,
        'failures', (
            SELECT coalesce(jsonb_object_agg(failure.name, failure.total), '{}') FROM (
                SELECT told.name, sum(told.count::bigint)::bigint AS total
                FROM reliability.fallback_score AS known CROSS JOIN LATERAL jsonb_each_text(known.failures) AS told (name, count)
                WHERE known.mitigation_id = ANY(mitigations) GROUP BY told.name) AS failure))
    FROM reliability.fallback_score AS score WHERE score.mitigation_id = ANY(mitigations)
$$;
GRANT EXECUTE ON FUNCTION reliability.fallback_answers TO plimsoll_serving, plimsoll_reliability;
