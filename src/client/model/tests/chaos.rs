//! Whatever the network does: each message is shown once and in order, and each send is stored once.

use proptest::prelude::*;

use super::*;

/// A server with one room that keeps what it is told, and a connection that may break between any two frames.
#[derive(Default)]
struct Server {
    log: Vec<Message>,
    /// How much of the log the connection was given.
    given: usize,
    /// Which of the numbers were acknowledged on this connection, and so are not given in the log.
    acknowledged: Vec<u64>,
    /// Answers on their way; they may overtake the log and each other.
    answers: Vec<String>,
    online: bool,
}

impl Server {
    fn store(&mut self, from: &str, text: &str, key: Option<&str>) -> u64 {
        let seq = Seq(self.log.len() as u64 + 1);
        self.log.push(Message {
            room: "lobby".into(),
            seq,
            from: from.into(),
            at: crate::base::Timestamp(0),
            kind: Kind::Text,
            text: text.into(),
            redacts: None,
            key: key.map(Into::into),
        });
        seq.0
    }

    fn asked(&mut self, frame: &str) {
        let tagged = request::Tagged::decode(frame.as_bytes()).unwrap();
        let re = tagged.id.unwrap().0;
        match tagged.request {
            Request::Hello(_) => self
                .answers
                .push(HELLO.replace("\"re\":1", &format!("\"re\":{re}"))),
            Request::Resume(resume) => {
                self.given = resume
                    .cursors
                    .get("lobby")
                    .map_or(self.log.len(), |seq| seq.0 as usize);
                self.online = true;
                let welcome = Welcome {
                    user: "anna".into(),
                    token: None,
                    expires_at: crate::base::Timestamp(0),
                    resumed: true,
                    last_login: None,
                    role: None,
                    rooms: vec![unknown("lobby".into(), Seq(self.log.len() as u64))],
                    rooms_follow: None,
                };
                self.answer(&re, event::Event::Welcome(welcome));
            }
            Request::Send(send) => {
                let key = send.key.as_deref();
                let known = self
                    .log
                    .iter()
                    .find(|message| message.key.as_deref() == key);
                let seq = match known.map(|message| message.seq.0) {
                    Some(seq) => seq,
                    None => {
                        let seq = self.store("anna", &send.text, key);
                        self.acknowledged.push(seq);
                        seq
                    }
                };
                let (room, at) = ("lobby".into(), crate::base::Timestamp(0));
                self.answer(
                    &re,
                    event::Event::Sent {
                        room,
                        seq: Seq(seq),
                        at,
                    },
                );
            }
            Request::Ping(_) => self.answer(&re, event::Event::Pong { data: None }),
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, re: &str, event: event::Event) {
        let re = Some(RequestId(re.into()));
        self.answers.push(Tagged { re, event }.encode());
    }

    /// The next frame on its way to the client.
    fn next(&mut self, pick: usize) -> Option<String> {
        // `hello` and `welcome` come in order and before everything else.
        if !self.online || self.answers.iter().any(|answer| answer.contains("welcome")) {
            return (!self.answers.is_empty()).then(|| self.answers.remove(0));
        }
        if !self.answers.is_empty() && pick.is_multiple_of(2) {
            let at = pick / 2 % self.answers.len();
            return Some(self.answers.remove(at));
        }
        while self.given < self.log.len() {
            self.given += 1;
            let message = &self.log[self.given - 1];
            if !self.acknowledged.contains(&message.seq.0) {
                return Some(Tagged::push(event::Event::Message(message.clone())).encode());
            }
        }
        (!self.answers.is_empty()).then(|| self.answers.remove(0))
    }

    fn cut(&mut self) {
        self.answers.clear();
        self.acknowledged.clear();
        self.online = false;
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send,
    OthersSay,
    /// So many frames reach the server.
    Up(usize),
    /// So many frames reach the client, picked by these numbers.
    Down(Vec<usize>),
    Break,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Send),
        3 => Just(Step::OthersSay),
        4 => (1_usize..4).prop_map(Step::Up),
        4 => prop::collection::vec(0_usize..8, 1..5).prop_map(Step::Down),
        1 => Just(Step::Break),
    ]
}

struct World {
    model: Model,
    server: Server,
    now: Duration,
    /// Frames on their way to the server.
    up: VecDeque<String>,
    shown: Vec<Message>,
    posted: usize,
}

impl World {
    fn new() -> Self {
        let settings = Settings {
            software: "test/1".into(),
            patience: None,
            seed: 7,
        };
        let mut world = Self {
            model: Model::new(settings),
            server: Server::default(),
            now: Duration::ZERO,
            up: VecDeque::new(),
            shown: Vec::new(),
            posted: 0,
        };
        world.model.ask(
            Duration::ZERO,
            Request::Resume(request::Resume {
                epoch: None,
                token: Password::new("ct_a".into()),
                cursors: BTreeMap::from([("lobby".into(), Seq(0))]),
            }),
        );
        world
    }

    fn step(&mut self, step: Step) {
        self.now += Duration::from_millis(1);
        match step {
            Step::Send => {
                self.posted += 1;
                let text = format!("own {}", self.posted);
                self.model.send(self.now, "lobby", Kind::Text, &text);
            }
            Step::OthersSay => {
                self.server.store("bert", "hello", None);
            }
            Step::Up(frames) => {
                let count = frames.min(self.up.len());
                let frames: Vec<_> = self.up.drain(..count).collect();
                frames.iter().for_each(|frame| self.server.asked(frame));
            }
            Step::Down(picks) => {
                for pick in picks {
                    if let Some(frame) = self.server.next(pick) {
                        self.model.received(self.now, frame.as_bytes());
                    }
                }
            }
            Step::Break if self.model.is_up() => {
                self.up.clear();
                self.server.cut();
                self.model.lost(self.now, "cut");
                self.now = self.model.deadline().unwrap();
            }
            Step::Break => {}
        }
        if self.model.wants_connection(self.now) {
            self.model.connected(self.now);
        }
        while let Some(frame) = self.model.next_frame() {
            self.up.push_back(frame);
        }
        while let Some(event) = self.model.next_event() {
            if let Event::Message(message) | Event::Own(message) = event {
                self.shown.push(message);
            }
        }
    }
}

proptest! {
    #[test]
    fn each_message_is_shown_once_in_order_and_each_send_is_stored_once(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.step(step));
        // In the end the network holds.
        for _ in 0..400 {
            world.step(Step::Up(8));
            world.step(Step::Down(vec![1, 0, 1, 2, 1]));
        }
        let numbers: Vec<_> = world.shown.iter().map(|message| message.seq.0).collect();
        let all: Vec<_> = (1..=world.server.log.len() as u64).collect();
        prop_assert_eq!(numbers, all);
        let same = |(shown, kept): (&Message, &Message)| (&shown.from, &shown.text) == (&kept.from, &kept.text);
        prop_assert!(world.shown.iter().zip(&world.server.log).all(same));
        let own = world.server.log.iter().filter(|message| &*message.from == "anna");
        let own: Vec<_> = own.map(|message| message.text.to_string()).collect();
        let posted: Vec<_> = (1..=world.posted).map(|no| format!("own {no}")).collect();
        prop_assert_eq!(own, posted);
        prop_assert_eq!(world.model.pending().count(), 0);
    }
}
