-- What customers say that their own retrieval took before they asked: an indicator of its own, which no promise is about. And how long requests waited for leases.

ALTER TABLE billing.usage_event
    -- NULL: the client told none.
    ADD COLUMN retrieval_us bigint,
    -- Until limits had room, before admission: for a lease on a quota, or what other gateways leave of a limit of the minute.
    ADD COLUMN leased_for_us bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT usage_event_retrieval CHECK (retrieval_us BETWEEN 0 AND 600000000),
    ADD CONSTRAINT usage_event_leased CHECK (leased_for_us >= 0);

ALTER TABLE reliability.minute
    ADD COLUMN retrieval_histogram jsonb NOT NULL DEFAULT '{}',
    -- Of good answers, together with the time to the first token of a stream, and to the end.
    ADD COLUMN retrieved_first_token_histogram jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN retrieved_last_token_histogram jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT minute_retrieval_documents CHECK (
        pg_column_size(retrieval_histogram) <= 131072 AND pg_column_size(retrieved_first_token_histogram) <= 131072
        AND pg_column_size(retrieved_last_token_histogram) <= 131072);
