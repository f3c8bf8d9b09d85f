-- When the last usage record of a gateway's earlier start had come: its minutes can be completed from its records then.

ALTER TABLE reliability.minute_source ADD COLUMN records_at timestamptz;
CREATE INDEX minute_source_recorded ON reliability.minute_source (records_at) WHERE records_at IS NOT NULL AND closed_at IS NULL;
