//! The half of the model that says things: what is written when, and what becomes of it when the connection is lost.

use super::*;

impl Model {
    pub(super) fn write(&mut self, now: Duration, request: Request, by: By) -> u64 {
        let no = self.number();
        self.write_as(Asked {
            no,
            request,
            by,
            since: now,
            not_before: Duration::ZERO,
        });
        no
    }

    pub(super) fn write_as(&mut self, mut asked: Asked) {
        // Nobody has read past the end, and the server's `ok` does not say how far it takes them for to have.
        if let Request::Read(read) = &mut asked.request
            && let Some(state) = self.state_of(&read.room)
        {
            read.seq = read.seq.min(state.last_seq);
        }
        let tagged = request::Tagged {
            id: Some(RequestId(asked.no.to_string().into())),
            request: asked.request.clone(),
        };
        let frame = tagged.encode();
        if (1..=FRAME_BYTES_MAX).contains(&frame.len()) {
            self.frames.push_back(frame);
            self.asked.insert(asked.no, asked);
        } else if asked.by == By::Program {
            let text = say!(
                "the request is too long for the server; make it shorter",
                "запрос слишком длинный для сервера; сократите его"
            );
            self.refuse(asked.no, Refusal::local(text));
        }
    }

    pub(super) fn waiting_sends(&self) -> bool {
        self.catching_up.is_none() && self.pending.iter().any(|send| send.in_flight.is_none())
    }

    /// Writes what waits and may be written.
    pub(super) fn flush(&mut self, now: Duration) {
        self.now = now;
        let ready = match self.phase {
            Phase::Open => self.session.is_none(),
            Phase::Online => true,
            // `hello` and `resume` go out in one write; everything else waits for the answer.
            Phase::Greeting { .. } => {
                let first = self.queue.front().map(|asked| &asked.request);
                if matches!(first, Some(Request::Resume(_))) {
                    let resume = self.queue.pop_front();
                    resume.into_iter().for_each(|asked| self.write_as(asked));
                }
                false
            }
            Phase::Away { .. } | Phase::Ended => false,
        };
        if !ready {
            return;
        }
        let (due, later): (VecDeque<_>, _) = (std::mem::take(&mut self.queue).into_iter())
            .partition(|asked| asked.not_before <= now);
        self.queue = later;
        due.into_iter().for_each(|asked| self.write_as(asked));
        if self.phase == Phase::Online {
            self.flush_sends(now);
        }
    }

    pub(super) fn flush_sends(&mut self, now: Duration) {
        if !self.waiting_sends() || now < self.sends_from {
            return;
        }
        let flying = self.pending.iter().filter(|send| send.in_flight.is_some());
        let room = SENDS_IN_FLIGHT_MAX.saturating_sub(flying.count());
        self.refuse_long_texts();
        let waiting: Vec<_> = (0..self.pending.len())
            .filter(|at| self.pending[*at].in_flight.is_none())
            .take(room)
            .collect();
        for at in waiting {
            let send = &self.pending[at];
            let request = Request::Send(request::Send {
                to: send.to.to_string(),
                text: send.text.clone(),
                kind: send.kind,
                key: Some(send.key.clone()),
            });
            let by = By::Send(send.key.clone());
            self.pending[at].in_flight = Some(self.write(now, request, by));
        }
    }

    /// A text over the server's limit might be a frame over its limit, and that would end the connection.
    pub(super) fn refuse_long_texts(&mut self) {
        let most = self
            .hello
            .as_ref()
            .map_or(TEXT_BYTES_MAX, |hello| hello.limits.text);
        while let Some(at) = (self.pending.iter())
            .position(|send| send.in_flight.is_none() && send.text.len() > most)
        {
            let Some(send) = self.pending.remove(at) else {
                return;
            };
            let text = say!(
                "the text is {} bytes long, and the server takes {most}; divide it",
                "текст длиной {} байт, а сервер принимает не больше {most}; разделите его",
                send.text.len()
            );
            self.events.push_back(failed(send, Refusal::local(text)));
        }
    }

    pub(super) fn lose(&mut self, now: Duration, why: &str, wait: Option<Duration>) {
        if self.phase == Phase::Ended {
            return;
        }
        if self.is_up() {
            if now.saturating_sub(self.since) >= GOOD_AFTER {
                self.attempts = 0;
            }
            self.since = now;
        }
        self.frames.clear();
        self.catching_up = None;
        let all = self.rooms.values_mut().chain(self.untold.values_mut());
        all.for_each(Room::disconnected);
        self.pending
            .iter_mut()
            .for_each(|send| send.in_flight = None);
        self.put_back();
        let (first, longest) = RETRY_DELAYS;
        let delay = (first * 2_u32.saturating_pow(self.attempts.min(16))).min(longest);
        self.attempts += 1;
        let retry_in = match wait {
            // Not everyone at the same moment.
            Some(wait) => wait + self.spread(wait / 4 + first),
            None => self.spread(delay),
        };
        self.phase = Phase::Away {
            until: now + retry_in,
        };
        let patience = self.settings.patience;
        if patience.is_some_and(|patience| now + retry_in > self.since + patience) {
            return self.end(EndingKind::Unreachable, why);
        }
        self.events.push_back(Event::Lost {
            why: why.to_owned(),
            attempts: self.attempts,
            retry_in,
        });
    }

    /// Requests whose answers will not come: those that may be repeated are, the others have failed.
    pub(super) fn put_back(&mut self) {
        for asked in std::mem::take(&mut self.asked).into_values().rev() {
            match asked.by {
                By::Program if may_repeat(&asked.request) => self.queue.push_front(asked),
                By::Program => self.refuse(
                    asked.no,
                    Refusal::local(say!(
                        "the connection was lost before the answer; look whether it was done, and try again if not",
                        "соединение пропало до ответа; посмотрите, сделано ли это, и если нет, попробуйте снова"
                    )),
                ),
                By::Model | By::Send(_) => {}
            }
        }
    }

    pub(super) fn refuse(&mut self, no: u64, refusal: Refusal) {
        let answer = Err(refusal);
        self.events.push_back(Event::Answer { no, answer });
    }

    pub(super) fn end(&mut self, kind: EndingKind, text: &str) {
        self.phase = Phase::Ended;
        self.catching_up = None;
        self.frames.clear();
        let text: Arc<str> = text.into();
        let refusal = Refusal::local(text.clone());
        let asked = std::mem::take(&mut self.asked).into_values();
        for asked in asked.chain(std::mem::take(&mut self.queue)) {
            if asked.by == By::Program {
                self.refuse(asked.no, refusal.clone());
            }
        }
        for send in std::mem::take(&mut self.pending) {
            self.events.push_back(failed(send, refusal.clone()));
        }
        self.events.push_back(Event::Ended(Ending { kind, text }));
    }
}

/// Whether the request may be made again when it is not known whether it was done.
fn may_repeat(request: &Request) -> bool {
    !matches!(
        request,
        Request::Register(_)
            | Request::Create(_)
            | Request::Password(_)
            | Request::Logout(_)
            // They may have come back.
            | Request::Kick(_)
    )
}
