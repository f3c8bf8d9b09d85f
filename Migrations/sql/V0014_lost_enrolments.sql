-- An enrolment whose answer was lost may be asked again by whoever holds the same key: remember which key the token was used with.

ALTER TABLE serving.enrolment_tokens ADD COLUMN consumed_key_sha256 serving.sha256;
