-- While budgets are spent, nobody makes what holds changes up looser alone: passes for objectives, too. And what a bad minute is laid to stands in a
-- column of its own, so that names are compared whole and not looked for in texts.

ALTER TABLE reliability.freeze_pass DROP CONSTRAINT freeze_pass_change,
    ADD CONSTRAINT freeze_pass_change CHECK (change IN ('deployment', 'provider_swap', 'price', 'objective'));

ALTER TABLE reliability.budget_entry ADD COLUMN changed text,
    ADD CONSTRAINT budget_entry_changed CHECK (char_length(changed) <= 300);
