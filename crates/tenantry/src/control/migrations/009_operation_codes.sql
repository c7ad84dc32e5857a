-- The kind of error with which an operation went back or rests, as the API names it: a program can act on it.
ALTER TABLE operations ADD COLUMN error_code TEXT;
