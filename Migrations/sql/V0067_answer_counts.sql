-- What workers answered within the last minutes, counted as records come: who looks for the one that is worse than the others reads a row for ten seconds
-- of a worker, however many requests there were.

-- It is good for ten minutes, so a crash may take it.
CREATE UNLOGGED TABLE billing.answer_count (
    -- Begin of the ten seconds in which the requests were accepted.
    at timestamptz NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    worker_id uuid NOT NULL,
    release text NOT NULL,
    -- No gateway's records wait for another's.
    gateway_id uuid NOT NULL,
    answers bigint NOT NULL,
    failed bigint NOT NULL,
    -- First tokens, and those that were later than the tier is sold with.
    samples bigint NOT NULL,
    late bigint NOT NULL,
    CONSTRAINT answer_count_pkey PRIMARY KEY (at, model, region, worker_id, release, gateway_id),
    CONSTRAINT answer_count_counts CHECK (failed BETWEEN 0 AND answers AND late BETWEEN 0 AND samples AND samples <= answers)
);
GRANT SELECT, DELETE ON billing.answer_count TO plimsoll_billing;

CREATE FUNCTION billing.count_answers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO billing.answer_count AS known (at, model, region, worker_id, release, gateway_id, answers, failed, samples, late)
    SELECT date_bin('10 seconds', fresh.accepted_at, TIMESTAMPTZ '2000-01-01 00:00:00+00') AS at, fresh.model, fresh.region, fresh.worker_id,
        coalesce(fresh.release, ''), fresh.gateway_id, count(*), count(*) FILTER (WHERE fresh.outcome <> 'good'), count(fresh.first_token_after_us),
        count(*) FILTER (WHERE fresh.first_token_after_us > tier.threshold)
    FROM fresh LEFT JOIN (
        SELECT DISTINCT ON (name) name, ttft_objective_microseconds AS threshold FROM serving.tiers ORDER BY name, state = 'deleted') AS tier
        ON tier.name = fresh.tier
    WHERE fresh.kind = 'final' AND fresh.worker_id IS NOT NULL AND fresh.accepted_at > now() - interval '1 hour'
        AND fresh.outcome IN ('good', 'bad:5xx', 'bad:stream_broken', 'bad:empty_completion')
    GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (at, model, region, worker_id, release, gateway_id) DO UPDATE SET answers = known.answers + EXCLUDED.answers,
        failed = known.failed + EXCLUDED.failed, samples = known.samples + EXCLUDED.samples, late = known.late + EXCLUDED.late;
    RETURN NULL;
END
$$;
CREATE TRIGGER usage_event_answers AFTER INSERT ON billing.usage_event REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION billing.count_answers();
