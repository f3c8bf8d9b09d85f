-- What is done about secrets and personal data in prompts before a host sees them; of a key NULL means: what its tenant has.
ALTER TABLE serving.tenants ADD COLUMN masking text,
    ADD CONSTRAINT tenants_masking CHECK (masking IN ('warn', 'secrets', 'personal', 'all'));
ALTER TABLE serving.api_keys ADD COLUMN masking text,
    ADD CONSTRAINT api_keys_masking CHECK (masking IN ('none', 'warn', 'secrets', 'personal', 'all'));
