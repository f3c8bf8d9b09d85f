-- Incidents about one tenant, forecasts of budgets, and fallbacks as a part of what stands behind a SKU.

-- Whose it is; NULL: of all. Nobody else is told of it.
ALTER TABLE reliability.incident ADD COLUMN tenant_id uuid;

-- Times as fast as allowed that the budget was spent within the last hour; NULL: nothing is known, or no alerts are wanted.
ALTER TABLE reliability.budget_state
    ADD COLUMN hour_burn numeric,
    ADD CONSTRAINT budget_state_hour_burn CHECK (hour_burn >= 0);

ALTER TABLE reliability.sku_standing
    DROP CONSTRAINT sku_standing_aspect,
    ADD CONSTRAINT sku_standing_aspect CHECK (aspect IN ('providers', 'backup', 'fallback', 'drill'));
