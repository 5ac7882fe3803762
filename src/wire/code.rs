//! The stable words by which errors are told.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+) => {
        /// What went wrong, as a stable word. The text beside it is for people and may change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[doc = $doc])+ #[serde(rename = $word)] $name,)+
        }

        impl Code {
            /// All of them, in the order of the specification.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word on the wire.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }
    };
}

codes! {
    /// The frame is empty or holds no JSON object in UTF-8. The connection is closed after it.
    BadFrame = "bad-frame",
    /// The frame is longer than the limit. The connection is closed after it.
    TooLarge = "too-large",
    /// The server does not know the `type`.
    UnknownType = "unknown-type",
    /// A field is missing, mistyped, too long or contradicts another.
    BadRequest = "bad-request",
    /// The request needs a login, or the session has ended.
    NotLoggedIn = "not-logged-in",
    /// Name and password, or the token, do not belong to an account.
    BadCredentials = "bad-credentials",
    /// Somebody or something has the name, or one that looks the same.
    NameTaken = "name-taken",
    /// The text cannot be a name.
    BadName = "bad-name",
    /// The password is too short or too easy.
    WeakPassword = "weak-password",
    /// New accounts are made by the admin only.
    RegistrationClosed = "registration-closed",
    /// An account takes an invite: none was shown, or it is not known, used up, revoked or has run out.
    BadInvite = "bad-invite",
    /// There is no room of that name.
    NoSuchRoom = "no-such-room",
    /// There is nobody of that name.
    NoSuchUser = "no-such-user",
    /// There is no message of that number, or none that could be redacted.
    NoSuchMessage = "no-such-message",
    /// One has to join the room first.
    NotAMember = "not-a-member",
    /// One may not do this.
    Forbidden = "forbidden",
    /// One may not speak here at present.
    Muted = "muted",
    /// One may not come in.
    Banned = "banned",
    /// Too much at once; `retry_after_ms` says when to try again.
    RateLimited = "rate-limited",
    /// The server has too much to do; `retry_after_ms` says when to try again.
    Busy = "busy",
    /// The server's disk is full: nothing can be stored at present. Reading goes on.
    StorageFull = "storage-full",
    /// The server is stopping.
    ShuttingDown = "shutting-down",
    /// A fault of the server. Its log says more.
    Internal = "internal",
}
