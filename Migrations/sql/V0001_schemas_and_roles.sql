-- Four rooms with a role each: what serves requests must not be able to read what bills them.

CREATE SCHEMA serving;
CREATE SCHEMA reliability;
CREATE SCHEMA billing;
CREATE SCHEMA audit;
CREATE SCHEMA upkeep;

-- Roles belong to the whole cluster, so another installation or a test may have made them already, or may be making them now.
DO $$
DECLARE
    room text;
BEGIN
    FOREACH room IN ARRAY ARRAY['plimsoll_serving', 'plimsoll_reliability', 'plimsoll_billing', 'plimsoll_audit'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', room);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        IF NOT pg_has_role(current_user, room, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', room);
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA serving TO plimsoll_serving;
-- For the one function below that spells instants; tables of this schema are granted to the serving role alone.
GRANT USAGE ON SCHEMA serving TO plimsoll_reliability, plimsoll_billing, plimsoll_audit;
GRANT USAGE ON SCHEMA reliability TO plimsoll_reliability;
GRANT USAGE ON SCHEMA billing TO plimsoll_billing;
GRANT USAGE ON SCHEMA audit TO plimsoll_serving, plimsoll_reliability, plimsoll_billing, plimsoll_audit;
GRANT USAGE ON SCHEMA upkeep TO plimsoll_serving;

-- A name that people and configuration files use: lower case, digits, dots, dashes, underscores.
CREATE DOMAIN serving.slug AS text
    CONSTRAINT slug_form CHECK (VALUE ~ '^[a-z0-9][a-z0-9._-]{0,62}$');
-- Names of models and releases, which customers and runtimes write with capitals, slashes and colons.
CREATE DOMAIN serving.model_name AS text
    CONSTRAINT model_name_form CHECK (VALUE ~ '^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,126}$');
CREATE DOMAIN serving.label AS text
    CONSTRAINT label_length CHECK (char_length(VALUE) BETWEEN 1 AND 200);
CREATE DOMAIN serving.reason AS text
    CONSTRAINT reason_length CHECK (char_length(VALUE) BETWEEN 3 AND 500);
CREATE DOMAIN serving.parts_per_million AS integer
    CONSTRAINT parts_per_million_range CHECK (VALUE BETWEEN 0 AND 1000000);
CREATE DOMAIN serving.sha256 AS bytea
    CONSTRAINT sha256_length CHECK (octet_length(VALUE) = 32);

-- Instants as every answer spells them: RFC 3339 in UTC, whole seconds.
CREATE FUNCTION serving.wire_time(moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;
