-- Hosts tell which weights their runtimes serve, gateways whether a probe's prompt came into their logs.

ALTER TABLE serving.workers
    ADD COLUMN weights_digest text,
    ADD CONSTRAINT workers_weights_digest CHECK (weights_digest ~ '^sha256:[0-9a-f]{64}$');

ALTER TABLE serving.gateways
    -- Lines since its start; NULL: it does not look.
    ADD COLUMN prompts_logged bigint,
    ADD CONSTRAINT gateways_prompts_logged CHECK (prompts_logged >= 0);
