-- First tokens of the last half minute, told by gateways as they come: late ones are noticed before the answers that they begin have ended.

ALTER TABLE reliability.minute_source ADD COLUMN first_tokens jsonb NOT NULL DEFAULT '[]';
