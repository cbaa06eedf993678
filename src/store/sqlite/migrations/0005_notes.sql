-- What is remembered from one question to GrowSurf to the next, by name.
CREATE TABLE notes (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO notes (name, value)
SELECT 'made_at', CAST(MIN(applied_at) AS TEXT) FROM schema_migrations HAVING COUNT(*) > 0;
