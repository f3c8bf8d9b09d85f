-- Links by which a customer sees a month of their own without an account.

-- The secret is in the link and nowhere else.
CREATE TABLE reliability.report_link (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    month date NOT NULL,
    sha256 bytea NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT report_link_pkey PRIMARY KEY (id),
    CONSTRAINT report_link_sha256_key UNIQUE (sha256),
    CONSTRAINT report_link_sha256 CHECK (octet_length(sha256) = 32),
    CONSTRAINT report_link_month CHECK (month = date_trunc('month', month)),
    CONSTRAINT report_link_life CHECK (expires_at > created_at AND expires_at <= created_at + interval '401 days'),
    CONSTRAINT report_link_created_by CHECK (char_length(created_by) BETWEEN 1 AND 200)
);
CREATE INDEX report_link_created ON reliability.report_link (created_at, id);
GRANT SELECT, INSERT, UPDATE ON reliability.report_link TO plimsoll_serving;
GRANT SELECT ON reliability.report_link TO plimsoll_reliability;
