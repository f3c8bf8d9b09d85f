-- Notes of months to compute are added, never changed by who writes them: transactions that touch the same agreements do not wait for each other. A month
-- whose credit could not be computed says why.

-- The release before goes on with it: it names no key when it notes, and removes notes by their time.
ALTER TABLE reliability.credit_recheck
    DROP CONSTRAINT credit_recheck_pkey,
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN noted_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ADD CONSTRAINT credit_recheck_pkey PRIMARY KEY (id);
CREATE INDEX credit_recheck_month ON reliability.credit_recheck (agreement_id, month);

CREATE TABLE reliability.credit_fault (
    agreement_id uuid NOT NULL,
    -- As credits name it, in the zone of the terms.
    month text NOT NULL,
    since_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tried_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries bigint NOT NULL DEFAULT 1,
    -- A fixed text: neither SQL nor values.
    reason text NOT NULL,
    CONSTRAINT credit_fault_pkey PRIMARY KEY (agreement_id, month),
    CONSTRAINT credit_fault_agreement_fkey FOREIGN KEY (agreement_id) REFERENCES reliability.agreement (id),
    CONSTRAINT credit_fault_month CHECK (month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    CONSTRAINT credit_fault_tries CHECK (tries > 0),
    CONSTRAINT credit_fault_reason CHECK (char_length(reason) BETWEEN 1 AND 400)
);

-- As before, but what another transaction notes is another row; one transaction notes a month once, however many rows it writes.
CREATE OR REPLACE FUNCTION reliability.recheck_credits(tenant uuid, of_model text, of_region text, first_at timestamptz, next_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- Zones lie within a day of UTC.
    first_month text := to_char((first_at - interval '1 day') AT TIME ZONE 'UTC', 'YYYY-MM');
    last_month text := to_char((next_at + interval '1 day') AT TIME ZONE 'UTC', 'YYYY-MM');
BEGIN
    IF NOT EXISTS (SELECT 1 FROM reliability.credit WHERE month BETWEEN first_month AND last_month)
        AND NOT EXISTS (SELECT 1 FROM reliability.credit_recheck) THEN
        RETURN;
    END IF;
    INSERT INTO reliability.credit_recheck (agreement_id, month)
    SELECT known.agreement_id, known.month FROM (
        SELECT agreement_id, month FROM reliability.credit
        WHERE month BETWEEN first_month AND last_month AND (tenant IS NULL OR tenant_id = tenant)
        UNION SELECT agreement_id, month FROM reliability.credit_recheck) AS known
    JOIN reliability.agreement ON agreement.id = known.agreement_id JOIN reliability.terms ON terms.id = agreement.terms_id
    WHERE (tenant IS NULL OR agreement.tenant_id = tenant) AND (of_model IS NULL OR agreement.model = of_model)
        AND (of_region IS NULL OR agreement.region = of_region)
        AND (known.month || '-01')::timestamp AT TIME ZONE terms.time_zone < next_at
        AND ((known.month || '-01')::timestamp + interval '1 month') AT TIME ZONE terms.time_zone > first_at
        -- After a restore numbers of transactions begin anew.
        AND NOT EXISTS (SELECT 1 FROM reliability.credit_recheck AS own WHERE own.agreement_id = known.agreement_id AND own.month = known.month
            AND own.noted_by = pg_current_xact_id() AND own.noted_at >= now())
    ORDER BY 1, 2;
END
$$;

GRANT SELECT ON reliability.credit_recheck TO plimsoll_serving;
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.credit_fault TO plimsoll_reliability;
GRANT SELECT ON reliability.credit_fault TO plimsoll_serving;
