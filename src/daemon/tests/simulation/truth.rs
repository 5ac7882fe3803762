//! What is true: a naive model of everything that is stored, told by the disk alone. Whoever was told something else was
//! told wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::id::{ADMIN, LOBBY};
use crate::base::record::{Change, Draft, Kind, RoomForm, Snapshot};
use crate::base::{RoomId, RoomName, Seq, SessionId, TokenHash, UserId};
use crate::daemon::writer;
use crate::engine::input::Outcome;
use crate::engine::tests::rows::Rows;
use crate::store::{self, Entry, Reader};

/// Where and when something was said.
#[derive(Clone, Debug)]
pub struct Said {
    pub room: RoomId,
    pub seq: Seq,
    pub author: UserId,
    /// How many things were stored before it.
    pub no: u64,
}

#[derive(Default)]
pub struct Truth {
    pub rows: Rows,
    /// Everybody there ever was, and every room.
    pub users: BTreeMap<UserId, String>,
    pub rooms: BTreeMap<RoomId, RoomForm>,
    pub topics: BTreeMap<RoomId, Arc<str>>,
    pub logs: BTreeMap<RoomId, BTreeMap<Seq, Draft>>,
    /// By text: nobody says the same twice, but what was cleared away may be said anew.
    pub said: BTreeMap<Arc<str>, Vec<Said>>,
    /// Also of what is gone.
    pub numbers: BTreeMap<(RoomId, Seq), u64>,
    pub sessions: BTreeMap<TokenHash, (SessionId, UserId)>,
    /// When sessions died, and when people were last put out of rooms.
    pub dead: BTreeMap<SessionId, u64>,
    pub out: BTreeMap<(UserId, RoomId), u64>,
    /// The last number under each name, as each person sees it.
    last: BTreeMap<(UserId, String), Seq>,
    keys: BTreeSet<(UserId, Arc<str>)>,
    pub no: u64,
}

impl Truth {
    pub fn new() -> Self {
        let mut truth = Self::default();
        let lobby = RoomForm::Open(RoomName::lobby());
        truth.rows.rooms.insert(LOBBY, lobby.clone());
        truth.rooms.insert(LOBBY, lobby);
        truth.users.insert(ADMIN, "admin".into());
        truth
    }

    /// The disk says that this was stored, and how it came out.
    pub fn store(&mut self, batch: &[Entry], outcomes: &[store::Outcome]) {
        assert_eq!(batch.len(), outcomes.len());
        for (entry, outcome) in batch.iter().zip(outcomes) {
            self.no += 1;
            let outcome = writer::outcome(*outcome);
            let expected = match entry {
                Entry::Append(draft) => {
                    let expected = self.rows.append(draft);
                    self.appended(draft, outcome);
                    expected
                }
                Entry::Redact(redaction) => {
                    let expected = self.rows.redact(redaction);
                    if let Outcome::Appended(_) = outcome {
                        let log = self.logs.entry(redaction.room).or_default();
                        if let Some(draft) = log.get_mut(&redaction.seq) {
                            (draft.kind, draft.text) = (Kind::Redacted, "".into());
                        }
                        self.appended(&redaction.draft(), outcome);
                    }
                    expected
                }
                Entry::Clear(clearing) => {
                    if let (Outcome::Cleared(first), false) = (outcome, clearing.dry_run) {
                        let log = self.logs.entry(clearing.room).or_default();
                        let stays = log.split_off(&first);
                        let gone = std::mem::replace(log, stays);
                        self.forget_keys(gone);
                    }
                    self.rows.clear(clearing)
                }
                Entry::Changes(changes) => self.change(changes),
            };
            assert_eq!(outcome, expected, "the disk did something else: {entry:?}");
        }
    }

    fn appended(&mut self, draft: &Draft, outcome: Outcome) {
        let Outcome::Appended(seq) = outcome else {
            return;
        };
        for (viewer, label) in self.views(draft.room) {
            let last = self.last.entry((viewer, label.clone())).or_default();
            assert!(*last < seq, "{seq} of {label} is given twice");
            *last = seq;
        }
        let room = draft.room;
        let log = self.logs.entry(room).or_default();
        if let Some((last, _)) = log.last_key_value() {
            assert_eq!(seq, last.next(), "a hole in {room}");
        }
        log.insert(seq, draft.clone());
        self.numbers.insert((room, seq), self.no);
        if let Some(key) = &draft.key {
            let is_new = self.keys.insert((draft.author, key.clone()));
            assert!(is_new, "{key} is stored twice");
        }
        if draft.redacts.is_none() {
            let (author, no) = (draft.author, self.no);
            let said = Said {
                room,
                seq,
                author,
                no,
            };
            self.said.entry(draft.text.clone()).or_default().push(said);
        }
    }

    fn change(&mut self, changes: &[Change]) -> Outcome {
        let (members, sessions) = (self.rows.members.clone(), self.rows.sessions.clone());
        let outcome = self.rows.change(changes);
        if outcome != Outcome::Changed {
            return outcome;
        }
        for change in changes {
            match change {
                Change::AddUser(user, _) => {
                    self.users.insert(user.id, user.name.as_str().to_owned());
                }
                Change::AddRoom(room) => {
                    self.rooms.insert(room.id, room.form.clone());
                    self.topics.insert(room.id, room.topic.clone());
                }
                Change::SetTopic(room, topic) => {
                    self.topics.insert(*room, topic.clone());
                }
                Change::AddSession(session, _) => {
                    let whose = (session.id, session.user);
                    self.sessions.insert(session.token, whose);
                }
                Change::RemoveRoom(room) => {
                    let gone = self.logs.remove(room).unwrap_or_default();
                    self.forget_keys(gone);
                }
                _ => {}
            }
        }
        let gone = members
            .keys()
            .filter(|key| !self.rows.members.contains_key(key));
        self.out
            .extend(gone.map(|(user, room)| ((*user, *room), self.no)));
        let dead = sessions
            .keys()
            .filter(|id| !self.rows.sessions.contains_key(id));
        self.dead.extend(dead.map(|id| (*id, self.no)));
        outcome
    }

    /// Keys are kept by the messages that have them: what is gone may be stored again, after a restart.
    fn forget_keys(&mut self, gone: BTreeMap<Seq, Draft>) {
        for draft in gone.into_values() {
            if let Some(key) = draft.key {
                self.keys.remove(&(draft.author, key));
            }
        }
    }

    /// The rooms of somebody, as they are called there. Of a conversation with somebody who is gone nothing is told.
    pub fn rooms_of(&self, user: UserId) -> BTreeMap<String, RoomId> {
        let lives = |user: &UserId| self.rows.passwords.contains_key(user);
        let is_told = |room: &RoomId| match self.rooms.get(room) {
            Some(RoomForm::Direct(one, other)) => lives(one) && lives(other),
            _ => true,
        };
        let members = self.rows.members.keys();
        let own = members.filter(|(member, room)| *member == user && is_told(room));
        own.map(|(_, room)| (self.label(*room, user), *room))
            .collect()
    }

    /// Who sees a room under which name; nobody's is an open room's.
    fn views(&self, room: RoomId) -> Vec<(UserId, String)> {
        match self.rooms.get(&room) {
            Some(RoomForm::Direct(one, other)) => {
                let label = |user: &UserId| format!("@{}", self.users[user]);
                vec![(*one, label(other)), (*other, label(one))]
            }
            Some(RoomForm::Open(name)) => vec![(UserId(0), name.as_str().to_owned())],
            None => Vec::new(),
        }
    }

    /// What a room is called by somebody.
    pub fn label(&self, room: RoomId, viewer: UserId) -> String {
        let views = self.views(room);
        let mut own = views
            .into_iter()
            .filter(|(user, _)| [viewer, UserId(0)].contains(user));
        own.next()
            .map_or_else(|| format!("no room of {viewer}"), |own| own.1)
    }

    /// The rooms, living and gone, that somebody knows by this name.
    pub fn rooms_called<'a>(
        &'a self,
        label: &'a str,
        viewer: UserId,
    ) -> impl Iterator<Item = RoomId> + 'a {
        let rooms = self.rooms.keys().copied();
        rooms.filter(move |room| self.label(*room, viewer) == label)
    }

    /// Whether somebody was there at some time since then.
    pub fn was_there(&self, user: UserId, room: RoomId, no: u64) -> bool {
        let is_there = self.rows.members.contains_key(&(user, room));
        is_there || self.out.get(&(user, room)).is_some_and(|out| *out > no)
    }

    /// Whether the session lived at some time since then.
    pub fn was_alive(&self, session: SessionId, no: u64) -> bool {
        self.dead.get(&session).is_none_or(|dead| *dead > no)
    }

    /// What is on the disk is what was stored, no more and no less.
    pub fn compare(&self, snapshot: &Snapshot, reader: &mut dyn Reader) {
        let members = snapshot.members.iter();
        let members = members.map(|member| ((member.user, member.room), member.read_seq));
        assert_eq!(members.collect::<BTreeMap<_, _>>(), self.rows.members);
        let sessions = snapshot
            .sessions
            .iter()
            .map(|session| (session.id, session.user));
        assert_eq!(sessions.collect::<BTreeMap<_, _>>(), self.rows.sessions);
        let moderators = snapshot.moderators.iter().copied();
        assert_eq!(
            moderators.collect::<BTreeSet<_>>(),
            self.rows.moderators,
            "moderators"
        );
        assert!(snapshot.bans.iter().eq(self.rows.bans.values()), "bans");
        assert_eq!(snapshot.rooms.len(), self.rows.rooms.len(), "rooms");
        for room in &snapshot.rooms {
            let log = reader.after(room.id, Seq(0), usize::MAX, usize::MAX);
            let log = log.unwrap_or_default().into_iter();
            let log: BTreeMap<_, _> = log.map(|record| (record.seq, record.draft)).collect();
            let known = self.logs.get(&room.id);
            assert!(
                known.map_or(log.is_empty(), |known| *known == log),
                "the log of {}: {known:?}, and stored {log:?}",
                room.id
            );
            let first = self.rows.firsts.get(&room.id).copied().unwrap_or(Seq(1));
            assert_eq!(room.first_seq, first, "the beginning of {}", room.id);
        }
    }
}
