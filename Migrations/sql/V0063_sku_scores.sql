-- What stands behind a SKU is also that two providers with a good score serve it: one that falls below is lost, whether it serves on or not.

ALTER TABLE reliability.sku_standing
    DROP CONSTRAINT sku_standing_aspect,
    ADD CONSTRAINT sku_standing_aspect CHECK (aspect IN ('providers', 'scores', 'backup', 'fallback', 'drill'));
