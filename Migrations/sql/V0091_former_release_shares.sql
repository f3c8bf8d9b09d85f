-- What a release served before its share was taken: a release that took all of a model's requests is rolled back to those that had them before, and
-- never to one that was only staged.

-- Since when a release is what it is, byte for byte.
ALTER TABLE serving.releases ADD COLUMN content_since timestamptz NOT NULL DEFAULT now();
UPDATE serving.releases SET content_since = created_at;

CREATE FUNCTION serving.note_release_content() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.content_since := now();
    RETURN NEW;
END
$$;
-- One that is made anew after it was deleted has another id.
CREATE TRIGGER releases_replaced BEFORE UPDATE ON serving.releases FOR EACH ROW
    WHEN ((OLD.id, OLD.model, OLD.image_digest, OLD.weights_digest)
        IS DISTINCT FROM (NEW.id, NEW.model, NEW.image_digest, NEW.weights_digest))
    EXECUTE FUNCTION serving.note_release_content();

-- Of releases without a share: the last one that they had as what they are now. A release whose weight nobody has set yet has a whole one.
CREATE VIEW serving.former_release_share AS
SELECT release.name AS release, share.weight_ppm, share.lost_at
FROM serving.releases AS release
JOIN serving.current_routing_weights AS current
    ON current.scope = 'release' AND current.subject = release.name AND current.weight_ppm = 0
CROSS JOIN LATERAL (
    SELECT held.weight_ppm, held.lost_at
    FROM (
        SELECT given.version, given.weight_ppm, given.since, lead(given.since) OVER (ORDER BY given.version) AS lost_at
        FROM (
            SELECT 0 AS version, 1000000 AS weight_ppm, release.content_since AS since
            UNION ALL
            SELECT weight.version, weight.weight_ppm, weight.created_at
            FROM serving.routing_weights AS weight
            WHERE weight.scope = 'release' AND weight.subject = release.name AND weight.created_at >= release.content_since
        ) AS given
    ) AS held
    -- What is set twice in one transaction never held.
    WHERE held.weight_ppm > 0 AND held.lost_at > held.since
    ORDER BY held.version DESC LIMIT 1
) AS share
WHERE release.state = 'active';
GRANT SELECT ON serving.former_release_share TO plimsoll_serving;
