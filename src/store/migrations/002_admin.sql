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

-- Rooms. Those that are gone: their messages are removed in small steps, and what is made again under the name goes on
-- with the numbers, so that nobody's cursor takes a new message for an old one.
CREATE TABLE removed_room (
    id       INTEGER PRIMARY KEY,
    name_key TEXT NOT NULL,
    last_seq INTEGER NOT NULL                   -- the last number given in it
) STRICT;

-- Redaction. Of message.kind there are now 2 redaction and 3 redacted, whose text is gone, too.
ALTER TABLE message ADD COLUMN redacts INTEGER; -- in a redaction: the number of the message whose text is gone

-- An index that can forget: it reads what a message said from the log, and can take the words out of its own pages, where
-- the one before could only mark them as gone. It is made anew behind the log.
DROP TABLE message_text;
CREATE VIRTUAL TABLE message_text USING fts5 (
    text, content = 'message', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
UPDATE room SET indexed_seq = first_seq - 1;

-- Moderation. Roles go with the account, or with being in the room.
ALTER TABLE user ADD COLUMN moderator INTEGER NOT NULL DEFAULT 0 CHECK (moderator IN (0, 1));
ALTER TABLE member ADD COLUMN operator INTEGER NOT NULL DEFAULT 0 CHECK (operator IN (0, 1));

-- Who may not come in or not speak. One row for each of whom, where and what: a later one takes the place.
CREATE TABLE ban (
    id           INTEGER PRIMARY KEY,
    kind         INTEGER NOT NULL CHECK (kind IN (0, 1)), -- 0 ban, 1 mute
    user         INTEGER REFERENCES user (id),
    network      BLOB,                          -- sealed, as an admin writes it: instead of a user
    network_hash BLOB,                          -- keyed hash of the same
    room         INTEGER REFERENCES room (id),  -- NULL: the whole server
    by           INTEGER NOT NULL,              -- an account, or 0 for the admin
    at           INTEGER NOT NULL,
    until        INTEGER,                       -- NULL: for good
    reason       BLOB NOT NULL,                 -- sealed: names may be in it
    CHECK ((user IS NULL) = (network IS NOT NULL) AND (network IS NULL) = (network_hash IS NULL))
) STRICT;

CREATE INDEX ban_user ON ban (user, room);
CREATE INDEX ban_room ON ban (room) WHERE room IS NOT NULL;

-- The audit log. Who did it is now one of three: on the control socket uid and pid, from a client the account, else chatd
-- itself. No entry is lost on the way: what is sealed in one is bound to its time, which it keeps.
ALTER TABLE audit RENAME TO audit_first;
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- without holes; the oldest go
    at         INTEGER NOT NULL,
    uid        INTEGER,                         -- on this machine; names of its users are kept nowhere
    pid        INTEGER,
    user       INTEGER REFERENCES user (id),
    method     TEXT NOT NULL,                   -- as the control socket calls it
    parameters BLOB NOT NULL,                   -- sealed JSON: names, addresses and reasons are in it
    outcome    TEXT NOT NULL,                   -- 'ok', or the name of an error
    CHECK ((uid IS NULL) = (pid IS NULL)),
    CHECK (uid IS NULL OR user IS NULL)
) STRICT;
INSERT INTO audit (id, at, uid, pid, method, parameters, outcome)
SELECT id, at, uid, pid, method, parameters, outcome FROM audit_first;
DROP TABLE audit_first;
