//! Conversations as a person sees them: `>` is what is written, the rest is what appears; `(…)` is what is done.

mod order;

use std::fmt::Write as _;

use super::*;
use crate::base::Seq;
use crate::client::Person;
use crate::client::{Code, Ending, EndingKind, LastLogin, Presence, Unsent};

struct Story {
    talk: Talk,
    seen: String,
    next_no: u64,
    keeps_order: bool,
}

impl Story {
    fn new(terminal: bool) -> Self {
        let style = Style {
            terminal,
            ..Style::pipe()
        };
        Self {
            talk: Talk::new(style),
            seen: String::new(),
            next_no: 1,
            keeps_order: false,
        }
    }

    fn begun(terminal: bool) -> Self {
        let mut story = Self::new(terminal);
        story.begin(None);
        story.seen.clear();
        story.talk.waiting.clear();
        story
    }

    fn begin(&mut self, last_login: Option<LastLogin>) {
        let welcome = Welcome {
            user: "anna".into(),
            token: None,
            expires_at: Timestamp(0),
            resumed: true,
            last_login,
            role: None,
            rooms: vec![room("@bert", 3, 1), room("lobby", 7, 7)],
            rooms_follow: None,
        };
        let next = self
            .talk
            .begin(&welcome, "2026-11-20T12:30:00Z".parse().unwrap());
        self.does(next);
    }

    fn writes(&mut self, line: &str) {
        writeln!(self.seen, "> {line}").unwrap();
        let next = self.talk.line(line);
        self.does(next);
    }

    fn hears(&mut self, event: Event) {
        let next = self.talk.event(event);
        self.does(next);
    }

    fn some_time_later(&mut self) {
        self.talk.tell_comings();
        self.look();
    }

    fn sees(&mut self, user: &str, state: Presence) {
        self.hears(Event::Push(Answer::Presence {
            room: "lobby".into(),
            user: user.into(),
            state,
            others: 0,
        }));
    }

    fn answered(&mut self, answer: Answer) {
        let no = self.next_no - 1;
        self.hears(Event::Answer {
            no,
            answer: Ok(answer),
        });
    }

    fn does(&mut self, next: Do) {
        self.look();
        match next {
            Do::Nothing => {}
            Do::Ask(request, wanted) => {
                let tagged = crate::client::request::Tagged { id: None, request };
                writeln!(self.seen, "({})", tagged.encode()).unwrap();
                self.talk.asked(self.next_no, wanted);
                self.next_no += 1;
            }
            Do::Help(name) => {
                let lines = command::help_lines(&name, self.keeps_order);
                lines.iter().for_each(|line| self.talk.answer(line));
                self.look();
            }
            other => writeln!(self.seen, "({other:?})").unwrap(),
        }
    }

    fn look(&mut self) {
        while let Some(line) = self.talk.next_line() {
            match line {
                Line::Output(line) => writeln!(self.seen, "{line}").unwrap(),
                Line::Note(line) => writeln!(self.seen, "  {line}").unwrap(),
            }
        }
    }

    fn seen(&mut self) -> String {
        std::mem::take(&mut self.seen)
    }
}

fn room(name: &str, last: u64, read: u64) -> RoomState {
    RoomState {
        room: name.into(),
        topic: "".into(),
        first_seq: Seq(1),
        last_seq: Seq(last),
        read_seq: Seq(read),
        members: 2,
        joined: true,
        role: None,
    }
}

fn message(room: &str, seq: u64, from: &str, text: &str) -> Message {
    Message {
        room: room.into(),
        seq: Seq(seq),
        from: from.into(),
        at: "2026-11-20T10:30:00Z".parse().unwrap(),
        kind: Kind::Text,
        text: text.into(),
        redacts: None,
        key: None,
    }
}

fn refusal(code: Code, text: &str) -> Refusal {
    Refusal {
        code: Some(code),
        text: text.into(),
        retry_after_ms: None,
    }
}

#[test]
fn whoever_comes_back_is_greeted_and_sees_where_things_stand() {
    let mut story = Story::new(true);
    story.begin(Some(LastLogin {
        at: "2026-11-20T10:30:00Z".parse().unwrap(),
        from: Some("127.0.0.1".into()),
    }));
    story.answered(Answer::Page {
        room: Some("lobby".into()),
        messages: vec![
            message("lobby", 6, "bert", "tea?"),
            message("lobby", 7, "anna", "in a minute"),
        ],
        first_seq: None,
        last_seq: None,
        more: true,
    });
    insta::assert_snapshot!(story.seen(), @r#"
      -- welcome back, anna: last here 2 h ago from 127.0.0.1
      -- you are in @bert (2 unread), lobby; /help tells what you can do
    ({"type":"history","room":"lobby","before":8,"limit":10})
    -- Friday, 20 November 2026
    10:30 <bert> tea?
    10:30 <anna> in a minute
    "#);
    assert_eq!(story.talk.prompt(), "lobby> ");
}

#[test]
fn what_is_written_is_said_where_one_is() {
    let mut story = Story::begun(true);
    story.writes("hello");
    story.writes("/me waves");
    story.writes("//not a command");
    story.writes("  ");
    story.writes("/msg bert psst");
    story.writes("/msg @bert");
    story.writes("now to you");
    insta::assert_snapshot!(story.seen(), @r#"
    > hello
    (Say("lobby", Text, "hello"))
    > /me waves
    (Say("lobby", Action, "waves"))
    > //not a command
    (Say("lobby", Text, "/not a command"))
    >   
    > /msg bert psst
    (Say("@bert", Text, "psst"))
    > /msg @bert
      -- what you write now goes to @bert
    > now to you
    (Say("@bert", Text, "now to you"))
    "#);
}

#[test]
fn each_command_asks_the_server_what_it_should() {
    let mut story = Story::begun(false);
    for line in [
        "/join music",
        "/leave",
        "/leave #music",
        "/create garden",
        "/who",
        "/who music",
        "/rooms",
        "/topic",
        "/topic tea",
        "/history",
        "/history 5",
        "/search two words",
        "/read",
        "/quit",
    ] {
        story.writes(line);
    }
    insta::assert_snapshot!(story.seen(), @r#"
    > /join music
    ({"type":"join","room":"music"})
    > /leave
    ({"type":"leave","room":"lobby"})
    > /leave #music
    ({"type":"leave","room":"music"})
    > /create garden
    ({"type":"create","room":"garden"})
    > /who
    ({"type":"who","room":"lobby"})
    > /who music
    ({"type":"who","room":"music"})
    > /rooms
    ({"type":"rooms"})
    > /topic
    (TellTopic("lobby"))
    > /topic tea
    ({"type":"topic","room":"lobby","topic":"tea"})
    > /history
    ({"type":"history","room":"lobby","limit":20})
    > /history 5
    ({"type":"history","room":"lobby","limit":5})
    > /search two words
    ({"type":"search","text":"two words","limit":20})
    > /read
    (Read("lobby"))
    > /quit
    (Quit)
    "#);
}

#[test]
fn a_mistake_is_told_with_what_to_do() {
    let mut story = Story::begun(false);
    for line in ["/dance", "/join", "/history many", "/me"] {
        story.writes(line);
    }
    insta::assert_snapshot!(story.seen(), @r"
    > /dance
      there is no command /dance; see /help, or write //dance to say it
    > /join
      something is missing; write /join ROOM
    > /history many
      'many' is no number from 1 to 200
    > /me
      something is missing; write /me TEXT
    ");
    assert!(!story.talk.has_failed());
}

#[test]
fn help_is_a_table() {
    let mut story = Story::begun(false);
    story.writes("/help");
    insta::assert_snapshot!(story.seen(), @r"
    > /help
    -- /join ROOM           go into a room, or to one you are in
    -- /leave [ROOM]        leave a room; from a person, go back to the lobby
    -- /create ROOM         make a room and go into it
    -- /msg USER [TEXT]     say something to one person, or go on with them
    -- /me TEXT             say what you do: * anna waves
    -- /who [ROOM]          who is here
    -- /rooms               which rooms there are
    -- /topic [TEXT]        what the room is about; with TEXT, change it
    -- /history [NUMBER]    what was said before
    -- /search WORDS        find messages in all your rooms
    -- /redact [NUMBER]     remove what you said last, or the message of that number
    -- /read                mark all in the room as read
    -- /quit                end, like Ctrl-D
    -- /help [COMMAND]      this list, or one line of it
    ");
}

#[test]
fn going_into_a_room_shows_what_was_said_there_before_and_nothing_twice() {
    let mut story = Story::begun(true);
    story.writes("/join music");
    assert!(story.talk.is_moving());
    story.answered(Answer::Joined(room("music", 4, 4)));
    assert!(!story.talk.is_moving());
    story.hears(Event::Message(message("music", 5, "bert", "live")));
    story.hears(Event::Message(message("lobby", 8, "bert", "elsewhere")));
    insta::assert_snapshot!(story.seen(), @r#"
    > /join music
    ({"type":"join","room":"music"})
      -- you are in music (2 members)
    ({"type":"history","room":"music","before":5,"limit":10})
    -- Friday, 20 November 2026
    10:30 <bert> live
    10:30 [lobby] <bert> elsewhere
    "#);
    assert_eq!(story.talk.prompt(), "music> ");
}

#[test]
fn answers_and_what_comes_by_itself() {
    let mut story = Story::begun(true);
    story.writes("/who");
    let person = |name: &str, online| Person {
        user: name.into(),
        online,
        last_seen: None,
        role: (name == "bert").then(|| "operator".into()),
    };
    story.answered(Answer::Who {
        room: Some("lobby".into()),
        who: vec![person("anna", true), person("bert", false)],
        more: false,
    });
    for push in [
        Answer::Presence {
            room: "lobby".into(),
            user: "vera".into(),
            state: Presence::Joined,
            others: 17,
        },
        Answer::Presence {
            room: "music".into(),
            user: "vera".into(),
            state: Presence::Joined,
            others: 0,
        },
        Answer::Topic {
            room: "lobby".into(),
            topic: "tea\u{1b}[2J".into(),
            by: Some("bert".into()),
        },
        Answer::Notice {
            text: "maintenance at noon".into(),
        },
        Answer::Left {
            room: "lobby".into(),
        },
    ] {
        story.hears(Event::Push(push));
    }
    story.some_time_later();
    insta::assert_snapshot!(story.seen(), @r#"
    > /who
    ({"type":"who","room":"lobby"})
    -- 2: anna, bert (operator) (away)
      -- the topic of lobby was set by bert: tea␛[2J
      -- notice: maintenance at noon
      -- you are no longer in lobby
      -- vera and 17 others came
    "#);
}

#[test]
fn only_who_stays_is_said_to_have_come() {
    let mut story = Story::begun(true);
    // A script that looks in, one that says something, somebody whose line was lost.
    story.sees("tail", Presence::Joined);
    story.sees("tail", Presence::Left);
    story.sees("backup", Presence::Joined);
    story.hears(Event::Message(message("lobby", 8, "backup", "done")));
    story.sees("backup", Presence::Left);
    story.sees("bert", Presence::Left);
    story.sees("bert", Presence::Joined);
    assert!(!story.talk.has_comings());
    // Who speaks is seen to be there.
    story.sees("vera", Presence::Joined);
    story.hears(Event::Message(message("lobby", 9, "vera", "hello")));
    story.sees("olga", Presence::Joined);
    story.sees("igor", Presence::Left);
    story.some_time_later();
    assert!(!story.talk.has_comings());
    insta::assert_snapshot!(story.seen(), @"
    -- Friday, 20 November 2026
    10:30 <backup> done
    10:30 <vera> hello
      -- olga came
      -- igor left
    ");
}

#[test]
fn those_who_come_back_when_one_does_oneself_are_nothing_new() {
    let mut story = Story::begun(true);
    story.hears(Event::Back { missed: 0 });
    story.sees("bert", Presence::Joined);
    story.some_time_later();
    story.talk.all_are_back();
    story.sees("olga", Presence::Joined);
    story.some_time_later();
    insta::assert_snapshot!(story.seen(), @"
      -- connected again; nothing was missed
      -- olga came
    ");
}

#[test]
fn what_was_done_is_told_and_so_is_that_nothing_was_found() {
    let mut story = Story::begun(true);
    story.writes("/topic tea");
    story.answered(Answer::Ok);
    story.writes("/search zzz");
    story.answered(Answer::Page {
        room: None,
        messages: vec![],
        first_seq: None,
        last_seq: None,
        more: false,
    });
    story.writes("/help /me");
    story.writes("/help dance");
    insta::assert_snapshot!(story.seen(), @r#"
    > /topic tea
    ({"type":"topic","room":"lobby","topic":"tea"})
      -- the topic of lobby is set: tea
    > /search zzz
    ({"type":"search","text":"zzz","limit":20})
      -- nothing found
    > /help /me
    -- /me TEXT             say what you do: * anna waves
    > /help dance
      -- there is no command /dance; see /help, or write //dance to say it
    "#);
}

#[test]
fn a_conversation_between_two_begins_without_ado_and_is_turned_from_not_left() {
    let mut story = Story::begun(true);
    story.hears(Event::Push(Answer::Joined(room("@vera", 0, 0))));
    story.hears(Event::Message(message("@vera", 1, "vera", "psst")));
    story.hears(Event::Own(message("@vera", 2, "anna", "yes?")));
    story.writes("/msg vera");
    story.writes("/leave");
    insta::assert_snapshot!(story.seen(), @"
    -- Friday, 20 November 2026
    10:30 <vera → you> psst
    10:30 <anna → vera> yes?
    > /msg vera
      -- what you write now goes to @vera
    > /leave
      -- what you write now goes to lobby
    ");
}

#[test]
fn trouble_is_told_once_and_plainly() {
    let mut story = Story::begun(false);
    let lost = |attempts| Event::Lost {
        why: "the server closed the connection".into(),
        attempts,
        retry_in: Duration::from_secs(1),
    };
    story.hears(lost(1));
    story.hears(lost(2));
    story.hears(Event::Back { missed: 2 });
    story.hears(Event::WentBack {
        room: "lobby".into(),
        had: Seq(11),
        has: Seq(7),
    });
    story.hears(Event::Expired {
        room: "lobby".into(),
        count: 3,
    });
    story.hears(Event::Delayed {
        key: "k".into(),
        refusal: refusal(Code::StorageFull, "the disk is full"),
    });
    (0..2).for_each(|_| {
        story.hears(Event::Delayed {
            key: "k".into(),
            refusal: refusal(Code::RateLimited, "too much at once"),
        });
    });
    story.hears(Event::Failed {
        message: Unsent {
            key: "k".into(),
            to: "lobby".into(),
            kind: Kind::Text,
            text: "hi".into(),
        },
        refusal: refusal(Code::Muted, "you may not speak here"),
    });
    story.hears(Event::Ended(Ending {
        kind: EndingKind::Refused,
        text: "bye".into(),
    }));
    insta::assert_snapshot!(story.seen(), @r#"
      the server closed the connection; connecting again…
      connected again; 2 messages were missed and come now
      the server went back to a backup: lobby ends at message 7 there, and at 11 here
      3 messages of lobby were missed and are no longer kept by the server
      not sent yet, it is tried again by itself: the disk is full
      (waiting: the server asks to go slower)
      not sent to lobby: "hi": you may not speak here
    (Quit)
    "#);
}
