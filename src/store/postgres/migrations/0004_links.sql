-- Finds the person whose participant a referral link names by something else than the id. A code that
-- the participant gave up stays until somebody else takes it, so whoever asks looks whether it is theirs.
CREATE TABLE links (
    campaign text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    person bigint NOT NULL,
    PRIMARY KEY (campaign, code)
);

CREATE INDEX links_person ON links (person);
