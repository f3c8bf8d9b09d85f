-- Debug captures: what a tenant asked to be kept of its own requests, sealed, for seven days at most.

-- The record of consent stays; what is kept under it can be read only while its key is there.
CREATE TABLE serving.captures (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    -- Whose holder asked.
    key_id uuid NOT NULL,
    -- Only requests of that key; else of all keys of the tenant.
    key_only boolean NOT NULL,
    -- NULL: every model.
    models text[],
    record_limit integer NOT NULL,
    -- AES-256 key of this capture, sealed by a key that is not in this database; without it nothing of the capture can ever be read again.
    sealed_key bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    erased_at timestamptz,
    CONSTRAINT captures_pkey PRIMARY KEY (id),
    CONSTRAINT captures_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES serving.tenants (id),
    CONSTRAINT captures_key_fkey FOREIGN KEY (key_id) REFERENCES serving.api_keys (id),
    CONSTRAINT captures_models CHECK (cardinality(models) BETWEEN 1 AND 64 AND array_position(models, NULL) IS NULL),
    CONSTRAINT captures_record_limit CHECK (record_limit BETWEEN 1 AND 1000),
    CONSTRAINT captures_expires_at CHECK (expires_at > created_at AND expires_at <= created_at + interval '7 days'),
    CONSTRAINT captures_erased CHECK ((sealed_key IS NULL) = (erased_at IS NOT NULL))
);
CREATE INDEX captures_tenant ON serving.captures (tenant_id, created_at);
CREATE INDEX captures_expiry ON serving.captures (expires_at) WHERE erased_at IS NULL;
CREATE TRIGGER captures_changed AFTER INSERT OR UPDATE OR DELETE ON serving.captures FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();

CREATE TABLE serving.capture_records (
    id uuid NOT NULL,
    capture_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    -- AES-256-GCM, bound to this row's id and to its capture.
    sealed bytea NOT NULL,
    CONSTRAINT capture_records_pkey PRIMARY KEY (id),
    CONSTRAINT capture_records_capture_fkey FOREIGN KEY (capture_id) REFERENCES serving.captures (id),
    CONSTRAINT capture_records_sealed CHECK (octet_length(sealed) BETWEEN 28 AND 1048576)
);
CREATE INDEX capture_records_capture ON serving.capture_records (capture_id, at, id);

GRANT SELECT, INSERT, UPDATE ON serving.captures TO plimsoll_serving;
GRANT SELECT, INSERT, DELETE ON serving.capture_records TO plimsoll_serving;
