-- Changes that move traffic, one row each: causes of bad minutes are looked for among them. A row of a release, pool or provider knows only when
-- anything of it was changed last.

CREATE TABLE serving.traffic_change (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    -- As the ledger calls it.
    cause text NOT NULL,
    -- Such as `release tiny-b`.
    changed text NOT NULL,
    -- What of it, for people.
    detail text NOT NULL,
    -- Empty: all.
    model text NOT NULL DEFAULT '',
    region text NOT NULL DEFAULT '',
    CONSTRAINT traffic_change_pkey PRIMARY KEY (id),
    CONSTRAINT traffic_change_cause CHECK (cause IN ('deployment', 'provider_swap')),
    CONSTRAINT traffic_change_texts CHECK (char_length(changed) BETWEEN 1 AND 200 AND char_length(detail) BETWEEN 1 AND 500),
    CONSTRAINT traffic_change_names CHECK (char_length(model) <= 127 AND char_length(region) <= 63)
);
CREATE INDEX traffic_change_at ON serving.traffic_change (at);
CREATE TRIGGER traffic_change_append_only BEFORE UPDATE OR DELETE ON serving.traffic_change
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_change();
GRANT SELECT ON serving.traffic_change TO plimsoll_serving;

-- What is known of earlier ones: the last change of each, whatever it was.
INSERT INTO serving.traffic_change (at, cause, changed, detail, model)
SELECT updated_at, 'deployment', 'release ' || name, 'release ' || name, model FROM serving.releases;
INSERT INTO serving.traffic_change (at, cause, changed, detail, region)
SELECT updated_at, 'provider_swap', 'pool ' || name, 'pool ' || name, region FROM serving.pools WHERE updated_at > created_at
UNION ALL
SELECT DISTINCT provider.updated_at, 'provider_swap', 'provider ' || provider.name, 'provider ' || provider.name, pool.region
FROM serving.providers AS provider JOIN serving.pools AS pool ON pool.provider = provider.name WHERE provider.updated_at > provider.created_at;

CREATE FUNCTION serving.note_release_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO serving.traffic_change (at, cause, changed, detail, model)
    VALUES (NEW.updated_at, 'deployment', 'release ' || NEW.name, 'release ' || NEW.name, NEW.model);
    RETURN NULL;
END
$$;
CREATE TRIGGER releases_made AFTER INSERT ON serving.releases FOR EACH ROW EXECUTE FUNCTION serving.note_release_change();
-- All that a release is but its times.
CREATE TRIGGER releases_moved AFTER UPDATE ON serving.releases FOR EACH ROW
    WHEN ((OLD.model, OLD.state, OLD.weights_digest, OLD.quantisation, OLD.image_digest, OLD.dialects, OLD.min_context_tokens, OLD.min_memory_bytes,
            OLD.min_vram_bytes, OLD.min_disk_bytes, OLD.min_compute_capability)
        IS DISTINCT FROM (NEW.model, NEW.state, NEW.weights_digest, NEW.quantisation, NEW.image_digest, NEW.dialects, NEW.min_context_tokens,
            NEW.min_memory_bytes, NEW.min_vram_bytes, NEW.min_disk_bytes, NEW.min_compute_capability))
    EXECUTE FUNCTION serving.note_release_change();

CREATE FUNCTION serving.note_pool_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO serving.traffic_change (at, cause, changed, detail, region)
    SELECT NEW.updated_at, 'provider_swap', 'pool ' || NEW.name, 'pool ' || NEW.name || ': '
            || CASE WHEN OLD.state <> NEW.state THEN NEW.state ELSE 'provider, region or class of contexts' END, touched.region
    FROM (SELECT OLD.region UNION SELECT NEW.region) AS touched (region);
    RETURN NULL;
END
$$;
CREATE TRIGGER pools_moved AFTER UPDATE ON serving.pools FOR EACH ROW
    WHEN ((OLD.state, OLD.provider, OLD.region, OLD.context_class) IS DISTINCT FROM (NEW.state, NEW.provider, NEW.region, NEW.context_class))
    EXECUTE FUNCTION serving.note_pool_change();

CREATE FUNCTION serving.note_provider_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO serving.traffic_change (at, cause, changed, detail, region)
    SELECT DISTINCT NEW.updated_at, 'provider_swap', 'provider ' || NEW.name, 'provider ' || NEW.name || ': '
            || CASE WHEN OLD.state <> NEW.state THEN NEW.state ELSE 'trust class ' || NEW.trust_class END, pool.region::text
    FROM serving.pools AS pool WHERE pool.provider = NEW.name;
    RETURN NULL;
END
$$;
CREATE TRIGGER providers_moved AFTER UPDATE ON serving.providers FOR EACH ROW
    WHEN ((OLD.state, OLD.trust_class) IS DISTINCT FROM (NEW.state, NEW.trust_class))
    EXECUTE FUNCTION serving.note_provider_change();

CREATE FUNCTION serving.note_worker_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO serving.traffic_change (at, cause, changed, detail, model, region)
    SELECT CASE WHEN NEW.updated_at > OLD.updated_at THEN NEW.updated_at ELSE now() END, 'provider_swap', 'worker ' || NEW.id,
        left('worker ' || NEW.runtime || ' of ' || host.name || ': '
            || CASE WHEN OLD.weight_ppm <> NEW.weight_ppm THEN 'weight ' || NEW.weight_ppm ELSE 'trust class' END, 500),
        coalesce((SELECT release.model::text FROM serving.releases AS release WHERE release.name = NEW.release), ''), host.region::text
    FROM serving.hosts AS host WHERE host.id = NEW.host_id;
    RETURN NULL;
END
$$;
-- Reports of hosts set neither column, and cost nothing.
CREATE TRIGGER workers_moved AFTER UPDATE OF weight_ppm, trust_class ON serving.workers FOR EACH ROW
    WHEN ((OLD.weight_ppm, OLD.trust_class) IS DISTINCT FROM (NEW.weight_ppm, NEW.trust_class))
    EXECUTE FUNCTION serving.note_worker_change();
