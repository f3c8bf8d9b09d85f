-- Minutes that a gateway told and this release cannot count yet: of a newer gateway, or of one whose clock is ahead. They are tried again until they can be.

CREATE TABLE reliability.minute_aside (
    gateway_id uuid NOT NULL,
    boot_id text NOT NULL,
    -- Hash of what is counted: tenant, tier, model, region, provider, minute, and whether a drill made it.
    subject bytea NOT NULL,
    -- As in reliability.minute: cumulative, the greatest one counts.
    sequence bigint NOT NULL,
    reason text NOT NULL,
    counters jsonb NOT NULL,
    set_aside_at timestamptz NOT NULL DEFAULT now(),
    tried_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT minute_aside_pkey PRIMARY KEY (gateway_id, boot_id, subject),
    CONSTRAINT minute_aside_boot CHECK (char_length(boot_id) BETWEEN 1 AND 64),
    CONSTRAINT minute_aside_subject CHECK (octet_length(subject) = 32),
    CONSTRAINT minute_aside_reason CHECK (reason IN ('unknown', 'future', 'too_old')),
    CONSTRAINT minute_aside_counters CHECK (pg_column_size(counters) <= 262144)
);
CREATE INDEX minute_aside_tried ON reliability.minute_aside (tried_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.minute_aside TO plimsoll_reliability;
