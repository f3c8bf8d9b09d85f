-- Batch requests of a tenant's month are found without reading its interactive ones.

CREATE INDEX usage_event_batch ON billing.usage_event (tenant_id, model, region, accepted_at) WHERE batch_deadline_us IS NOT NULL;
