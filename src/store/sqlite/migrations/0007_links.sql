-- Finds the person whose participant a referral link names by something else than the id. A code that
-- the participant gave up stays until somebody else takes it, so whoever asks looks whether it is theirs.
CREATE TABLE links (
    campaign TEXT NOT NULL,
    code TEXT NOT NULL,
    person INTEGER NOT NULL,
    PRIMARY KEY (campaign, code)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_person ON links (person);
