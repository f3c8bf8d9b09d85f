-- Several incidents may tell of one outage: drafts that are told in a post that is published already.

ALTER TABLE reliability.status_post ADD COLUMN told_by uuid,
    ADD CONSTRAINT status_post_told_by_fkey FOREIGN KEY (told_by) REFERENCES reliability.status_post (id),
    ADD CONSTRAINT status_post_told_by CHECK (told_by IS NULL OR published_at IS NULL);
CREATE INDEX status_post_told ON reliability.status_post (told_by) WHERE told_by IS NOT NULL;
