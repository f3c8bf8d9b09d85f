-- What public endpoints answered to what they must refuse: a key that nobody has, and more requests than a key may send.

CREATE TABLE reliability.limit_look (
    region text NOT NULL,
    url text NOT NULL,
    at timestamptz NOT NULL,
    -- To a key that nobody has; 0: no answer.
    unknown_status integer NOT NULL,
    -- At once with a key of one request a minute; 0: there is no such key to ask with.
    asked integer NOT NULL,
    -- Of them, with 429.
    refused integer NOT NULL,
    CONSTRAINT limit_look_pkey PRIMARY KEY (region),
    CONSTRAINT limit_look_names CHECK (char_length(region) <= 63 AND char_length(url) <= 2000),
    CONSTRAINT limit_look_status CHECK (unknown_status BETWEEN 0 AND 999),
    CONSTRAINT limit_look_counts CHECK (refused BETWEEN 0 AND asked)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.limit_look TO plimsoll_reliability;
