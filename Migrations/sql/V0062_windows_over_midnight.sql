-- Maintenance is agreed for the night as a rule: an end that is not behind the beginning is the next day's.
ALTER TABLE reliability.agreement DROP CONSTRAINT agreement_window;
ALTER TABLE reliability.agreement ADD CONSTRAINT agreement_window CHECK (
    maintenance_weekday BETWEEN 1 AND 7 AND (maintenance_from_minute IS NULL) = (maintenance_until_minute IS NULL)
    AND maintenance_from_minute BETWEEN 0 AND 1439 AND maintenance_until_minute BETWEEN 1 AND 1440);
