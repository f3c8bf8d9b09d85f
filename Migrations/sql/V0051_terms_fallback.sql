-- The smaller model that may answer in trouble, as terms name it with its quality; NULL: no other model answers under these terms.

ALTER TABLE reliability.terms
    ADD COLUMN fallback_model text,
    ADD COLUMN fallback_quality text,
    ADD CONSTRAINT terms_fallback CHECK ((fallback_model IS NULL) = (fallback_quality IS NULL)),
    ADD CONSTRAINT terms_fallback_names CHECK (char_length(fallback_model) BETWEEN 1 AND 127 AND char_length(fallback_quality) BETWEEN 1 AND 200);
