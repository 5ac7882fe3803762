//! What is said on the wire, and what one member makes of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Talker, request};

/// What a frame says.
pub trait Heard: Sized {
    /// Makes sure of its type.
    fn must_be(self, kind: &str) -> Self;
    /// The code of an error, which also says something to people.
    fn code(&self) -> &str;
    /// A field that is a text.
    fn text(&self, field: &str) -> &str;
    /// Its number in its room.
    fn seq(&self) -> u64;
    /// A room in a welcome or a list of rooms.
    fn room(&self, name: &str) -> &Value;
    /// The numbers and texts on a page.
    fn texts(&self) -> Vec<(u64, String)>;
    /// The names of the people in an answer to `who`.
    fn people(&self) -> Vec<String>;
}

impl Heard for Value {
    #[track_caller]
    fn must_be(self, kind: &str) -> Self {
        assert_eq!(self["type"], kind, "not a '{kind}': {self}");
        self
    }

    #[track_caller]
    fn code(&self) -> &str {
        assert_eq!(self["type"], "error", "a refusal was due: {self}");
        assert!(!self.text("text").is_empty(), "no words in {self}");
        self.text("code")
    }

    #[track_caller]
    fn text(&self, field: &str) -> &str {
        self[field]
            .as_str()
            .unwrap_or_else(|| panic!("no text `{field}` in {self}"))
    }

    #[track_caller]
    fn seq(&self) -> u64 {
        self["seq"]
            .as_u64()
            .unwrap_or_else(|| panic!("no number in {self}"))
    }

    #[track_caller]
    fn room(&self, name: &str) -> &Value {
        let rooms = self["rooms"].as_array().into_iter().flatten();
        rooms
            .into_iter()
            .find(|room| room["room"] == name)
            .unwrap_or_else(|| panic!("no room {name} in {self}"))
    }

    #[track_caller]
    fn texts(&self) -> Vec<(u64, String)> {
        let messages = self["messages"].as_array();
        let messages = messages.unwrap_or_else(|| panic!("no page: {self}"));
        messages
            .iter()
            .map(|message| (message.seq(), message.text("text").to_owned()))
            .collect()
    }

    #[track_caller]
    fn people(&self) -> Vec<String> {
        let people = self["who"].as_array();
        let people = people.unwrap_or_else(|| panic!("no people: {self}"));
        people
            .iter()
            .map(|person| person.text("user").to_owned())
            .collect()
    }
}

/// What one member knows of a room: by `sent` for what they said, by `message` for the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The text at each number.
    pub texts: BTreeMap<u64, String>,
    /// The last number that came as a message: they come in order.
    pub cursor: u64,
}

impl View {
    /// What one said oneself and was acknowledged.
    #[track_caller]
    pub fn sent(&mut self, seq: u64, text: &str) {
        let before = self.texts.insert(seq, text.to_owned());
        assert!(
            before.as_deref().is_none_or(|before| before == text),
            "number {seq} is '{text}' and was '{before:?}'"
        );
    }

    /// What one was told.
    #[track_caller]
    pub fn heard(&mut self, seq: u64, text: &str) {
        assert!(
            seq > self.cursor,
            "message {seq} came after message {}",
            self.cursor
        );
        self.cursor = seq;
        self.sent(seq, text);
    }

    /// Whether all messages up to this one are here, and no other.
    pub fn is_whole(&self, last: u64) -> bool {
        self.texts.keys().copied().eq(1..=last)
    }

    /// Reads the whole log of a room, page by page, from its beginning.
    #[track_caller]
    pub fn of_log(reader: &mut Talker, room: &str) -> Self {
        let mut view = Self::default();
        loop {
            let page = reader
                .request(request!("history", room: room, after: view.cursor, limit: 200))
                .must_be("page");
            for (seq, text) in page.texts() {
                assert_eq!(
                    seq,
                    view.cursor + 1,
                    "the log has a hole or is out of order"
                );
                view.heard(seq, &text);
            }
            if page["more"] != true {
                return view;
            }
        }
    }
}
