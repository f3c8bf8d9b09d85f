-- Operators' own programs that start and end workers, and what each was asked for.

CREATE TABLE reliability.scaler (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.slug NOT NULL,
    url text NOT NULL,
    -- File on the control plane's machines that holds the key that requests are signed with.
    secret_file text NOT NULL,
    -- NULL: any.
    model text,
    region text,
    -- It is asked for no more at once.
    most_workers integer NOT NULL DEFAULT 4,
    -- A paused one is asked for nothing new; what it has is still extended and released.
    state text NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT scaler_pkey PRIMARY KEY (id),
    -- In the clear only to this machine.
    CONSTRAINT scaler_url CHECK (
        char_length(url) BETWEEN 8 AND 2000 AND url ~ '^(https://[^/@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?)(/|$)'),
    CONSTRAINT scaler_secret_file CHECK (char_length(secret_file) BETWEEN 2 AND 1000 AND secret_file ~ '^/'),
    CONSTRAINT scaler_names CHECK (char_length(model) <= 127 AND char_length(region) <= 63),
    CONSTRAINT scaler_most_workers CHECK (most_workers BETWEEN 1 AND 100),
    CONSTRAINT scaler_state CHECK (state IN ('active', 'paused', 'deleted'))
);
CREATE UNIQUE INDEX scaler_name_key ON reliability.scaler (name) WHERE state <> 'deleted';

-- What a scaler is to be told of a mitigation, written with what it tells; delivered at least once, of one mitigation in the order of `number`.
CREATE TABLE reliability.capacity_order (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY,
    -- What receivers know the order by.
    mitigation_id uuid NOT NULL,
    scaler_id uuid NOT NULL,
    event text NOT NULL,
    workers integer NOT NULL,
    -- When the workers may go by themselves.
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_error text,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT capacity_order_pkey PRIMARY KEY (id),
    CONSTRAINT capacity_order_mitigation_fkey FOREIGN KEY (mitigation_id) REFERENCES reliability.mitigation (id) ON DELETE CASCADE,
    CONSTRAINT capacity_order_scaler_fkey FOREIGN KEY (scaler_id) REFERENCES reliability.scaler (id),
    CONSTRAINT capacity_order_event CHECK (event IN ('raise', 'extend', 'release')),
    CONSTRAINT capacity_order_workers CHECK (workers BETWEEN 1 AND 100),
    CONSTRAINT capacity_order_state CHECK (state IN ('pending', 'delivered', 'refused', 'dead', 'dropped')),
    CONSTRAINT capacity_order_attempts CHECK (attempts >= 0),
    CONSTRAINT capacity_order_last_error CHECK (char_length(last_error) <= 500),
    CONSTRAINT capacity_order_ended CHECK ((ended_at IS NULL) = (state = 'pending'))
);
-- It begins once and ends once.
CREATE UNIQUE INDEX capacity_order_once ON reliability.capacity_order (mitigation_id, event) WHERE event <> 'extend';
CREATE INDEX capacity_order_mitigation ON reliability.capacity_order (mitigation_id, number);
CREATE INDEX capacity_order_due ON reliability.capacity_order (next_attempt_at) WHERE state = 'pending';
CREATE INDEX capacity_order_created ON reliability.capacity_order (created_at, id);

GRANT SELECT, INSERT, UPDATE ON reliability.scaler, reliability.capacity_order TO plimsoll_serving;
GRANT SELECT ON reliability.scaler, reliability.capacity_order TO plimsoll_reliability;
