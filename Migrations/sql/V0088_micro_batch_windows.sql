-- How long an agent may let a tier's requests wait for each other, so that their runtime takes them into one batch.

ALTER TABLE serving.tiers
    -- Milliseconds. NULL: 10 where the capacity policy is shared, else 0.
    ADD COLUMN micro_batch_window_ms integer,
    ADD CONSTRAINT tiers_micro_batch_window CHECK (micro_batch_window_ms BETWEEN 0 AND 25);
