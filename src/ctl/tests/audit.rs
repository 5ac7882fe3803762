//! What was done by whom, as people see it.

use serde_json::{Value, json};

use super::{NOW, look};
use crate::base::Timestamp;
use crate::ctl::audit::{Names, entries, line};
use crate::wire::control::{AuditEntries, AuditEntry, AuditLine};

const LATER: Timestamp = Timestamp(NOW.0 + 7_200_000);

fn entry(number: u64, method: &str, parameters: Value, outcome: &str) -> AuditEntry {
    AuditEntry {
        number,
        at: Timestamp(NOW.0 + number as i64 * 1_000),
        uid: Some(0),
        pid: Some(812),
        user: None,
        method: method.into(),
        parameters: parameters.as_object().unwrap().clone(),
        outcome: outcome.into(),
    }
}

fn some() -> AuditEntries {
    let (uid, pid) = (None, None);
    let started = entry(1, "Start", json!({"version": "0.1.0", "pid": 77}), "ok");
    let banned = json!({"user": "Борис", "reason": "spam\u{1b}[2J", "seconds": 3600});
    AuditEntries {
        entries: vec![
            AuditEntry {
                uid,
                pid,
                ..started
            },
            entry(2, "AddUser", json!({"name": "Анна"}), "ok"),
            entry(
                3,
                "Redact",
                json!({"room": "tea", "seq": 7}),
                "io.chatd.Control.NoSuchMessage",
            ),
            AuditEntry {
                uid,
                pid,
                user: Some("Анна".into()),
                ..entry(4, "Ban", banned, "ok")
            },
            entry(
                5,
                "ClearUsers",
                json!({"keep": ["anna", "clara"], "dryRun": false}),
                "ok",
            ),
            entry(6, "ExportHistory", json!({"direct": true}), "ok"),
        ],
        more: true,
    }
}

#[test]
fn a_table() {
    let mut names = Names::with(0, "root");
    insta::assert_snapshot!(entries(&some(), LATER, look(100), &mut names), @r"
    WHEN (UTC)           WHO      WHAT           ON                                       OUTCOME
    2026-11-20 10:30:01  (chatd)  Start          pid=77 version=0.1.0                     ok
    2026-11-20 10:30:02  root     AddUser        Анна                                     ok
    2026-11-20 10:30:03  root     Redact         tea #7                                   NoSuchMessage
    2026-11-20 10:30:04  @Анна    Ban            Борис reason=spam\u{1b}[2J seconds=3600  ok
    2026-11-20 10:30:05  root     ClearUsers     keep=anna,clara                          ok
    2026-11-20 10:30:06  root     ExportHistory  direct                                   ok
    (there are more before these; -n shows more)
    ");
    insta::assert_snapshot!(entries(&some(), LATER, look(60), &mut names), @"
    WHEN     WHO      WHAT           ON             OUTCOME
    1 h ago  (chatd)  Start          pid=77 versi…  ok
    1 h ago  root     AddUser        Анна           ok
    1 h ago  root     Redact         tea #7         NoSuchMessa…
    1 h ago  @Анна    Ban            Борис reason…  ok
    1 h ago  root     ClearUsers     keep=anna,cl…  ok
    1 h ago  root     ExportHistory  direct         ok
    (there are more before these; -n shows more)
    ");
    let nothing = AuditEntries {
        entries: Vec::new(),
        more: false,
    };
    insta::assert_snapshot!(entries(&nothing, LATER, look(60), &mut names), @"nothing is written down");
}

#[test]
fn as_it_comes() {
    let mut names = Names::with(0, "root");
    let mut said = String::new();
    for (number, entry) in some().entries.into_iter().enumerate() {
        let line_of = AuditLine {
            entry: Some(entry),
            missed: (number == 2).then_some(1),
        };
        said += &line(&line_of, look(80), &mut names);
    }
    let entry = some().entries.pop();
    let narrow = AuditLine {
        entry,
        missed: None,
    };
    said += &line(&narrow, look(40), &mut names);
    insta::assert_snapshot!(said, @r"
    2026-11-20 10:30:01  (chatd)     Start           ok  pid=77 version=0.1.0
    2026-11-20 10:30:02  root        AddUser         ok  Анна
    (1 entry missed)
    2026-11-20 10:30:03  root        Redact          NoSuchMessage  tea #7
    2026-11-20 10:30:04  @Анна       Ban             ok  Борис reason=spam\u{1b}[2J…
    2026-11-20 10:30:05  root        ClearUsers      ok  keep=anna,clara
    2026-11-20 10:30:06  root        ExportHistory   ok  direct
    10:30:06  root        ExportHistory   o…
    ");
}
