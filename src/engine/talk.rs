//! What people say: sends and their place in the log, topics, read markers, typing.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use super::effect::{Delivery, Effect, News, Refusal};
use super::input::Outcome;
use super::key::{Digest, Fate};
use super::rate::Ask;
use super::waiting::{Append, Storing};
use super::{Asker, Engine, Then};
use crate::base::record::{Change, Draft, Kind, MemberRecord, RoomForm};
use crate::base::{RoomId, RoomName, Seq, Target, Timestamp, UserId};

/// When to try again after too much waited for the writer.
const APPENDS_BUSY_MS: u64 = 1_000;

/// Others are told at most so often that somebody writes.
const TYPING_INTERVAL: Duration = Duration::from_secs(2);

/// A message without its place: kind, key and text.
type Words = (Kind, Option<Arc<str>>, Arc<str>);

/// What happens once it is stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub asker: Asker,
    user: UserId,
    done: Done,
}

#[derive(Debug)]
enum Done {
    /// A direct conversation was opened by its first message.
    Opened {
        other: UserId,
        words: Words,
    },
    Topic {
        room: RoomId,
    },
    Read {
        room: RoomId,
    },
}

/// The messages of one commit, by room, and the answers to those who sent them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    rooms: BTreeMap<RoomId, Vec<Delivery>>,
    sent: Vec<(Asker, UserId, RoomId, Seq, Timestamp)>,
}

impl Batch {
    pub fn push(&mut self, delivery: Delivery) {
        let room = self.rooms.entry(delivery.draft.room).or_default();
        room.push(delivery);
    }
}

impl Engine {
    pub(super) fn send(
        &mut self,
        asker: &Asker,
        user: UserId,
        to: &Target,
        words: Words,
    ) -> Result<(), Refusal> {
        let key = self.key_of(user, &words);
        if self.is_known(asker, user, key) {
            return Ok(());
        }
        let (limits, (appends, bytes)) = (&self.rules.limits, self.waiting.appends());
        if appends >= limits.appends_waiting || bytes >= limits.append_bytes_waiting as usize {
            return Err(Refusal::Busy(APPENDS_BUSY_MS));
        }
        let room = match to {
            Target::Room(name) => self.state.room_by_name(name).ok_or(Refusal::NoSuchRoom)?,
            Target::Direct(name) => {
                let other = self.state.user_by_name(name).ok_or(Refusal::NoSuchUser)?;
                match self.state.direct(user, other) {
                    Some(room) => room,
                    None => {
                        self.mute_everywhere(user)?;
                        return self.open_direct(asker, user, other, words);
                    }
                }
            }
        };
        self.state.read_seq(room, user).ok_or(Refusal::NotAMember)?;
        self.mute(user, room)?;
        self.append(asker, user, room, words, key);
        Ok(())
    }

    fn key_of(&self, user: UserId, (_, key, _): &Words) -> Option<Digest> {
        key.as_ref().map(|key| self.keys.digest(user, key))
    }

    /// Whether the key was used before: then the first send's answer is given, once it is known.
    fn is_known(&mut self, asker: &Asker, user: UserId, key: Option<Digest>) -> bool {
        let fate = key.and_then(|key| self.keys.get(key));
        match fate {
            Some(Fate::Stored { room, seq, at }) => self.answer_sent(asker, user, room, seq, at),
            Some(Fate::Waiting(ticket)) => {
                if let Some(append) = self.waiting.append(ticket) {
                    append.also.push(asker.clone());
                }
            }
            None => {}
        }
        fate.is_some()
    }

    fn answer_sent(&mut self, asker: &Asker, user: UserId, room: RoomId, seq: Seq, at: Timestamp) {
        match self.state.view(room, user) {
            Some((_, room)) => self.answer(asker, News::Sent { room, seq, at }),
            None if self.state.rooms.contains_key(&room) => {
                self.refuse(asker, Refusal::NoSuchUser);
            }
            None => self.refuse(asker, Refusal::NoSuchRoom),
        }
    }

    fn append(
        &mut self,
        asker: &Asker,
        author: UserId,
        room: RoomId,
        (kind, name, text): Words,
        key: Option<Digest>,
    ) {
        let draft = Draft {
            room,
            author,
            at: self.now.wall,
            kind,
            key: name,
            text,
            redacts: None,
        };
        let ticket = self.waiting.store(Storing::Append(Append {
            draft: draft.clone(),
            key,
            origin: asker.conn,
            asker: asker.clone(),
            also: Vec::new(),
        }));
        if let Some(key) = key {
            self.keys.wait(key, ticket);
        }
        self.effects.push(Effect::Append { ticket, draft });
    }

    pub(super) fn appended(&mut self, append: Append, seq: Seq, batch: &mut Batch) {
        let Append {
            draft,
            key,
            origin,
            asker,
            also,
        } = append;
        let Draft {
            room, author, at, ..
        } = draft;
        self.authors.said(author);
        if let Some(key) = key {
            self.keys.store(key, Fate::Stored { room, seq, at }, at);
            self.trim_keys();
        }
        let askers = iter::once(asker).chain(also);
        (batch.sent).extend(askers.map(|asker| (asker, author, room, seq, at)));
        if let Some(user) = self.state.users.get(&author) {
            let delivery = Delivery {
                seq,
                from: user.name.clone(),
                draft,
                origin: Some(origin),
            };
            batch.push(delivery);
        }
    }

    pub(super) fn trim_keys(&mut self) {
        let age_max = Duration::from_secs(3600) * self.rules.limits.key_hours;
        self.keys
            .trim(self.now.wall, age_max, self.rules.limits.keys as usize);
    }

    /// Gives everyone what is in the log by now, then tells the senders.
    pub(super) fn deliver(&mut self, batch: &mut Batch) {
        let Batch { rooms, sent } = std::mem::take(batch);
        for (room_id, messages) in rooms {
            let Some(room) = self.state.rooms.get_mut(&room_id) else {
                continue;
            };
            room.last_seq = messages.last().map_or(room.last_seq, |last| last.seq);
            match room.form {
                RoomForm::Open(_) => self.deliver_to(room_id, messages[0].draft.author, messages),
                RoomForm::Direct(one, other) => {
                    self.deliver_to(room_id, one, messages.clone());
                    self.deliver_to(room_id, other, messages);
                }
            }
        }
        for (asker, user, room, seq, at) in sent {
            self.answer_sent(&asker, user, room, seq, at);
        }
    }

    fn deliver_to(&mut self, room: RoomId, viewer: UserId, messages: Vec<Delivery>) {
        if let Some((channel, label)) = self.state.view(room, viewer) {
            self.effects.push(Effect::Deliver {
                channel,
                label,
                messages,
            });
        }
    }

    pub(super) fn not_appended(&mut self, append: Append, refusal: &Refusal) {
        if let Some(key) = append.key {
            self.keys.forget(key);
        }
        iter::once(&append.asker)
            .chain(&append.also)
            .for_each(|asker| self.refuse(asker, refusal.clone()));
    }

    /// The first message to somebody makes the conversation.
    fn open_direct(
        &mut self,
        asker: &Asker,
        user: UserId,
        other: UserId,
        words: Words,
    ) -> Result<(), Refusal> {
        if user == other {
            return Err(Refusal::Yourself);
        }
        for who in [user, other] {
            if self.state.rooms_of(who, true) >= self.rules.limits.direct_conversations as usize {
                return Err(Refusal::LimitReached("direct_conversations"));
            }
        }
        self.take(user, Ask::Change(1))?;
        self.hold(asker.conn);
        let mut room = self.new_room(RoomForm::Direct(user.min(other), user.max(other)));
        // Under one name no number is given twice: whoever talked with somebody who is gone and had the name has cursors
        // from then, and would take the first messages of the new owner for known.
        room.last_seq = self
            .state
            .last_seq_under(user, other)
            .max(self.state.last_seq_under(other, user));
        room.first_seq = room.last_seq.next();
        let member = |user| {
            Change::AddMember(MemberRecord {
                room: room.id,
                user,
                read_seq: room.last_seq,
            })
        };
        let changes = vec![Change::AddRoom(room.clone()), member(user), member(other)];
        let done = Done::Opened { other, words };
        self.commit(
            changes,
            Then::Talk(Stored {
                asker: asker.clone(),
                user,
                done,
            }),
        );
        Ok(())
    }

    pub(super) fn topic(
        &mut self,
        asker: &Asker,
        user: UserId,
        name: &RoomName,
        topic: Arc<str>,
    ) -> Result<(), Refusal> {
        let room = self.reach(user, &Target::Room(name.clone()))?.channel.room;
        self.may_set_topic(user, room)?;
        let then = Then::Talk(Stored {
            asker: asker.clone(),
            user,
            done: Done::Topic { room },
        });
        self.hold(asker.conn);
        let entry = self.topic_entry(user, room, &topic);
        let changes = [Some(Change::SetTopic(room, topic)), entry];
        self.commit(changes.into_iter().flatten().collect(), then);
        Ok(())
    }

    /// How far somebody has read: never back, never past the end.
    pub(super) fn read(
        &mut self,
        asker: &Asker,
        user: UserId,
        target: &Target,
        seq: Seq,
    ) -> Result<(), Refusal> {
        let place = self.place(user, target)?;
        let (room, seq) = (place.channel.room, seq.min(place.last_seq));
        if self
            .state
            .read_seq(room, user)
            .is_none_or(|read| read >= seq)
        {
            self.answer(asker, News::Ok);
            return Ok(());
        }
        let member = MemberRecord {
            room,
            user,
            read_seq: seq,
        };
        let then = Then::Talk(Stored {
            asker: asker.clone(),
            user,
            done: Done::Read { room },
        });
        self.hold(asker.conn);
        self.commit(vec![Change::SetRead(member)], then);
        Ok(())
    }

    pub(super) fn talk_stored(&mut self, stored: Stored, outcome: Outcome) {
        let Stored { asker, user, done } = stored;
        match done {
            Done::Opened { other, words } => self.opened(&asker, user, other, words, outcome),
            Done::Topic { room } => self.topic_stored(&asker, user, room),
            Done::Read { room } => self.read_stored(&asker, user, room),
        }
        self.release(asker.conn);
    }

    fn opened(
        &mut self,
        asker: &Asker,
        user: UserId,
        other: UserId,
        words: Words,
        outcome: Outcome,
    ) {
        // Taken: the other one had the same thought at the same time, and theirs is the conversation.
        let Some(room) = self.state.direct(user, other) else {
            return self.refuse(asker, Refusal::Internal);
        };
        if outcome == Outcome::Changed {
            self.joined(None, user, room);
            self.joined(None, other, room);
        }
        // Another connection may have sent the same meanwhile.
        let key = self.key_of(user, &words);
        if self.is_known(asker, user, key) {
            return;
        }
        match self.state.read_seq(room, user) {
            Some(_) => self.append(asker, user, room, words, key),
            None => self.refuse(asker, Refusal::NotLoggedIn),
        }
    }

    fn topic_stored(&mut self, asker: &Asker, user: UserId, room: RoomId) {
        self.answer(asker, News::Ok);
        let Some((channel, label)) = self.state.view(room, user) else {
            return;
        };
        let Some(topic) = self.state.rooms.get(&room).map(|room| room.topic.clone()) else {
            return;
        };
        let by = self.state.users.get(&user).map(|user| user.name.clone());
        let news = News::Topic {
            room: label,
            topic,
            by,
        };
        self.effects.push(Effect::Signal {
            channel,
            news,
            except: Some(asker.conn),
        });
    }

    fn read_stored(&mut self, asker: &Asker, user: UserId, room: RoomId) {
        self.answer(asker, News::Ok);
        let (Some(seq), Some((_, label))) =
            (self.state.read_seq(room, user), self.state.view(room, user))
        else {
            return;
        };
        let conns = self.state.conns(user);
        for conn in conns.into_iter().filter(|conn| *conn != asker.conn) {
            self.push(
                conn,
                News::Read {
                    room: label.clone(),
                    seq,
                },
            );
        }
    }

    pub(super) fn typing(
        &mut self,
        asker: &Asker,
        user: UserId,
        to: &Target,
    ) -> Result<(), Refusal> {
        let place = self.place(user, to)?;
        self.answer(asker, News::Ok);
        let room_id = place.channel.room;
        if self.mute(user, room_id).is_err() {
            return Ok(());
        }
        let small = self
            .state
            .rooms
            .get(&room_id)
            .is_some_and(|room| room.online <= self.rules.limits.presence_room);
        let Some(conn) = self.conns.get_mut(&asker.conn) else {
            return Ok(());
        };
        let recent = conn
            .typed_at
            .is_some_and(|at| self.now.elapsed < at + TYPING_INTERVAL);
        if !small || recent {
            return Ok(());
        }
        conn.typed_at = Some(self.now.elapsed);
        let viewer = self.state.partner(room_id, user).unwrap_or(user);
        let name = self.state.users.get(&user).map(|user| user.name.clone());
        if let (Some((channel, room)), Some(user)) = (self.state.view(room_id, viewer), name) {
            let news = News::Typing { room, user };
            self.effects.push(Effect::Signal {
                channel,
                news,
                except: Some(asker.conn),
            });
        }
        Ok(())
    }
}
