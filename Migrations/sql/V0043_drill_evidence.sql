-- A drill proves the fallback of those SKUs whose customers were served by it while it lasted, and tells only of the regions that it touched.

-- In which it breaks something; empty: in all.
ALTER TABLE reliability.drill ADD COLUMN regions text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT drill_regions CHECK (array_position(regions, NULL) IS NULL);
UPDATE reliability.drill SET regions = ARRAY[region] WHERE region IS NOT NULL;
GRANT SELECT (region) ON reliability.minute TO plimsoll_serving;

-- The evidence stands in the drill's report, with the counts. Drills of before have none there, and prove nothing any more.
CREATE OR REPLACE VIEW reliability.tried_fallback AS
    SELECT id, sku::text AS sku, at, held, reason::text AS reason, actor::text AS actor, NULL::uuid AS drill_id FROM reliability.fallback_drill
    UNION ALL
    SELECT md5(drill.id::text || used.sku)::uuid, used.sku, drill.ended_at, drill.held,
        left(format('drill %s, %s: %s served by another provider, %s by the backup region, %s by the fallback model: %s', drill.number, drill.kind,
            used.other_provider, used.backup_region, used.fallback_model, drill.reason), 500),
        drill.requested_by, drill.id
    FROM reliability.drill CROSS JOIN LATERAL jsonb_to_recordset(drill.report -> 'fallbacks')
        AS used (sku text, other_provider bigint, backup_region bigint, fallback_model bigint, tried boolean)
    WHERE drill.end_reason = 'over' AND drill.held IS NOT NULL AND used.tried;
