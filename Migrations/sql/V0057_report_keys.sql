-- Keys by which a tenant reads its own months; a use of a key that no gateway noted is one on the public port.
ALTER TABLE serving.api_keys ADD COLUMN reads_reports boolean NOT NULL DEFAULT false;
ALTER TABLE serving.key_uses ALTER COLUMN gateway_id DROP NOT NULL;
