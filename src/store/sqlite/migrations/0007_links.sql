-- Finds the person whose participant a referral link names by something else than the id. A code that
-- the participant gave up still leads to them, until somebody else takes it.
CREATE TABLE links (
    campaign TEXT NOT NULL,
    code TEXT NOT NULL,
    person INTEGER NOT NULL,
    PRIMARY KEY (campaign, code)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_person ON links (person);
