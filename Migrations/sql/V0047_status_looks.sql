-- What the status page answered when it was last asked for from outside, at each public endpoint.

CREATE TABLE reliability.status_look (
    region text NOT NULL,
    url text NOT NULL,
    at timestamptz NOT NULL,
    -- 0: no answer.
    status integer NOT NULL,
    -- Seconds since the page that was shown was made; NULL: it did not tell.
    age_seconds bigint,
    CONSTRAINT status_look_pkey PRIMARY KEY (region),
    CONSTRAINT status_look_names CHECK (char_length(region) <= 63 AND char_length(url) <= 2000),
    CONSTRAINT status_look_status CHECK (status BETWEEN 0 AND 999 AND age_seconds >= 0)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.status_look TO plimsoll_reliability;
