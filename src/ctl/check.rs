//! `chatctl check`: what the daemon found when it looked at its database, step by step, and what there is of each room; and
//! `chatctl reindex`, which heals what a check may find.

use serde_json::json;

use crate::base::text::harmless;
use crate::wire::control::{Check, CheckStep, Checked, CheckedLog, Reindex, Reindexed};

use super::call::Daemon;
use super::progress::{Progress, percent};
use super::table::{counted, table};
use super::{Console, Failure};

/// Rooms that are told of one by one, and again as many with holes: who has more looks at those with holes first.
const ROOMS_MAX: usize = 1_000;

/// What a step found.
type Outcome = (CheckStep, Vec<String>);

/// What there is of the rooms.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// The first of them, and those with holes.
    rooms: Vec<CheckedLog>,
    holed: usize,
    /// How many more there are, without a hole or with one.
    more: u64,
    more_missing: u64,
    direct: Option<CheckedLog>,
}

pub(super) fn run(daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    let (mut outcomes, mut is_whole) = (Vec::<Outcome>::new(), false);
    let mut logs = Logs::default();
    let mut progress = Progress::new(false);
    daemon.replies(&Check {}, |reply: Checked| {
        if reply.whole {
            is_whole = true;
        } else if reply.over {
            outcomes.push((reply.step, reply.findings));
        } else if let Some(log) = reply.log {
            logs.take(log);
        } else {
            progress.tell(|| match reply.total {
                0 => format!("looking at: {}", name(reply.step)),
                total => format!(
                    "looking at: {}, {}",
                    name(reply.step),
                    percent(reply.done, total)
                ),
            });
        }
        Ok(())
    })?;
    progress.clear();
    let is_sound = is_whole && outcomes.iter().all(|(_, findings)| findings.is_empty());
    let steps: Vec<_> = outcomes
        .iter()
        .map(|(step, findings)| json!({ "step": step, "findings": findings }))
        .collect();
    let facts = json!({
        "sound": is_sound,
        "steps": steps,
        "rooms": logs.rooms,
        "more": logs.more,
        "moreMissing": logs.more_missing,
        "direct": logs.direct,
    });
    console.print(&facts, |_, console| show(&outcomes, &logs, console))?;
    match is_whole {
        _ if is_sound => Ok(()),
        true => Err(Failure::Refused(advice(&outcomes))),
        false => Err(Failure::Refused(
            "the check was ended before it was done".to_owned(),
        )),
    }
}

fn name(step: CheckStep) -> &'static str {
    match step {
        CheckStep::Database => "database",
        CheckStep::Numbering => "numbering of the rooms",
        CheckStep::References => "references",
        CheckStep::Keys => "names and keys",
        CheckStep::SearchIndex => "search index",
    }
}

impl Logs {
    pub(super) fn take(&mut self, log: CheckedLog) {
        let has_hole = log.missing > 0;
        if log.room.is_none() {
            self.direct = Some(log);
        } else if self.rooms.len() - self.holed < ROOMS_MAX && !has_hole {
            self.rooms.push(log);
        } else if self.holed < ROOMS_MAX && has_hole {
            self.holed += 1;
            self.rooms.push(log);
        } else {
            self.more += 1;
            self.more_missing += log.missing;
        }
    }

    /// A line for each.
    pub(super) fn lines(&self) -> String {
        let holes = |missing| match missing {
            0 => "no hole".to_owned(),
            missing => format!("{} missing", counted(missing, "message")),
        };
        let mut text = String::new();
        for log in &self.rooms {
            let (first, last) = (log.first.0, log.last.0);
            let range = match log.messages {
                0 if last == 0 => "nothing was said".to_owned(),
                0 if last < first => format!("nothing is kept of 1..{last}"),
                _ => format!("{first}..{last}"),
            };
            let room = harmless(log.room.as_deref().unwrap_or_default());
            text += &format!("{room}: {range}, {}\n", holes(log.missing));
        }
        if self.more > 0 {
            let rooms = counted(self.more, "more room");
            text += &format!("{rooms}: {}\n", holes(self.more_missing));
        }
        if let Some(direct) = &self.direct {
            let logs = counted(direct.logs, "direct conversation");
            let messages = counted(direct.messages, "message");
            text += &format!("{logs}: {messages}, {}\n", holes(direct.missing));
        }
        text
    }
}

fn show(outcomes: &[Outcome], logs: &Logs, console: &Console) -> String {
    let row = |(step, findings): &Outcome| {
        let result = match findings.len() {
            0 => "sound".to_owned(),
            1 => "1 mistake".to_owned(),
            count => format!("{count} mistakes"),
        };
        vec![name(*step).to_owned(), result]
    };
    let rows: Vec<_> = outcomes.iter().map(row).collect();
    let mut text = table(&[("STEP", false), ("RESULT", false)], &rows, console.look);
    text += &logs.lines();
    for (step, findings) in outcomes {
        for finding in findings {
            text += &format!("{}: {}\n", name(*step), harmless(finding));
        }
    }
    text
}

/// What to do about it.
fn advice(outcomes: &[Outcome]) -> String {
    let is_search_alone = outcomes
        .iter()
        .all(|(step, findings)| findings.is_empty() || *step == CheckStep::SearchIndex);
    match is_search_alone {
        true => "the search index is wrong: no message is lost, but searches may miss some; `chatctl reindex` makes it anew; \
                 report it, with these lines"
            .to_owned(),
        false => "the database is damaged: save what can be read (`chatctl export history`), stop chatd, look at the disk, \
                  and put the newest good backup in its place, as chatctl(8) tells under BACKUPS"
            .to_owned(),
    }
}

/// Makes the search index anew and waits until it is there.
pub(super) fn reindex(daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    let (mut messages, mut is_whole) = (0, false);
    let mut progress = Progress::new(false);
    daemon.replies(&Reindex {}, |reply: Reindexed| {
        is_whole |= reply.whole;
        messages = messages.max(reply.left);
        let done = messages - reply.left;
        progress.tell(|| format!("put into the search index: {}", percent(done, messages)));
        Ok(())
    })?;
    progress.clear();
    if !is_whole {
        let text = "the daemon ended before it was done; it goes on with the next start";
        return Err(Failure::Refused(text.to_owned()));
    }
    console.print(&json!({ "messages": messages }), |_, _| {
        let messages = counted(messages, "message");
        format!("the search index is made anew, with {messages}\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seq;

    fn log(room: &str, first: u64, last: u64, missing: u64) -> CheckedLog {
        CheckedLog {
            room: (!room.is_empty()).then(|| room.to_owned()),
            logs: 1,
            first: Seq(first),
            last: Seq(last),
            messages: (last + 1 - first) - missing,
            missing,
        }
    }

    #[test]
    fn each_room_has_its_line() {
        let mut logs = Logs::default();
        for (room, first, last, missing) in [
            ("lobby", 1, 48_211, 0),
            ("tea", 12, 20, 3),
            ("new", 1, 0, 0),
            ("cleared", 6, 5, 0),
            ("", 1, 2, 1),
        ] {
            logs.take(log(room, first, last, missing));
        }
        insta::assert_snapshot!(logs.lines(), @"
        lobby: 1..48211, no hole
        tea: 12..20, 3 messages missing
        new: nothing was said, no hole
        cleared: nothing is kept of 1..5, no hole
        1 direct conversation: 1 message, 1 message missing
        ");
    }

    #[test]
    fn many_rooms_are_counted_and_those_with_holes_are_named() {
        let mut logs = Logs::default();
        for room in 0..ROOMS_MAX + 5 {
            logs.take(log(&format!("room-{room}"), 1, 5, 0));
        }
        logs.take(log("holed", 1, 5, 2));
        let lines = logs.lines();
        assert_eq!(lines.lines().count(), ROOMS_MAX + 2);
        assert!(lines.ends_with("holed: 1..5, 2 messages missing\n5 more rooms: no hole\n"));
    }
}
