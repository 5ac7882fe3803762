//! What is worth an admin's attention, each with a number by which the journal knows it (MESSAGE_ID) and a page that says
//! what has happened and what to do (`journalctl -x`). The shipped catalog, `systemd/chatd.catalog`, is written from
//! here; a test holds them equal.
//!
//! An event names its entry in the field `MESSAGE_ID`. A number once given is never given to anything else.

/// One page of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The MESSAGE_ID: 128 bits in hexadecimal digits.
    pub id: &'static str,
    /// What has happened, in a few words.
    pub subject: &'static str,
    /// What it means and what to do. `@FIELD@` stands for a field of the journal's entry.
    pub text: &'static str,
}

macro_rules! catalog {
    ($($name:ident: $id:literal, $subject:literal, $text:literal;)+) => {
        $(#[doc = concat!("MESSAGE_ID: ", $subject, ".")] pub const $name: &str = $id;)+

        /// All pages.
        pub const ENTRIES: &[Entry] = &[$(Entry { id: $id, subject: $subject, text: $text },)+];
    };
}

catalog! {
    STARTED: "ccfaf713b424e66c777484e58d58da7c", "chatd serves",
        "chatd has read its database, listens, and lets people in. The addresses stand in the\n\
        message and in `chatctl status`.";
    STOPPED: "ec3d897c5779453661651494062d7840", "chatd has stopped in order",
        "Everything that was acknowledged is on disk, and everyone was told good-bye. Clients come\n\
        back by themselves once chatd runs again.";
    CANNOT_START: "79aef77960df254ae8f59dde783c854e", "chatd could not start",
        "The message says why and what to do. A mistake in the configuration (exit status 78) is not\n\
        tried again by itself: put it right, look with `chatd --check`, then `systemctl start chatd`.\n\
        Whoever connects meanwhile waits, as long as chatd-client.socket is active.";
    RELOADED: "cff3d5d3c32bf5aad518186f7344c5dc", "chatd has read its configuration again",
        "What has changed stands in the message. Some settings wait for a restart; `chatctl reload`\n\
        names them.";
    RELOAD_REFUSED: "7704e1d27297d55ca2b6be2217354e6c", "chatd's new configuration is wrong, the old one stays in force",
        "Nobody was disturbed. The message names the file, the line and what is wrong there. Put it\n\
        right, then `systemctl reload chatd` or `chatctl reload`.";
    CONTROL: "d2341ec53a9b8733e630ca16daedc886", "an admin's command",
        "Somebody who may use the control socket called @CHATD_METHOD@ (user id @CHATD_UID@, process\n\
        @CHATD_PID@). It is written down in the database as well.";
    AUDIT_FAILED: "5f0d9c2e7b614a38a1d2c46f80b7e93d", "an entry of the audit log could not be stored",
        "@CHATD_METHOD@ was carried out, or refused, all the same; the entry about it stands in this\n\
        journal and in chatd's own log alone. The message names the cause. When the disk is full, make\n\
        room: later entries are stored again by themselves.";
    CONTROL_REFUSED: "8fa53e9a1829e9b28eb5f0f552c164cd", "somebody was turned away from the control socket",
        "User id @CHATD_UID@ (process @CHATD_PID@) may not steer chatd. If they should, make them a\n\
        member of the group: `adduser NAME chatd`, and let them log in anew.";
    REGISTERED: "3e33adba52c3ec80c80c2c3070820bcd", "an account was made",
        "@CHATD_USER@ chose a name and a password. To keep strangers from doing so, set\n\
        registration = \"invite\" or \"closed\" in chatd.toml and `chatctl reload`; to undo it,\n\
        `chatctl user remove @CHATD_USER@`.";
    LOGGED_IN: "1952cccd48e9c20dd97ee63b5714953b", "somebody has logged in",
        "@CHATD_USER@ gave the right password and has session @CHATD_SESSION@ now. `chatctl sessions`\n\
        lists them, `chatctl session revoke @CHATD_SESSION@` ends it.";
    DISABLED_REFUSED: "870feeb3f5680e5be5b8ce618b94fe20", "a login to a disabled account was refused",
        "Somebody gave the right password of @CHATD_USER@, whose account is disabled, and was told so.\n\
        `chatctl user show @CHATD_USER@` tells since when; `chatctl user enable @CHATD_USER@` lets them\n\
        in again.";
    LOGIN_REFUSED: "f8f22d49b149104b2bdb0d7f2358e17e", "a login was refused",
        "Somebody gave a wrong password, or a name that nobody has; the message has the name that was\n\
        tried and where it came from, as far as that is shown (log.addresses in chatd.toml). Once or\n\
        twice is a slip of the fingers. Many from one network are somebody who guesses.";
    LOGINS_DELAYED: "b2a5e0c1a7d44f6e9c3d18f07be4a952", "too many logins were refused, further ones wait",
        "Somebody guesses passwords: for a name, from one address, or from where its owner comes from.\n\
        Further tries wait longer and longer, at most limits.login_delay_seconds; whoever is logged in\n\
        notices nothing, and the owner of a name gets in from where they have been before. The message\n\
        has the name tried last. This is said at most once a minute for each address.";
    REGISTRATIONS_DELAYED: "4d0c6a7be5f84d0f8f1be2a90c7735d1", "too many accounts were made, further ones wait",
        "More accounts were made in an hour than limits.registrations_per_address or\n\
        limits.registrations_per_hour allow. If that is a class or a meeting, raise them and\n\
        `chatctl reload`. If it is somebody who makes accounts by the dozen, set\n\
        registration = \"closed\", and look at `chatctl users`.";
    STRANGERS: "7e31c2d95a7f4bb2a6d4f3c8125be06a", "too many connections that nobody logs in on",
        "As many connections wait for a login as limits.strangers, limits.connections_per_address or\n\
        limits.connections allow, so the oldest of them were closed, or new ones turned away.\n\
        Whoever is logged in notices nothing, and newcomers still get in. `chatctl status` tells how\n\
        many there are. This is said at most once a minute for each address.";
    SESSION_ENDED: "010417d8a6ef2773dad2914e59cd3a12", "a session has ended",
        "Session @CHATD_SESSION@ of @CHATD_USER@ is over (@CHATD_REASON@), and its token is dead. That\n\
        device has to log in again.";
    ROOM_CREATED: "d3b3c159792d836fc0a683ac89bfb971", "a room was created",
        "@CHATD_USER@ created the room @CHATD_ROOM@. `chatctl rooms` lists all of them.";
    BANNED_REFUSED: "5f1d0c3b8a9e4d2f9b7c6a1e0d84f3c2", "a login of a banned user was refused",
        "Somebody gave the right password of @CHATD_USER@, who is banned from this server, and was told\n\
        so. `chatctl bans` tells until when and why; `chatctl unban @CHATD_USER@` lets them in again.";
    MODERATED: "c7a2e94b6d1f4a08b35e0f9d27c8164a", "an operator or a moderator has acted on somebody",
        "@CHATD_BY@ did what the message says: kicked, banned, muted, made an operator, or removed the\n\
        text of a message. `chatctl bans` lists what is in force, `chatctl unban` and `chatctl unmute`\n\
        undo it; `chatctl user role @CHATD_BY@ none` makes nobody a moderator any more.";
    STORING_FAILED: "d6736d28bcee60a0e830b04e9d840db3", "chatd cannot store messages",
        "Nothing that was acknowledged is lost. Until this is over whoever sends is told that it was\n\
        not stored; reading goes on. The message names the cause. When the disk is full, make room:\n\
        chatd goes on by itself. When another program has locked the database, end that one; `fuser`\n\
        names it. When the file system is read-only, look why (`journalctl -k`), mount it for writing\n\
        and restart chatd. For anything else look at the disk first (`journalctl -k`).";
    STORING_AGAIN: "f7871210719753b6e04c546816515d3d", "chatd stores messages again",
        "Whatever was in the way is gone. What was refused meanwhile was told to whoever sent it.";
    READING_FAILED: "e2a116a9048b42aeb003a03cef96feb4", "chatd cannot read its database",
        "Whoever asked for history, a search or a login was told that something went wrong here; what\n\
        is live goes on. The message names the cause. Look at the disk first (`journalctl -k`). When\n\
        the message says that the database is damaged, `chatctl check` tells more: save what can be\n\
        read, and put the newest good backup in its place, as chatctl(8) tells under BACKUPS.";
    MEMORY_SHORT: "4b7f0e1d92c84e3fa6d5137c0b98e24a", "there is no memory for passwords",
        "Whoever logs in or registers is told to try again; whoever is logged in goes on. Each of\n\
        limits.password_threads takes 33 MiB while it works. Give chatd more memory (MemoryMax= and\n\
        LimitAS=, `systemctl edit chatd`), or let it use fewer threads and `systemctl restart chatd`.";
    INDEX_FAILED: "a52d00794dac2e5daf8bc8abdecba837", "the search index is behind",
        "Searches do not find the newest messages. Everything else goes on, and the index is brought\n\
        up with the next message. The message names the cause.";
    ACCEPT_FAILED: "f61c1bb0da7001167c63217b244e36f7", "chatd cannot accept connections for now",
        "Most likely there are too few open files: raise LimitNOFILE= (`systemctl edit chatd`), or\n\
        lower limits.connections. Whoever is connected goes on, whoever connects waits.";
    FILES_FEW: "79eddf5963a57fec50d285ac0c7ce4e3", "fewer open files are allowed than there may be connections",
        "Each connection is an open file. Raise LimitNOFILE= (`systemctl edit chatd`), or lower\n\
        limits.connections to what fits.";
    LOG_FILE_FAILED: "0fed0911911a5fefaa0215aa67717576", "chatd's own log file cannot be written",
        "chatd goes on, and so does the journal; `chatctl log show` has the last lines, from memory. The\n\
        message names the file and the cause. A full disk is over by itself once there is room; a file\n\
        that could not be opened is tried again by `chatctl reload`.";
    KEY_EXPOSED: "2b6defd62c3d2e656bdbb4dbf1af7c19", "others may read the identity key",
        "Names and addresses in the database are sealed with this key. `chmod 600` the file that the\n\
        message names; if somebody else may have read it, treat the names as known.";
    FAULT: "f6d314d5e17139d48501cbc9b1700ced", "a fault of chatd",
        "This should not happen, and is ours to mend: please report it, with this entry. chatd ends\n\
        and is started again; nothing that was acknowledged is lost.";
    STALLED: "302c2ce1769d7026797d74258528f587", "a part of chatd does not answer",
        "The hub or the writer has not answered for a while, so the watchdog is not fed. A disk that\n\
        hangs is the usual cause (`journalctl -k`). If it goes on, systemd ends chatd and starts it\n\
        again; nothing that was acknowledged is lost.";
    FIRST_ACCOUNT: "064f41d73dce6507f2424aaecec24c0a", "the first account was made from a credential",
        "There was no account yet and the credential chatd.first-admin names one: @CHATD_USER@. The\n\
        credential is not read again once there is an account; take it away.";
    SOCKETS_IGNORED: "aaa2d7841dcc7e130960fe41638191fc", "a setting about addresses is not in force",
        "The sockets are handed in by systemd, so they decide where chatd listens, not chatd.toml:\n\
        `systemctl edit chatd-client.socket`. To let chatd listen by itself see the example\n\
        drop-in, /usr/share/doc/chatd/examples/listen.conf.";
    CERTIFICATE_MADE: "a2a97d970fc416810d2329d3da686b5d", "a certificate was made",
        "There was none, so chatd made one that vouches for itself, with no end. Nobody else vouches\n\
        for it: whoever connects from another machine is shown its fingerprint, @CHATD_FINGERPRINT@,\n\
        and asked once whether that is right. Tell people what `chatctl status` shows.";
    CERTIFICATE_EXPIRES: "df0d1fb87c2831b0a44882c4ba6bc87a", "the certificate ends soon",
        "The certificate in @CHATD_FILE@ is good until @CHATD_EXPIRES@. From then on clients refuse to\n\
        connect. Renew it, then `systemctl reload chatd` or `chatctl reload`: nobody is disturbed. A\n\
        credential (LoadCredential=) is read anew only by `systemctl restart chatd`.";
    TLS_KEY_EXPOSED: "150ce1be17d0eeba857adf0ca332ce38", "everybody may read the key of the certificate",
        "Whoever has this key can pass for the server. `chmod 600` the file @CHATD_FILE@; if somebody\n\
        may have read it, get another certificate with another key.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ENTRIES;

    #[test]
    fn every_number_is_of_128_bits_and_given_once() {
        let mut given = BTreeSet::new();
        for entry in ENTRIES {
            assert_eq!(entry.id.len(), 32, "{}", entry.subject);
            assert!(
                entry
                    .id
                    .bytes()
                    .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
            );
            assert!(given.insert(entry.id), "{}", entry.subject);
        }
    }
}
