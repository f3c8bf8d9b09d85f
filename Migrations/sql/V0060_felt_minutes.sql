-- Of incidents that are judged by minutes: every spell in which customers felt one, where the first and the last do not tell what was between them.

ALTER TABLE reliability.incident ADD COLUMN felt tstzmultirange NOT NULL DEFAULT '{}';

UPDATE reliability.incident SET felt = tstzmultirange(tstzrange(impact_from, impact_until))
WHERE impact_until > impact_from AND rule IN ('provider_health', 'worker_health', 'redundancy');
