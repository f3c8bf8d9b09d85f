-- What a model is for: text, or vectors of texts.

ALTER TABLE serving.models ADD COLUMN kind text NOT NULL DEFAULT 'generation';
ALTER TABLE serving.models ADD CONSTRAINT models_kind CHECK (kind IN ('generation', 'embedding'));
