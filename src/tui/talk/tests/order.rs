//! What those write who keep order, and what those see whom it is about.

use super::*;

#[test]
fn those_who_keep_order_have_more_to_say() {
    let mut story = Story::begun(false);
    story.writes("/help ban");
    story.keeps_order = true;
    let all = command::help_lines("", true).len();
    assert_eq!(all, command::help_lines("", false).len() + 8);
    for line in [
        "/kick bert",
        "/kick @bert please read the rules",
        "/ban bert",
        "/ban bert 2h30m buying and selling",
        "/ban bert everywhere 7d",
        "/unban bert",
        "/unban bert everywhere",
        "/mute bert 10m",
        "/mute bert 0m",
        "/mute bert 10x too loud",
        "/unmute bert",
        "/op bert",
        "/deop bert",
        "/kick",
        "/msg clara",
        "/kick bert",
        "/mute bert everywhere loud",
    ] {
        story.writes(line);
    }
    insta::assert_snapshot!(story.seen(), @r#"
    > /help ban
    -- /ban USER [TIME] [REASON] keep somebody out of the room, for 2h, 7d or for good
    -- a moderator writes `everywhere` after USER for the whole server: /ban anna everywhere 7d
    > /kick bert
    ({"type":"kick","room":"lobby","user":"bert"})
    > /kick @bert please read the rules
    ({"type":"kick","room":"lobby","user":"bert","reason":"please read the rules"})
    > /ban bert
    ({"type":"ban","user":"bert","room":"lobby"})
    > /ban bert 2h30m buying and selling
    ({"type":"ban","user":"bert","room":"lobby","seconds":9000,"reason":"buying and selling"})
    > /ban bert everywhere 7d
    ({"type":"ban","user":"bert","seconds":604800})
    > /unban bert
    ({"type":"unban","user":"bert","room":"lobby"})
    > /unban bert everywhere
    ({"type":"unban","user":"bert"})
    > /mute bert 10m
    ({"type":"mute","user":"bert","room":"lobby","seconds":600})
    > /mute bert 0m
      '0m' would be over at once; take a time like 10m or 2h
    > /mute bert 10x too loud
      '10x' is no span of time: write 30s, 15m, 1h30m, 7d or 2w
    > /unmute bert
    ({"type":"unmute","user":"bert","room":"lobby"})
    > /op bert
    ({"type":"op","room":"lobby","user":"bert"})
    > /deop bert
    ({"type":"deop","room":"lobby","user":"bert"})
    > /kick
      something is missing; write /kick USER [REASON]
    > /msg clara
      what you write now goes to @clara
    > /kick bert
      this is a conversation between two; go into the room first, with /join ROOM
    > /mute bert everywhere loud
    ({"type":"mute","user":"bert","reason":"loud"})
    "#);
    let mut story = Story::begun(true);
    story.talk.asked(
        1,
        Wanted::Done("bert is banned from lobby for 2h".to_owned()),
    );
    story.hears(Event::Answer {
        no: 1,
        answer: Ok(Answer::Ok),
    });
    let until = Some("2026-11-20T13:00:00Z".parse().unwrap());
    for (banned, until) in [(false, None), (true, until), (true, None)] {
        story.hears(Event::Push(Answer::Kicked {
            room: "music".into(),
            by: "bert".into(),
            reason: (!banned).then(|| "too\u{1b}[2J loud".into()),
            banned,
            until,
        }));
    }
    for (room, role) in [
        (Some("music"), Some("operator")),
        (Some("music"), None),
        (None, Some("moderator")),
        (None, None),
    ] {
        story.hears(Event::Push(Answer::Role {
            room: room.map(Into::into),
            user: "clara".into(),
            role: role.map(Into::into),
            by: "admin".into(),
        }));
    }
    story.hears(Event::Failed {
        message: Unsent {
            key: "k".into(),
            to: "lobby".into(),
            kind: Kind::Text,
            text: "buy".into(),
        },
        refusal: Refusal {
            code: Some(Code::Muted),
            text: "you are muted in 'lobby' until 2026-11-20T13:00:00Z: spam".into(),
            retry_after_ms: Some(1_740_000),
        },
    });
    insta::assert_snapshot!(story.seen(), @r#"
    -- bert is banned from lobby for 2h
    -- you were kicked out of music by bert: too␛[2J loud
    -- you were banned from music by bert until 13:00 on Friday, 20 November 2026
    -- you were banned from music by bert
    -- clara is operator of music now, by admin
    -- clara is operator of music no more, by admin
    -- clara is moderator of this server now, by admin
    -- clara is moderator of this server no more, by admin
    -- not sent to lobby: "buy": you are muted in 'lobby' until 2026-11-20T13:00:00Z: spam
    "#);
}
