-- Whoever changes what a gateway or an agent must know wakes those who pass it on; a change cannot forget to.

CREATE FUNCTION serving.table_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('plimsoll_table', TG_TABLE_NAME);
    RETURN NULL;
END
$$;

CREATE TRIGGER tiers_changed AFTER INSERT OR UPDATE OR DELETE ON serving.tiers FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER tenants_changed AFTER INSERT OR UPDATE OR DELETE ON serving.tenants FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER api_keys_changed AFTER INSERT OR UPDATE OR DELETE ON serving.api_keys FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER models_changed AFTER INSERT OR UPDATE OR DELETE ON serving.models FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER releases_changed AFTER INSERT OR UPDATE OR DELETE ON serving.releases FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER providers_changed AFTER UPDATE OR DELETE ON serving.providers FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER pools_changed AFTER UPDATE OR DELETE ON serving.pools FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER weights_changed AFTER INSERT ON serving.routing_weights FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();

-- Heartbeats write these three often; only what stands in the table counts.
CREATE TRIGGER hosts_changed AFTER UPDATE ON serving.hosts FOR EACH ROW
    WHEN ((OLD.pool, OLD.region, OLD.state, OLD.intent, OLD.link, OLD.link_address, OLD.denied_until)
        IS DISTINCT FROM (NEW.pool, NEW.region, NEW.state, NEW.intent, NEW.link, NEW.link_address, NEW.denied_until))
    EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER workers_changed AFTER UPDATE ON serving.workers FOR EACH ROW
    WHEN ((OLD.release, OLD.dialect, OLD.served_model, OLD.runtime_state, OLD.slots, OLD.context_tokens, OLD.weight_ppm, OLD.accepted, OLD.retired_at)
        IS DISTINCT FROM
        (NEW.release, NEW.dialect, NEW.served_model, NEW.runtime_state, NEW.slots, NEW.context_tokens, NEW.weight_ppm, NEW.accepted, NEW.retired_at))
    EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER workers_added AFTER INSERT OR DELETE ON serving.workers FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER gateways_changed AFTER UPDATE ON serving.gateways FOR EACH ROW
    WHEN ((OLD.region, OLD.advertise, OLD.state, OLD.denied_until) IS DISTINCT FROM (NEW.region, NEW.advertise, NEW.state, NEW.denied_until))
    EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER gateways_added AFTER INSERT OR DELETE ON serving.gateways FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();

-- Channel plimsoll_host carries the id of a host whose desired state has a new generation.
CREATE FUNCTION serving.host_led() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('plimsoll_host', NEW.id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER hosts_led AFTER UPDATE ON serving.hosts FOR EACH ROW
    WHEN (OLD.generation IS DISTINCT FROM NEW.generation) EXECUTE FUNCTION serving.host_led();

CREATE FUNCTION serving.table_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('plimsoll_table_version', NEW.version::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER routing_table_published AFTER INSERT ON serving.routing_table_version FOR EACH ROW EXECUTE FUNCTION serving.table_published();
