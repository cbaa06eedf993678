-- What is remembered from one question to GrowSurf to the next, by name.
CREATE TABLE notes (
    name text PRIMARY KEY,
    value text NOT NULL
);

INSERT INTO notes (name, value)
SELECT 'made_at', MIN(applied_at)::text FROM schema_migrations HAVING COUNT(*) > 0;
