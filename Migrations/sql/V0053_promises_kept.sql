-- A promise that is only proposed can be withdrawn: it is gone, as if it had never been made. Force majeure is published on the status page.

GRANT DELETE ON reliability.agreement TO plimsoll_serving;
-- Whatever was promised stays.
CREATE TRIGGER agreement_kept BEFORE DELETE ON reliability.agreement FOR EACH ROW
    WHEN (OLD.state <> 'proposed') EXECUTE FUNCTION reliability.refuse_change();

ALTER TABLE reliability.status_post
    ADD COLUMN exclusion_id uuid,
    ADD CONSTRAINT status_post_exclusion_key UNIQUE (exclusion_id),
    ADD CONSTRAINT status_post_exclusion_fkey FOREIGN KEY (exclusion_id) REFERENCES reliability.exclusion (id);
