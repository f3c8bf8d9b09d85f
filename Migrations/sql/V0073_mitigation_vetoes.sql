-- What people do not want to be done about trouble, said before anybody thinks of it.

CREATE TABLE reliability.mitigation_veto (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    action text NOT NULL,
    -- NULL: all of it.
    tier text,
    model text,
    region text,
    provider text,
    worker_id uuid,
    pool text,
    release text,
    tenant_id uuid,
    to_model text,
    to_region text,
    reason serving.reason NOT NULL,
    requested_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT mitigation_veto_pkey PRIMARY KEY (id),
    CONSTRAINT mitigation_veto_action CHECK (char_length(action) BETWEEN 1 AND 64),
    CONSTRAINT mitigation_veto_names CHECK (
        char_length(tier) <= 63 AND char_length(model) <= 127 AND char_length(region) <= 63 AND char_length(provider) <= 63
        AND char_length(pool) <= 63 AND char_length(release) <= 127 AND char_length(to_model) <= 127 AND char_length(to_region) <= 63),
    CONSTRAINT mitigation_veto_life CHECK (expires_at > created_at),
    CONSTRAINT mitigation_veto_withdrawn CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT mitigation_veto_people CHECK (char_length(requested_by) BETWEEN 1 AND 200 AND char_length(withdrawn_by) BETWEEN 1 AND 200)
);
CREATE INDEX mitigation_veto_open ON reliability.mitigation_veto (expires_at) WHERE withdrawn_at IS NULL;
GRANT SELECT, INSERT, UPDATE (withdrawn_at, withdrawn_by) ON reliability.mitigation_veto TO plimsoll_serving;
