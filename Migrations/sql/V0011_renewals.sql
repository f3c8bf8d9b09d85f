-- A renewal whose answer was lost must not look like a copied machine: remember whether the newest certificate was ever shown.

ALTER TABLE serving.hosts
    ADD COLUMN previous_certificate_sha256 serving.sha256,
    ADD COLUMN certificate_seen_at timestamptz;
ALTER TABLE serving.gateways
    ADD COLUMN previous_certificate_sha256 serving.sha256,
    ADD COLUMN certificate_seen_at timestamptz;
