-- While customers of a region are sent to another one, hosts there keep links to that region's gateways too.

CREATE FUNCTION reliability.backup_region_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE serving.hosts SET generation = generation + 1, updated_at = now() WHERE region = NEW.to_region AND state = 'active';
    RETURN NULL;
END
$$;
CREATE TRIGGER mitigation_backup_added AFTER INSERT ON reliability.mitigation FOR EACH ROW
    WHEN (NEW.action = 'backup_region' AND NEW.mode <> 'dry_run' AND NEW.state = 'active')
    EXECUTE FUNCTION reliability.backup_region_changed();
CREATE TRIGGER mitigation_backup_ended AFTER UPDATE ON reliability.mitigation FOR EACH ROW
    WHEN (NEW.action = 'backup_region' AND NEW.mode <> 'dry_run' AND OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION reliability.backup_region_changed();
