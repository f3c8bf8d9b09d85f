-- A database that was restored continues above what gateways hold; a version that does not follow the one below it is the start of another table.

-- NULL: written by a release that always counted by one.
ALTER TABLE serving.routing_table_version
    ADD COLUMN follows bigint,
    ADD CONSTRAINT routing_table_version_follows CHECK (follows BETWEEN 0 AND version - 1);
CREATE INDEX routing_table_version_jumps ON serving.routing_table_version (version) WHERE follows < version - 1;
