//! What the methods of the control socket reply. The fields are described in `io.chatd.Control.varlink`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AccountState, InviteState, LogLevel, State};
use crate::base::{InviteId, Password, Seq, SessionId, Timestamp};

mod data;
pub use data::*;

replies! {
    /// It is done; there is nothing to tell.
    #[derive(Default)]
    Done {}
    /// It is as wanted; `changed` tells whether it was not before.
    Changed { changed: bool, }
    /// See [`super::Status`]. What an older chatd does not tell is empty.
    DaemonStatus {
        state: State,
        server: String,
        version: String,
        pid: u32,
        since: Timestamp,
        addresses: Vec<String>,
        #[serde(default)] handed_in: Vec<String>,
        users_online: u64,
        connections: u64,
        #[serde(default)] strangers: u64,
        users: u64,
        sessions: u64,
        rooms: u64,
        messages: u64,
        log: LogState,
        database: Database,
        certificate: Certificate,
    }
    /// The database and its log on the disk.
    Database { file: String, bytes: u64, }
    /// The certificate that is shown to those who connect over TLS.
    Certificate {
        fingerprint: String,
        file: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] expires_at: Option<Timestamp>,
        expires_soon: bool,
    }
    /// See [`super::SetLog`].
    LogState {
        on: bool,
        level: LogLevel,
        #[serde(default, skip_serializing_if = "Option::is_none")] file: Option<String>,
        /// Why lines do not get into the file.
        #[serde(default, skip_serializing_if = "Option::is_none")] problem: Option<String>,
        journal: bool,
    }
    /// See [`super::Shutdown`].
    ShutdownPlan {
        at: Timestamp,
        #[serde(default)] still_listening: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] stop_command: Option<String>,
    }
    /// See [`super::Reload`]: the settings that have changed since they were last read, and those that wait for a restart.
    Reloaded { changed: Vec<String>, need_restart: Vec<String>, }
    /// See [`super::ShowLog`].
    LogLines {
        lines: Vec<Arc<str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")] problem: Option<String>,
    }
    /// See [`super::FollowLog`]. Without a line it is the end of the stream.
    #[derive(Default)]
    LogLine {
        #[serde(default, skip_serializing_if = "Option::is_none")] line: Option<Arc<str>>,
        /// How many lines before this one were lost because the reader was too slow.
        #[serde(default, skip_serializing_if = "Option::is_none")] missed: Option<u64>,
    }
    /// See [`super::ClearLog`].
    LogCleared {
        #[serde(default, skip_serializing_if = "Option::is_none")] file: Option<String>,
        bytes: u64,
        journal: bool,
    }
    /// See [`super::ListUsers`] and [`super::ListConnected`].
    Users { users: Vec<User>, }
    /// An account.
    User {
        name: String,
        created_at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")] last_login_at: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] last_login_from: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] disabled_at: Option<Timestamp>,
        #[serde(default)] moderator: bool,
        sessions: u32,
        connections: u32,
        rooms: u32,
    }
    /// See [`super::ShowUser`].
    ShownUser {
        name: String,
        state: AccountState,
        created_at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")] disabled_at: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] last_login_at: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] last_login_from: Option<String>,
        #[serde(default)] moderator: bool,
        connections: u32,
        sessions: Vec<Session>,
        rooms: Vec<AccountRoom>,
    }
    /// A room that somebody is in, and how far they have read.
    AccountRoom {
        name: String,
        direct: bool,
        last_seq: Seq,
        read_seq: Seq,
        unread: u64,
    }
    /// See [`super::CreateInvite`]. The code is told only here.
    InviteCreated { id: InviteId, code: Password, expires_at: Timestamp, }
    /// See [`super::ListInvites`].
    Invites { invites: Vec<Invite>, }
    /// An invite, without its code.
    Invite {
        id: InviteId,
        note: String,
        state: InviteState,
        uses: u32,
        used: u32,
        created_at: Timestamp,
        created_by: u32,
        expires_at: Timestamp,
    }
    /// See [`super::AddUser`].
    Added { name: String, }
    /// See [`super::ClearUsers`].
    Cleared { users: u64, }
    /// See [`super::ListSessions`].
    Sessions { sessions: Vec<Session>, }
    /// A login of a device.
    Session {
        id: SessionId,
        user: String,
        device: String,
        created_at: Timestamp,
        seen_at: Timestamp,
        expires_at: Timestamp,
        connections: u32,
    }
    /// See [`super::Rekey`]. Only the last reply tells where the new key is.
    Rekeyed {
        sealed: u64,
        total: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")] key_file: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] credential: Option<String>,
    }
    /// See [`super::ListRooms`].
    Rooms { rooms: Vec<Room>, }
    /// See [`super::ListNames`].
    Names { names: Vec<String>, more: bool, }
    /// A room, or a direct conversation.
    Room {
        name: String,
        direct: bool,
        topic: String,
        members: u32,
        online: u32,
        messages: u64,
        /// Where its log begins, and the last number given.
        #[serde(default)] first_seq: Seq,
        #[serde(default)] last_seq: Seq,
    }
    /// See [`super::RemoveRoom`]: what went with it.
    RoomRemoved { members: u64, messages: u64, }
    /// See [`super::ListMembers`].
    Members { members: Vec<Member>, }
    /// Somebody in a room.
    Member {
        name: String,
        online: bool,
        #[serde(default)] operator: bool,
        read_seq: Seq,
        unread: u64,
    }
    /// See [`super::ClearHistory`]: the rooms whose logs begin later, and the messages that went.
    HistoryCleared { rooms: u64, messages: u64, }
    /// How many connections it concerned.
    Reached { connections: u64, }
    /// See [`super::GetVersion`].
    Version { version: String, protocol: u32, }
}
