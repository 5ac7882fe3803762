//! The audit log: what every store does with it.

use crate::base::record::Change;
use crate::base::{Act, Actor, AuditEntry, Timestamp};
use crate::store::tests::stage::{ANNA, Stage, make, user};
use crate::store::{Entry, Outcome};

const ADMIN: Actor = Actor::Control { uid: 0, pid: 812 };

fn done(at: i64, actor: Actor, act: &Act) -> Change {
    Change::AddAudit(act.record(Timestamp(at), actor, "ok"), 5)
}

fn told(entries: Vec<AuditEntry>) -> Vec<(u64, String, Actor)> {
    let told = |entry: AuditEntry| {
        let record = entry.record;
        let words = format!("{} {} {}", record.at.0, record.method, record.parameters);
        (entry.number, words, record.actor)
    };
    entries.into_iter().map(told).collect()
}

pub(in crate::store) fn what_was_done_is_read_back_as_it_was(stage: &mut dyn Stage) {
    let kick = Act::new("Kick").with("user", "boris");
    make(
        stage.store(),
        vec![
            user(ANNA, "anna"),
            done(10, ADMIN, &kick),
            done(30, Actor::User(ANNA), &kick),
            // The clock may go back; numbers do not.
            done(20, Actor::Daemon, &Act::new("Stop")),
        ],
    );
    let mut reader = stage.reader();
    let mut before = |number, since, method| {
        let read = reader.audit_before(number, Timestamp(since), method, 10);
        told(read.unwrap())
    };
    let kicked = |number, at, actor| {
        let words = format!("{at} Kick {{\"user\":\"boris\"}}");
        (number, words, actor)
    };
    let [first, second] = [kicked(1, 10, ADMIN), kicked(2, 30, Actor::User(ANNA))];
    let third = (3, "20 Stop {}".to_owned(), Actor::Daemon);
    let all = [third.clone(), second.clone(), first.clone()];
    assert_eq!(before(u64::MAX, i64::MIN, None), all);
    assert_eq!(before(2, i64::MIN, None).first(), Some(&first));
    assert_eq!(before(u64::MAX, 20, None), [third.clone(), second.clone()]);
    assert_eq!(before(u64::MAX, 0, Some("Kick")), [second.clone(), first]);
    assert_eq!(before(u64::MAX, 0, Some("Ban")), []);
    let one = reader.audit_before(u64::MAX, Timestamp(0), None, 1);
    assert_eq!(told(one.unwrap()).first(), Some(&third));
    assert_eq!(told(reader.audit_after(1, 10).unwrap()), [second, third]);
    assert_eq!(told(reader.audit_after(3, 10).unwrap()), []);
}

pub(in crate::store) fn past_its_bound_the_oldest_entries_go(stage: &mut dyn Stage) {
    for at in 1..=8 {
        make(stage.store(), vec![done(at, ADMIN, &Act::new("Pause"))]);
    }
    let mut reader = stage.reader();
    let mut numbers = || -> Vec<u64> {
        let entries = reader.audit_after(0, 100).unwrap();
        entries.iter().map(|entry| entry.number).collect()
    };
    assert_eq!(numbers(), [4, 5, 6, 7, 8]);
    let bounded = |entries_max| {
        let record = Act::new("Resume").record(Timestamp(9), ADMIN, "ok");
        vec![Change::AddAudit(record, entries_max)]
    };
    make(stage.store(), bounded(2));
    assert_eq!(numbers(), [8, 9]);
    make(stage.store(), bounded(0));
    assert!(numbers().is_empty());
    make(stage.store(), bounded(5));
    assert_eq!(numbers(), [11], "a number was given twice");
}

pub(in crate::store) fn an_entry_is_stored_with_what_it_tells_of_or_not_at_all(
    stage: &mut dyn Stage,
) {
    make(stage.store(), vec![user(ANNA, "anna")]);
    let act = Act::new("AddUser").with("name", "anna");
    let taken = vec![done(1, ADMIN, &act), user(crate::base::UserId(2), "anna")];
    let outcomes = stage.store().commit(&[Entry::Changes(taken)]).unwrap();
    assert_eq!(outcomes, [Outcome::Taken]);
    assert_eq!(stage.reader().audit_after(0, 10).unwrap(), []);
    make(stage.store(), vec![done(2, ADMIN, &act)]);
    assert_eq!(stage.reader().audit_after(0, 10).unwrap()[0].number, 1);
}
