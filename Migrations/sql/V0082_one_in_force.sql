-- The same mitigation is in force once, however many people and control planes want it at the same time.

-- What stood twice: the older one stays. Scalers hear that the others' workers are not needed.
WITH twice AS (
    SELECT id, row_number() OVER (
        PARTITION BY action, tier, model, region, provider, worker_id, pool, release, tenant_id, to_model, to_region, value ORDER BY created_at, id) AS place
    FROM reliability.mitigation WHERE state = 'active' AND mode <> 'dry_run'
), ended AS (
    UPDATE reliability.mitigation SET state = 'reverted', ended_at = now(), end_reason = 'the same was in force already'
    WHERE id IN (SELECT id FROM twice WHERE place > 1) RETURNING id
), dropped AS (
    UPDATE reliability.capacity_order SET state = 'dropped', ended_at = now()
    WHERE mitigation_id IN (SELECT id FROM ended) AND state = 'pending' AND event <> 'release'
)
INSERT INTO reliability.capacity_order (mitigation_id, scaler_id, event, workers, expires_at, created_at, next_attempt_at)
SELECT mitigation_id, scaler_id, 'release', workers, now(), now(), now() FROM reliability.capacity_order
WHERE mitigation_id IN (SELECT id FROM ended) AND event = 'raise' AND attempts > CASE WHEN state = 'refused' THEN 1 ELSE 0 END
ON CONFLICT (mitigation_id, event) WHERE event <> 'extend' DO NOTHING;

CREATE UNIQUE INDEX mitigation_in_force ON reliability.mitigation
    (action, tier, model, region, provider, worker_id, pool, release, tenant_id, to_model, to_region, value) NULLS NOT DISTINCT
    WHERE state = 'active' AND mode <> 'dry_run';
