-- What hosts tell of the images that they run, words of people that are taken back, and whether pages that they name are there.

ALTER TABLE serving.workers
    -- As its agent started it; NULL: the agent does not know.
    ADD COLUMN image_digest text,
    ADD CONSTRAINT workers_image_digest CHECK (image_digest ~ '^sha256:[0-9a-f]{64}$');

-- False: what was attested holds no longer, and the evidence says why.
ALTER TABLE reliability.launch_attestation ADD COLUMN holds boolean NOT NULL DEFAULT true;

CREATE TABLE reliability.evidence_look (
    line text NOT NULL,
    url text NOT NULL,
    at timestamptz NOT NULL,
    -- 0: no answer.
    status integer NOT NULL,
    -- When it was there last; NULL: never since it was named.
    found_at timestamptz,
    CONSTRAINT evidence_look_pkey PRIMARY KEY (line),
    CONSTRAINT evidence_look_names CHECK (char_length(line) <= 63 AND char_length(url) <= 2000),
    CONSTRAINT evidence_look_status CHECK (status BETWEEN 0 AND 999)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.evidence_look TO plimsoll_reliability;
