//! The half of the model that takes in what the server says.

use super::*;

/// Good-byes that are no reason to stay away, also when the server does not say when to come back.
const PASSING: [&str; 3] = ["shutting-down", "login-timeout", "frame-timeout"];

impl Model {
    pub(super) fn answered(&mut self, now: Duration, asked: Asked, event: event::Event) {
        if let event::Event::Error {
            code,
            text,
            retry_after_ms,
        } = event
        {
            let refusal = Refusal {
                code: Some(code),
                text: meaning::of_refusal(code, text),
                retry_after_ms,
            };
            return self.refused(now, asked, refusal);
        }
        match (&asked.request, &event) {
            (Request::Hello(_), event::Event::Hello(hello)) => self.greeted(hello.clone()),
            (Request::Send(_), event::Event::Sent { .. }) => return self.sent(now, asked, event),
            (_, event::Event::Welcome(welcome)) => {
                return self.welcomed(now, asked, welcome.clone());
            }
            (Request::Leave(left), event::Event::Ok) => {
                self.rooms.retain(|room, _| !same_place(room, &left.room));
            }
            (Request::Logout(_), event::Event::Ok) => {
                self.session = None;
                self.rooms.clear();
                self.untold.clear();
                self.phase = Phase::Open;
            }
            // Who asks is answered and not told: what has changed is what was asked for.
            (Request::Topic(set), event::Event::Ok) => {
                if let Some(state) = self.state_of(&set.room) {
                    state.topic = set.topic.as_str().into();
                }
            }
            (Request::Read(read), event::Event::Ok) => {
                if let Some(state) = self.state_of(&read.room) {
                    let seq = read.seq.min(state.last_seq);
                    state.read_seq = state.read_seq.max(seq);
                }
            }
            _ => self.room_news(&event),
        }
        if asked.by == By::Program {
            let mut event = event;
            if let event::Event::Page { messages, .. } = &mut event {
                (self.rooms.values()).for_each(|room| room.censor(messages));
            }
            let answer = Ok(event);
            self.events.push_back(Event::Answer {
                no: asked.no,
                answer,
            });
        }
    }

    pub(super) fn pushed(&mut self, now: Duration, event: event::Event) {
        match event {
            event::Event::Message(message) => self.message(now, message),
            event::Event::Bye {
                reason,
                text,
                reconnect_after_ms,
            } => {
                let text = meaning::of_bye(&reason, text);
                self.bye(now, &reason, &text, reconnect_after_ms);
            }
            // What has no name concerns the connection; the server closes it next, and says why only here.
            event::Event::Error {
                code,
                text,
                retry_after_ms,
            } => {
                let text = meaning::of_refusal(code, text);
                match code {
                    Code::Banned | Code::Forbidden => self.end(EndingKind::Refused, &text),
                    Code::BadFrame | Code::TooLarge | Code::RateLimited | Code::Busy => {
                        self.lose(now, &text, retry_after_ms.map(Duration::from_millis));
                    }
                    _ => self
                        .events
                        .push_back(Event::Push(event::Event::Notice { text })),
                }
            }
            // Comes to a connection that had been behind: it replaces what is known, but no cursors. A room that is
            // not in it was left, or follows as `joined`.
            event::Event::Welcome(welcome) => {
                let is_told = |name: &Arc<str>| welcome.rooms.iter().any(|room| room.room == *name);
                let (told, untold): (BTreeMap<_, _>, _) = std::mem::take(&mut self.rooms)
                    .into_iter()
                    .partition(|(name, _)| is_told(name));
                self.rooms = told;
                if let Some(session) = &mut self.session {
                    session.role = welcome.role;
                }
                self.untold.extend::<BTreeMap<_, _>>(untold);
                for state in welcome.rooms {
                    self.room_news(&event::Event::Joined(state));
                }
                self.rooms_to_follow(welcome.rooms_follow.unwrap_or(0));
            }
            event::Event::Joined(state) if self.rooms_follow > 0 => {
                let mut events = Vec::new();
                if self.compare_room(&state, &mut events) > 0 {
                    self.catching_up = Some(now + CATCH_UP_PATIENCE);
                }
                self.events.extend(events);
                self.rooms_to_follow(self.rooms_follow - 1);
            }
            event::Event::Presence { .. }
            | event::Event::Topic { .. }
            | event::Event::Cleared { .. }
            | event::Event::Removed { .. }
            | event::Event::Kicked { .. }
            | event::Event::Role { .. }
            | event::Event::Read { .. }
            | event::Event::Typing { .. }
            | event::Event::Notice { .. }
            | event::Event::Joined(_)
            | event::Event::Left { .. } => {
                self.room_news(&event);
                let cleared = match &event {
                    event::Event::Cleared { room, .. } => Some(room.clone()),
                    _ => None,
                };
                self.events.push_back(Event::Push(event));
                // What waited for something that is gone waits no longer.
                cleared.iter().for_each(|room| self.show(room));
            }
            // Answers to what is no longer asked, such as a send that came by in the catch-up.
            _ => {}
        }
    }

    /// A frame that this build cannot read: something newer, or no chat server at all.
    pub(super) fn not_understood(&mut self, frame: &[u8]) {
        #[derive(Deserialize)]
        struct Named {
            re: Option<u64>,
        }
        if matches!(self.phase, Phase::Greeting { .. }) {
            let why = say!(
                "whoever answers there is no chat server, or a much newer one; check the port",
                "там отвечает не сервер чата или намного более новый; проверьте порт"
            );
            return self.end(EndingKind::Foreign, &why);
        }
        let named: Option<Named> = serde_json::from_slice(frame).ok();
        let asked = (named.and_then(|named| named.re)).and_then(|no| self.asked.remove(&no));
        let refusal = Refusal::local(say!(
            "the server answered with something this program does not know; install a newer one",
            "сервер ответил тем, чего эта программа не знает; установите более новую"
        ));
        match asked.map(|asked| (asked.no, asked.by)) {
            Some((no, By::Program)) => self.refuse(no, refusal),
            Some((_, By::Send(key))) => self.fail(&key, refusal),
            Some((_, By::Model)) | None => {}
        }
    }

    fn greeted(&mut self, hello: Hello) {
        self.phase = Phase::Open;
        self.hello = Some(hello.clone());
        self.events.push_back(Event::Greeted(hello));
    }

    fn welcomed(&mut self, now: Duration, asked: Asked, welcome: Welcome) {
        let token = match (&welcome.token, &asked.request) {
            (Some(token), _) => token.clone(),
            (None, Request::Resume(resume)) => resume.token.clone(),
            (None, _) => Password::new(String::new()),
        };
        let (user, role) = (welcome.user.clone(), welcome.role.clone());
        self.session = Some(Session { token, user, role });
        self.phase = Phase::Online;
        if !matches!(asked.request, Request::Resume(_)) {
            self.rooms.clear();
            self.untold.clear();
        }
        let epoch = self.hello.as_ref().and_then(|hello| hello.epoch.clone());
        let before = std::mem::replace(&mut self.epoch, epoch.clone());
        self.is_other_epoch = before.is_some() && before != epoch;
        let mut events = Vec::new();
        let missed = self.compare_rooms(&welcome, &mut events);
        self.rooms_to_follow(welcome.rooms_follow.unwrap_or(0));
        self.catching_up = (missed > 0).then_some(now + CATCH_UP_PATIENCE);
        self.events.push_back(match asked.by {
            By::Program => Event::Answer {
                no: asked.no,
                answer: Ok(event::Event::Welcome(welcome)),
            },
            By::Model | By::Send(_) => Event::Back { missed },
        });
        self.events.extend(events);
    }

    /// Takes the rooms as the server tells them; returns how many messages are to come.
    fn compare_rooms(&mut self, welcome: &Welcome, events: &mut Vec<Event>) -> u64 {
        self.untold.append(&mut self.rooms);
        let rooms = welcome.rooms.iter();
        // The server may say what it likes.
        let missed = rooms.map(|state| self.compare_room(state, events));
        missed.fold(0, u64::saturating_add)
    }

    /// Once all are told, one is not in the others any more.
    fn rooms_to_follow(&mut self, count: u32) {
        self.rooms_follow = count;
        if count == 0 {
            self.is_other_epoch = false;
            self.untold.clear();
        }
    }

    fn compare_room(&mut self, state: &RoomState, events: &mut Vec<Event>) -> u64 {
        let name = state.room.clone();
        let (room, to_come) = match self.untold.remove(&name) {
            None => (Room::at_end(state.clone()), 0),
            Some(mut room) => {
                let to_come = match room.compare(state.clone(), self.is_other_epoch) {
                    Compared::Missed(missed) => missed,
                    Compared::Expired(count, missed) => {
                        let room = name.clone();
                        events.push(Event::Expired { room, count });
                        missed
                    }
                    Compared::WentBack(had) => {
                        let (room, has) = (name.clone(), room.cursor());
                        events.push(Event::WentBack { room, had, has });
                        0
                    }
                };
                (room, to_come)
            }
        };
        self.rooms.insert(name, room);
        to_come
    }

    fn message(&mut self, now: Duration, message: Message) {
        let room = message.room.clone();
        let key = message.key.clone();
        let at = key.and_then(|key| self.pending.iter().position(|send| send.key == key));
        if let Some(send) = at.and_then(|at| self.pending.remove(at)) {
            self.events.push_back(Event::Sent(Sent {
                key: send.key,
                room: room.clone(),
                seq: message.seq,
                at: message.at,
            }));
        }
        self.room(&room).take(message, true);
        self.show(&room);
        self.look_if_caught_up(now);
    }

    fn look_if_caught_up(&mut self, now: Duration) {
        if self.catching_up.is_some() {
            let caught_up = |room: &Room| room.cursor() >= room.state.last_seq;
            let behind = !self.rooms.values().all(caught_up);
            self.catching_up = behind.then_some(now + CATCH_UP_PATIENCE);
        }
    }

    fn sent(&mut self, now: Duration, asked: Asked, event: event::Event) {
        let event::Event::Sent { room, seq, at } = event else {
            return;
        };
        let By::Send(key) = asked.by else { return };
        self.stored_at = now;
        let position = self.pending.iter().position(|send| send.key == key);
        let Some(send) = position.and_then(|position| self.pending.remove(position)) else {
            // It came by in the log meanwhile.
            return self.show(&room);
        };
        self.events.push_back(Event::Sent(Sent {
            key: key.clone(),
            room: room.clone(),
            seq,
            at,
        }));
        if !self.rooms.contains_key(&room)
            && !self.untold.contains_key(&room)
            && !room.starts_with('@')
        {
            // It was left meanwhile. A conversation begins like this.
            return;
        }
        let message = Message {
            room: room.clone(),
            seq,
            from: self.user().unwrap_or_default().into(),
            at,
            kind: send.kind,
            text: send.text,
            redacts: None,
            key: Some(key),
        };
        self.room(&room).take(message, false);
        self.show(&room);
        self.look_if_caught_up(now);
    }

    /// The room of this name; one that was not told of is a conversation that has just begun.
    fn room(&mut self, name: &Arc<str>) -> &mut Room {
        let untold = &mut self.untold;
        (self.rooms.entry(name.clone())).or_insert_with(|| {
            // One that is spoken in before it is told keeps its cursor, or its messages would be shown again.
            let known = untold.remove(name);
            known.unwrap_or_else(|| Room::untold(unknown(name.clone(), Seq(0))))
        })
    }

    /// Shows what has come to its turn in the room.
    fn show(&mut self, name: &Arc<str>) {
        let sending = (self.pending.iter())
            .any(|send| send.in_flight.is_some() && same_place(&send.to, name));
        let user = self.session.as_ref().map(|session| session.user.clone());
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        while let Some((count, message)) = room.next(sending) {
            if count > 0 {
                // The log was cleared, and this client was behind when that was told.
                let room = name.clone();
                self.events.push_back(Event::Expired { room, count });
            }
            let own = user.as_ref() == Some(&message.from);
            self.events.push_back(match own {
                true => Event::Own(message),
                false => Event::Message(message),
            });
        }
    }

    pub(super) fn state_of(&mut self, name: &str) -> Option<&mut RoomState> {
        let mut rooms = self.rooms.iter_mut();
        let found = rooms.find(|(room, _)| same_place(room, name));
        found.map(|(_, room)| &mut room.state)
    }

    fn room_news(&mut self, event: &event::Event) {
        match event {
            event::Event::Joined(state) => {
                let name = state.room.clone();
                let room =
                    (self.rooms.entry(name.clone())).or_insert_with(|| Room::at_end(state.clone()));
                let count = room.refresh(state.clone());
                if count > 0 {
                    let room = name.clone();
                    self.events.push_back(Event::Expired { room, count });
                    self.show(&name);
                }
            }
            event::Event::Cleared { room, first_seq } => {
                let all = self.untold.get_mut(room).into_iter();
                for room in all.chain(self.rooms.get_mut(room)) {
                    room.begin_at(*first_seq);
                }
            }
            event::Event::Left { room }
            | event::Event::Removed { room }
            | event::Event::Kicked { room, .. } => {
                self.untold.remove(room);
                self.rooms.remove(room);
            }
            event::Event::Role {
                room, user, role, ..
            } if self.user() == Some(user) => match room {
                Some(room) => {
                    if let Some(room) = self.rooms.get_mut(room) {
                        room.state.role = role.clone();
                    }
                }
                None => {
                    if let Some(session) = &mut self.session {
                        session.role = role.clone();
                    }
                }
            },
            event::Event::Topic { room, topic, .. } => {
                if let Some(room) = self.rooms.get_mut(room) {
                    room.state.topic = topic.clone();
                }
            }
            event::Event::Read { room, seq } => {
                if let Some(room) = self.rooms.get_mut(room) {
                    room.state.read_seq = room.state.read_seq.max(*seq);
                }
            }
            _ => {}
        }
    }

    fn refused(&mut self, now: Duration, asked: Asked, refusal: Refusal) {
        let wait = self.wait(now, &asked, &refusal);
        let session_over =
            self.phase == Phase::Online && tells_of_session(&asked.request, &refusal);
        match (asked.by.clone(), wait) {
            (By::Send(key), Some(wait)) => {
                self.sends_from = self.sends_from.max(now + wait);
                let send = self.pending.iter_mut().find(|send| send.key == key);
                if let Some(send) = send {
                    send.in_flight = None;
                    self.events.push_back(Event::Delayed { key, refusal });
                }
            }
            (By::Send(key), None) => self.fail(&key, refusal),
            (By::Program, Some(wait)) => {
                let no = asked.no;
                self.events
                    .push_back(Event::Postponed { no, refusal, wait });
                self.queue.push_back(Asked {
                    not_before: now + wait,
                    ..asked
                });
            }
            (By::Program, None) => self.refuse(asked.no, refusal),
            (By::Model, _) if matches!(asked.request, Request::Ping(_)) => {}
            (By::Model, _) => return self.not_let_in(now, &refusal, wait),
        }
        if session_over {
            self.end(EndingKind::SessionOver, &meaning::session_over());
        }
    }

    /// The server refused `hello` or `resume`.
    fn not_let_in(&mut self, now: Duration, refusal: &Refusal, wait: Option<Duration>) {
        match refusal.code {
            Some(Code::BadCredentials | Code::NotLoggedIn) => {
                self.end(EndingKind::SessionOver, &meaning::session_over());
            }
            Some(Code::Banned) => self.end(EndingKind::Refused, &refusal.text),
            Some(Code::BadRequest | Code::UnknownType) => {
                self.end(EndingKind::Foreign, &refusal.text);
            }
            _ => self.lose(now, &refusal.text, wait),
        }
    }

    /// How long to wait before the same is asked again; none when that is of no use.
    fn wait(&self, now: Duration, asked: &Asked, refusal: &Refusal) -> Option<Duration> {
        let waits = [
            Code::RateLimited,
            Code::Busy,
            Code::StorageFull,
            Code::ShuttingDown,
        ];
        if !refusal.code.is_some_and(|code| waits.contains(&code)) {
            return None;
        }
        let since = match &asked.by {
            By::Send(key) => (self.pending.iter().find(|send| send.key == *key))
                .map(|send| send.since.max(self.stored_at)),
            By::Program | By::Model => Some(asked.since),
        };
        let wait = refusal
            .retry_after_ms
            .map_or(RETRY_AFTER, Duration::from_millis);
        let waited = now.saturating_sub(since.unwrap_or(now)) + wait;
        let patience = self.settings.patience.unwrap_or(Duration::MAX);
        (waited <= patience).then_some(wait)
    }

    fn fail(&mut self, key: &str, refusal: Refusal) {
        let at = self.pending.iter().position(|send| *send.key == *key);
        let Some(send) = at.and_then(|at| self.pending.remove(at)) else {
            return;
        };
        // What was held back for it need wait no longer.
        let rooms: Vec<_> = self.rooms.keys().cloned().collect();
        self.events.push_back(failed(send, refusal));
        rooms.iter().for_each(|room| self.show(room));
    }

    fn bye(&mut self, now: Duration, reason: &str, text: &str, after_ms: Option<u64>) {
        match reason {
            "kicked" | "account-removed" | "banned" | "login-attempts" => {
                self.end(EndingKind::Refused, text)
            }
            "session-ended" => self.end(EndingKind::SessionOver, text),
            // Words of a newer server: it says when to come back, where that is wanted.
            word if after_ms.is_none() && !PASSING.contains(&word) => {
                self.end(EndingKind::Refused, text);
            }
            _ => self.lose(now, text, after_ms.map(Duration::from_millis)),
        }
    }
}

/// Whether the refusal means that the session is dead.
fn tells_of_session(request: &Request, refusal: &Refusal) -> bool {
    let entering = matches!(
        request,
        Request::Login(_) | Request::Register(_) | Request::Resume(_) | Request::Logout(_)
    );
    refusal.code == Some(Code::NotLoggedIn) && !entering
}
