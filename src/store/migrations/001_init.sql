-- What chatd keeps, version 1. Not edited after release: what comes later is a file with the next number.
-- Moments are milliseconds since 1970, UTC. "Sealed" is XChaCha20-Poly1305 under the identity key.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- The last offset that messages since removed from the log had: their numbers are not given again.
INSERT INTO meta (name, value) VALUES ('offset_floor', 0);

-- Accounts, also those that are gone: they stay as authors. AUTOINCREMENT: a number is never used twice.
CREATE TABLE user (
    id              INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
    name            BLOB NOT NULL,              -- sealed, as its owner writes it
    name_hash       BLOB,                       -- keyed hash of the form that names are compared by
    password        TEXT,                       -- Argon2id, PHC format
    created_at      INTEGER NOT NULL,
    last_login_at   INTEGER,
    last_login_from BLOB,                       -- sealed: 4 or 16 bytes of address
    removed         INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1)),
    CHECK ((name_hash IS NULL) = removed AND (password IS NULL) = removed)
) STRICT;

CREATE UNIQUE INDEX user_name ON user (name_hash) WHERE removed = 0;

-- Rooms and direct conversations. Numbers stay below 2^27, so that a message's id fits 63 bits.
CREATE TABLE room (
    id          INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 134217727),
    name        TEXT,                           -- as its maker wrote it; NULL in a direct conversation
    name_key    TEXT UNIQUE,                    -- the form that names are compared by
    lower_user  INTEGER REFERENCES user (id),   -- in a direct conversation: the member with the lower id
    higher_user INTEGER REFERENCES user (id),
    topic       TEXT NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    first_seq   INTEGER NOT NULL DEFAULT 1,     -- of the log; last_seq + 1 where the log is empty
    indexed_seq INTEGER NOT NULL DEFAULT 0,     -- how far message_text has come
    UNIQUE (lower_user, higher_user),
    CHECK ((name IS NULL) = (name_key IS NULL)),
    CHECK ((name IS NULL) = (lower_user IS NOT NULL AND higher_user IS NOT NULL))
) STRICT;

INSERT INTO room (id, name, name_key, created_at)
VALUES (1, 'lobby', 'lobby', CAST(unixepoch('subsec') * 1000 AS INTEGER));

CREATE TABLE member (
    room     INTEGER NOT NULL REFERENCES room (id),
    user     INTEGER NOT NULL REFERENCES user (id),
    read_seq INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX member_user ON member (user);

CREATE TABLE session (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user       INTEGER NOT NULL REFERENCES user (id),
    token      BLOB NOT NULL UNIQUE,            -- SHA-256 of the token
    device     BLOB NOT NULL,                   -- sealed: people name devices after themselves
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX session_user ON session (user);

-- The logs of all rooms in one tree, and nothing beside it: see the module doc of sqlite.rs.
CREATE TABLE message (
    id       INTEGER PRIMARY KEY,               -- room << 36 | seq
    "offset" INTEGER NOT NULL,                  -- the order of everything
    at       INTEGER NOT NULL,
    author   INTEGER NOT NULL,
    kind     INTEGER NOT NULL,                  -- 0 text, 1 action
    key      TEXT,                              -- the sender's own name for it
    text     TEXT NOT NULL
) STRICT;

-- The words of the messages, by message id; the texts themselves are only in message.
CREATE VIRTUAL TABLE message_text USING fts5 (
    text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- What was done on the control socket.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    uid        INTEGER NOT NULL,
    pid        INTEGER NOT NULL,
    method     TEXT NOT NULL,
    parameters BLOB NOT NULL,                   -- sealed JSON: names are in it
    outcome    TEXT NOT NULL
) STRICT;
