-- The same checks, but null passes them in every version of SQLite: an older one calls json_valid(NULL) false, and its
-- integrity_check then reports every operation.
ALTER TABLE operations RENAME COLUMN progress TO progress_before;
ALTER TABLE operations RENAME COLUMN result TO result_before;
ALTER TABLE operations ADD COLUMN progress TEXT CHECK (progress IS NULL OR json_valid(progress));
ALTER TABLE operations ADD COLUMN result TEXT CHECK (result IS NULL OR json_valid(result));
UPDATE operations SET progress = progress_before, result = result_before
  WHERE progress_before IS NOT NULL OR result_before IS NOT NULL;
ALTER TABLE operations DROP COLUMN progress_before;
ALTER TABLE operations DROP COLUMN result_before;
