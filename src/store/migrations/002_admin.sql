-- What the admin's hand needs, version 2.

-- Accounts. One that is disabled keeps everything but its sessions.
ALTER TABLE user ADD COLUMN disabled_at INTEGER;

-- Invites. AUTOINCREMENT: a number is never used twice.
CREATE TABLE invite (
    id         INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
    hash       BLOB NOT NULL UNIQUE,            -- SHA-256 of the code
    note       BLOB NOT NULL,                   -- sealed: mostly a name
    uses       INTEGER NOT NULL,
    used       INTEGER NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND uses),
    created_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,                -- the user id of whoever called
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
