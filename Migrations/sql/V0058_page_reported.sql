-- Who was told that a write-up is overdue is told when it is there.

ALTER TABLE reliability.page DROP CONSTRAINT page_event,
    ADD CONSTRAINT page_event CHECK (event IN ('opened', 'acknowledged', 'resolved', 'overdue', 'reported'));
