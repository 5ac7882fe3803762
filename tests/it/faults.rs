//! What happens to real machines, one story for each fault: what people see meanwhile, what the log tells the admin to do,
//! that nothing acknowledged is lost, and that it heals. ARCHITECTURE.md has the table. The store alone, with each single
//! write failing, is in `plug.rs`; too few open files in `scarce.rs`; a journal that hangs in `journal.rs`; a disk that
//! does not answer in `service.rs`.

mod database;
mod disk;
mod machine;

use serde_json::Value;

use crate::support::{Daemon, Heard, Talker, View, request};

/// Somebody who talks in the lobby and writes down what was acknowledged. What was refused is said again with its key.
pub struct Witness {
    pub talker: Talker,
    pub kept: View,
    said: u64,
    refused: Vec<(String, String)>,
}

impl Witness {
    #[track_caller]
    pub fn new(daemon: &Daemon, name: &str) -> Self {
        Self {
            talker: daemon.register(name),
            kept: View::default(),
            said: 0,
            refused: Vec::new(),
        }
    }

    /// Something new of about this length: its key and text.
    fn words(&mut self, length: usize) -> (String, String) {
        self.said += 1;
        let said = self.said;
        (
            format!("key-{said}"),
            format!("{said} {}", "x".repeat(length)),
        )
    }

    fn note(&mut self, answer: &Value, key: String, text: String) {
        match answer["type"] == "sent" {
            true => self.kept.sent(answer.seq(), &text),
            false => self.refused.push((key, text)),
        }
    }

    /// Tries to say something of this length; gives back the answer.
    #[track_caller]
    pub fn tries(&mut self, length: usize) -> Value {
        self.try_to_say(length).expect("the daemon lives")
    }

    /// The same; `None` when the connection is gone.
    pub fn try_to_say(&mut self, length: usize) -> Option<Value> {
        let (key, text) = self.words(length);
        let request = request!("send", to: "lobby", text: text, key: key);
        let ids = self.talker.try_begin_all([request]);
        let answer = ids.and_then(|ids| self.talker.try_answer(ids[0]));
        match &answer {
            Some(answer) => self.note(answer, key, text),
            None => self.refused.push((key, text)),
        }
        answer
    }

    /// Says something, which is acknowledged.
    #[track_caller]
    pub fn says(&mut self, length: usize) -> u64 {
        self.tries(length).must_be("sent").seq()
    }

    /// Says so many things, which are acknowledged.
    #[track_caller]
    pub fn says_some(&mut self, count: usize, length: usize) {
        for _ in 0..count {
            self.says(length);
        }
    }

    /// Says again what was refused; all of it is stored now.
    #[track_caller]
    pub fn says_again(&mut self) {
        for (key, text) in std::mem::take(&mut self.refused) {
            let request = request!("send", to: "lobby", text: text, key: key);
            let answer = self.talker.request(request).must_be("sent");
            self.kept.sent(answer.seq(), &text);
        }
    }

    /// How much was refused.
    pub fn refused(&self) -> usize {
        self.refused.len()
    }

    /// On a new connection.
    #[track_caller]
    pub fn comes_back(&mut self, daemon: &Daemon) {
        self.talker = daemon.resume(&self.talker.token, &[]);
    }

    /// Everything acknowledged is in the lobby under its number, nothing is there twice, and no number is missing.
    #[track_caller]
    pub fn lost_nothing(&mut self) {
        let log = View::of_log(&mut self.talker, "lobby");
        for (seq, text) in &self.kept.texts {
            assert_eq!(log.texts.get(seq), Some(text), "message {seq} is lost");
        }
        let mut texts: Vec<_> = log.texts.values().collect();
        texts.sort_unstable();
        let twice = texts.windows(2).find(|two| two[0] == two[1]);
        assert_eq!(twice, None, "it is there twice");
    }
}
