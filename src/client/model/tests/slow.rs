//! A server that asks to go slower: what it refuses is sent again when it said, in order, and nothing is lost.

use super::*;

fn too_fast(story: &mut Story, re: u64, after_ms: u64) {
    story.says(&format!(
        r#"{{"re":{re},"type":"error","code":"rate-limited","text":"too much at once","retry_after_ms":{after_ms}}}"#
    ));
}

#[test]
fn what_was_too_fast_is_sent_again_in_order_and_before_what_came_after() {
    let mut story = Story::online();
    for text in ["one", "two", "three"] {
        story.send(text);
    }
    story.sent(3, 11);
    too_fast(&mut story, 4, 1_000);
    story.send("four");
    story.now += Duration::from_millis(10);
    too_fast(&mut story, 5, 990);
    story.told();
    let asked_at = story.now;
    story.wait();
    assert_eq!(story.now - asked_at, Duration::from_millis(990));
    assert_eq!(
        story.told(),
        r#"> {"id":6,"type":"send","to":"Lobby","text":"two","key":"k2"}
> {"id":7,"type":"send","to":"Lobby","text":"three","key":"k3"}
> {"id":8,"type":"send","to":"Lobby","text":"four","key":"k4"}
"#
    );
}

#[test]
fn little_patience_is_for_a_server_that_takes_nothing_not_for_one_that_is_slow() {
    let mut story = Story::with_patience(Some(Duration::from_secs(5)));
    story.connect();
    story.log_in();
    (0..20).for_each(|_| drop(story.send("a log that is pasted")));
    let first = story.model.next_no - 20;
    // One each second.
    for number in 0..19 {
        let from = story.model.next_no - (20 - number);
        story.sent(from, 11 + number);
        (from + 1..story.model.next_no).for_each(|re| too_fast(&mut story, re, 1_000));
        story.wait();
    }
    story.sent(story.model.next_no - 1, 30);
    let told = story.told();
    assert_eq!(told.matches("! sent").count(), 20, "since {first}: {told}");
    assert!(!told.contains("! failed"), "{told}");
    story.send("nothing of this");
    while story.model.pending().count() > 0 {
        let re = story.model.next_no - 1;
        too_fast(&mut story, re, 1_000);
        story.wait();
    }
    assert!(story.told().contains("! failed nothing of this"));
}
