-- A pin ends when it was asked to: until now what was pinned once was renewed for ever.

ALTER TABLE reliability.mitigation ADD COLUMN pinned_until timestamptz;
UPDATE reliability.mitigation SET pinned_until = expires_at WHERE pinned;
