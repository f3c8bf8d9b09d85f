-- Drills prove fallbacks of the SKUs that they touched, and it is remembered what stood behind a SKU, so that its loss is noticed.

-- Fallbacks that were tried: those that somebody wrote down, and drills that ran to their end and were reported. Each fact is stored once.
CREATE VIEW reliability.tried_fallback AS
    SELECT id, sku::text AS sku, at, held, reason::text AS reason, actor::text AS actor, NULL::uuid AS drill_id FROM reliability.fallback_drill
    UNION ALL
    SELECT md5(drill.id::text || sku.name)::uuid, sku.name::text, drill.ended_at, drill.held,
        left('drill ' || drill.number || ', ' || drill.kind || ': ' || drill.reason, 500), drill.requested_by, drill.id
    FROM reliability.drill JOIN serving.skus AS sku ON sku.model = ANY (drill.models) AND coalesce(drill.region = sku.primary_region, true)
        AND sku.created_at <= drill.started_at AND sku.fallback_sku IS NOT NULL AND sku.state <> 'deleted'
    WHERE drill.kind IN ('provider-loss', 'slow-region') AND drill.end_reason = 'over' AND drill.held IS NOT NULL;
GRANT SELECT ON reliability.tried_fallback TO plimsoll_serving, plimsoll_reliability;

-- What an active SKU had at some time: two providers, workers in its backup region.
CREATE TABLE reliability.sku_standing (
    sku text NOT NULL,
    aspect text NOT NULL,
    since_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sku_standing_pkey PRIMARY KEY (sku, aspect),
    CONSTRAINT sku_standing_sku CHECK (char_length(sku) BETWEEN 1 AND 63),
    CONSTRAINT sku_standing_aspect CHECK (aspect IN ('providers', 'backup'))
);
GRANT SELECT, INSERT, DELETE ON reliability.sku_standing TO plimsoll_serving;
