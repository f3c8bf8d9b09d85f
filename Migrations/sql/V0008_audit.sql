-- Who changed what: append-only, each row chained to the one before by hash, written in the transaction of the change itself.

CREATE TABLE audit.entry (
    sequence bigint NOT NULL,
    at timestamptz NOT NULL,
    -- Admin token's id, or the program that acted of itself.
    actor text NOT NULL,
    action text NOT NULL,
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    request_id text,
    -- Names and new values of what changed; never secrets.
    change text NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT entry_pkey PRIMARY KEY (sequence),
    CONSTRAINT entry_chain UNIQUE (previous_hash),
    CONSTRAINT entry_texts CHECK (
        char_length(actor) BETWEEN 1 AND 200 AND action ~ '^[a-z_]{1,40}$' AND subject_kind ~ '^[a-z_]{1,40}$'
        AND char_length(subject_id) BETWEEN 1 AND 200 AND char_length(request_id) <= 64 AND octet_length(change) <= 65536),
    CONSTRAINT entry_hashes CHECK (octet_length(previous_hash) = 32 AND octet_length(hash) = 32)
);
CREATE INDEX entry_subject ON audit.entry (subject_kind, subject_id, sequence);

-- The chain's end. Its row lock puts concurrent writers in order.
CREATE TABLE audit.chain_end (
    single boolean NOT NULL DEFAULT true,
    sequence bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT chain_end_pkey PRIMARY KEY (single),
    CONSTRAINT chain_end_single CHECK (single)
);
INSERT INTO audit.chain_end (sequence, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION audit.entry_hash(
    previous bytea, sequence bigint, at timestamptz, actor text, action text, subject_kind text, subject_id text, request_id text, change text
) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    -- Every field by its own hash, so that no two different rows read as the same bytes.
    SELECT sha256(
        previous || int8send(sequence) || int8send((extract(epoch FROM at) * 1000000)::bigint)
        || sha256(convert_to(actor, 'UTF8')) || sha256(convert_to(action, 'UTF8')) || sha256(convert_to(subject_kind, 'UTF8'))
        || sha256(convert_to(subject_id, 'UTF8')) || sha256(convert_to(coalesce(request_id, ''), 'UTF8')) || sha256(convert_to(change, 'UTF8')))
$$;

-- The one way in. It runs as its owner, so the roles that call it can add rows and do nothing else here.
CREATE FUNCTION audit.append(actor text, action text, subject_kind text, subject_id text, request_id text, change text)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    previous bytea;
    number bigint;
    moment timestamptz := clock_timestamp();
    proof bytea;
BEGIN
    SELECT chain.sequence + 1, chain.hash INTO STRICT number, previous FROM audit.chain_end AS chain FOR UPDATE;
    proof := audit.entry_hash(previous, number, moment, actor, action, subject_kind, subject_id, request_id, change);
    INSERT INTO audit.entry VALUES (number, moment, actor, action, subject_kind, subject_id, request_id, change, previous, proof);
    UPDATE audit.chain_end SET sequence = number, hash = proof;
    RETURN number;
END
$$;

-- First row whose hash or link is wrong; NULL when the chain is whole.
CREATE FUNCTION audit.first_break() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT min(broken.sequence) FROM (
        SELECT entry.sequence
        FROM (
            SELECT *,
                lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER (ORDER BY sequence) AS expected_previous,
                row_number() OVER (ORDER BY sequence) AS expected_sequence
            FROM audit.entry
        ) AS entry
        WHERE entry.previous_hash <> entry.expected_previous
            OR entry.sequence <> entry.expected_sequence
            OR entry.hash <> audit.entry_hash(
                entry.previous_hash, entry.sequence, entry.at, entry.actor, entry.action, entry.subject_kind, entry.subject_id,
                entry.request_id, entry.change)
        UNION ALL
        SELECT chain.sequence FROM audit.chain_end AS chain
        WHERE chain.sequence <> (SELECT count(*) FROM audit.entry)
    ) AS broken
$$;

CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or removed' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON audit.entry FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON audit.entry FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

REVOKE ALL ON FUNCTION audit.append(text, text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.append(text, text, text, text, text, text)
    TO plimsoll_serving, plimsoll_reliability, plimsoll_billing, plimsoll_audit;
GRANT SELECT ON audit.entry, audit.chain_end TO plimsoll_audit;
