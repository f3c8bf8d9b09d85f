-- Who may have heard of an incident is told of its end, also where no try was ever answered: a try that timed out here may have been taken there.

ALTER TABLE reliability.page ADD COLUMN may_be_heard boolean NOT NULL DEFAULT FALSE;
-- Of what was given up before, nobody knows.
UPDATE reliability.page SET may_be_heard = TRUE WHERE state = 'dead' AND attempts > 0;
