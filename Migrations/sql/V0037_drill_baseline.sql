-- Bad requests of its models that the minute in which a drill began had before: they are not its own.
ALTER TABLE reliability.drill ADD COLUMN bad_before bigint NOT NULL DEFAULT 0, ADD CONSTRAINT drill_bad_before CHECK (bad_before >= 0);
GRANT SELECT (minute_at, drill, model, bad) ON reliability.minute TO plimsoll_serving;
