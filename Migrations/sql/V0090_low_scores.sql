-- Providers whose score is low serve no tier whose promise pays, also where nobody else is left; those that were not measured enough may there.

-- Kept: who has a low score comes back above a higher bound, and only after clean probes.
ALTER TABLE reliability.provider_score ADD COLUMN low boolean NOT NULL DEFAULT FALSE;

CREATE TRIGGER provider_low AFTER UPDATE ON reliability.provider_score FOR EACH ROW
    WHEN (OLD.low IS DISTINCT FROM NEW.low) EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER provider_first_low AFTER INSERT ON reliability.provider_score FOR EACH ROW
    WHEN (NEW.low) EXECUTE FUNCTION serving.table_changed();

-- A contract that gives credits protects its tier, whatever the tier's policy is.
CREATE TRIGGER agreement_changed AFTER INSERT OR UPDATE OR DELETE ON reliability.agreement
    FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();
