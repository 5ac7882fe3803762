//! One account as the admin sees it, and the accounts that nobody can log in to: what such a one has stays as it is, and
//! is there when it is enabled again.

use super::effect::{AccountRoom, AccountView, Refusal, Reply};
use super::note::Note;
use super::state::Room;
use super::{Asker, Engine};
use crate::base::record::{Change, RoomForm};
use crate::base::{CallId, RoomId, Seq, UserId, UserName};

impl Engine {
    /// Somebody who is gone is shown, too, as long as nobody else has the name.
    pub(super) fn show_user(&self, name: &UserName) -> Reply {
        let view = self.state.owner(name).and_then(|id| self.account_view(id));
        match view {
            Some(view) => Reply::Account(Box::new(view)),
            None => Reply::NoSuchUser(name.clone()),
        }
    }

    fn account_view(&self, id: UserId) -> Option<AccountView> {
        let user = self.state.users.get(&id)?;
        let sessions = user.sessions.iter();
        let session = |id| self.session_line(self.state.sessions.get(id)?);
        let rooms = user.rooms.iter();
        let room = |(room, read): &(RoomId, Seq)| {
            Some(self.account_room(id, self.state.rooms.get(room)?, *read))
        };
        Some(AccountView {
            line: self.user_line(id)?,
            is_removed: user.removed,
            sessions: sessions.filter_map(session).collect(),
            rooms: rooms.filter_map(room).collect(),
        })
    }

    /// As its owner sees it; but the conversation with somebody who is gone is shown also when another has the name.
    fn account_room(&self, viewer: UserId, room: &Room, read: Seq) -> AccountRoom {
        let (label, is_direct) = match &room.form {
            RoomForm::Open(name) => (name.to_string(), false),
            RoomForm::Direct(one, other) => {
                let partner = if *one == viewer { other } else { one };
                let partner = self.state.users.get(partner);
                let name = partner.map_or(String::new(), |user| user.name.to_string());
                (format!("@{name}"), true)
            }
        };
        // What was cleared away is not unread any more.
        let read_seq = read.max(Seq(room.first_seq.0.saturating_sub(1)));
        AccountRoom {
            label,
            is_direct,
            last_seq: room.last_seq,
            read_seq: read,
            unread: room.last_seq.0.saturating_sub(read_seq.0),
        }
    }

    /// Disables an account or enables it again. Stored also where that seems to be so already: of two admins who do the
    /// opposite at once, the one who comes last is right.
    pub(super) fn set_disabled(
        &mut self,
        call: CallId,
        name: &UserName,
        disabled: bool,
    ) -> Option<Reply> {
        let Some(id) = self.state.user_by_name(name) else {
            return Some(Reply::NoSuchUser(name.clone()));
        };
        let changed = Reply::Changed(self.is_disabled(id) != disabled);
        let since = disabled.then_some(self.now.wall);
        let changes = vec![Change::SetDisabled(id, since)];
        self.admin_commit(call, changes, changed)
    }

    pub(super) fn is_disabled(&self, id: UserId) -> bool {
        let user = self.state.users.get(&id);
        user.is_some_and(|user| user.disabled_at.is_some())
    }

    /// Whoever gave the right password is told, and nobody else: the others are told what they always are.
    pub(super) fn refuse_disabled(&mut self, asker: &Asker, id: UserId) {
        let from = self.conns.get(&asker.conn).and_then(|conn| conn.from);
        if let Some(user) = self.state.users.get(&id) {
            let user = user.name.clone();
            self.note(Note::DisabledRefused { user, from });
        }
        self.refuse_login(asker, Refusal::AccountDisabled);
    }

    /// As with one that is disabled: whoever gave the right password is told, and nobody else.
    pub(super) fn refuse_banned(&mut self, asker: &Asker, id: UserId) {
        let from = self.conns.get(&asker.conn).and_then(|conn| conn.from);
        let user = self.name_of(id);
        self.note(Note::BannedRefused { user, from });
        if let Err(refusal) = self.ban(id, None) {
            self.refuse_login(asker, refusal);
        }
    }
}
