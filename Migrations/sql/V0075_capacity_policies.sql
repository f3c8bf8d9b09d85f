-- What the capacity policies mean: slots of a tier's own, and warm workers in both regions of what is sold.

ALTER TABLE serving.tiers
    -- Per cent of the slots of each worker that no other tier may hold; of tiers that are preallocated.
    ADD COLUMN reserved_percent integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT tiers_reserved_percent CHECK (reserved_percent BETWEEN 0 AND 80);

ALTER TABLE reliability.sku_standing
    DROP CONSTRAINT sku_standing_aspect,
    ADD CONSTRAINT sku_standing_aspect CHECK (aspect IN ('providers', 'scores', 'backup', 'warm', 'fallback', 'drill'));
