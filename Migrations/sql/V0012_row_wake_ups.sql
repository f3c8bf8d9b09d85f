-- Heartbeats write workers every second; only a row that is new, gone or other in what the table holds wakes the publisher.

-- A trigger of the statement also fires when ON CONFLICT changed a row or left it as it was; one of the row only for rows that were added.
DROP TRIGGER workers_added ON serving.workers;
CREATE TRIGGER workers_added AFTER INSERT ON serving.workers FOR EACH ROW
    WHEN (NEW.accepted) EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER workers_removed AFTER DELETE ON serving.workers FOR EACH ROW
    WHEN (OLD.accepted) EXECUTE FUNCTION serving.table_changed();

-- The table says nothing about refused workers nor about a runtime's state, which travels on the link.
DROP TRIGGER workers_changed ON serving.workers;
CREATE TRIGGER workers_changed AFTER UPDATE ON serving.workers FOR EACH ROW
    WHEN ((OLD.accepted OR NEW.accepted)
        AND (OLD.release, OLD.dialect, OLD.served_model, OLD.slots, OLD.context_tokens, OLD.weight_ppm, OLD.accepted, OLD.retired_at)
        IS DISTINCT FROM
        (NEW.release, NEW.dialect, NEW.served_model, NEW.slots, NEW.context_tokens, NEW.weight_ppm, NEW.accepted, NEW.retired_at))
    EXECUTE FUNCTION serving.table_changed();
