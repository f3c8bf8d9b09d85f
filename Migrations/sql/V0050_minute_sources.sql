-- Starts of gateways that tell minutes: one that falls silent without a last word has lost what it counted last.

CREATE TABLE reliability.minute_source (
    gateway_id uuid NOT NULL,
    boot_id text NOT NULL,
    first_at timestamptz NOT NULL DEFAULT now(),
    told_at timestamptz NOT NULL DEFAULT now(),
    sequence bigint NOT NULL,
    -- Its last word: everything is told.
    closed_at timestamptz,
    -- Silent for so long that its last seconds count as lost; NULL again when it speaks.
    lost_at timestamptz,
    CONSTRAINT minute_source_pkey PRIMARY KEY (gateway_id, boot_id),
    CONSTRAINT minute_source_boot CHECK (char_length(boot_id) BETWEEN 1 AND 64)
);
CREATE INDEX minute_source_open ON reliability.minute_source (told_at) WHERE closed_at IS NULL AND lost_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.minute_source TO plimsoll_reliability;
