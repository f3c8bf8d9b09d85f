-- One request may need more of a limit of the minute than others leave by habit: how much is told to them.

ALTER TABLE serving.rate_holders
    -- The most that one request needs, of a kind that is not short 0; until when that holds.
    ADD COLUMN needed_requests integer NOT NULL DEFAULT 0,
    ADD COLUMN needed_tokens integer NOT NULL DEFAULT 0,
    ADD COLUMN needed_concurrent integer NOT NULL DEFAULT 0,
    ADD COLUMN needed_until timestamptz NOT NULL DEFAULT '-infinity',
    ADD CONSTRAINT rate_holders_needs CHECK (needed_requests >= 0 AND needed_tokens >= 0 AND needed_concurrent >= 0);
