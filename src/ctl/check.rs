//! `chatctl check`: what the daemon found when it looked at its database, step by step.

use serde_json::json;

use crate::base::text::harmless;
use crate::wire::control::{Check, CheckStep, Checked};

use super::call::Daemon;
use super::progress::{Progress, percent};
use super::table::table;
use super::{Console, Failure};

/// What a step found.
type Outcome = (CheckStep, Vec<String>);

pub(super) fn run(daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    let (mut outcomes, mut is_whole) = (Vec::<Outcome>::new(), false);
    let mut progress = Progress::new(false);
    daemon.replies(&Check {}, |reply: Checked| {
        if reply.whole {
            is_whole = true;
        } else if reply.over {
            outcomes.push((reply.step, reply.findings));
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
    let facts = json!({ "sound": is_sound, "steps": steps });
    console.print(&facts, |_, console| show(&outcomes, console))?;
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

fn show(outcomes: &[Outcome], console: &Console) -> String {
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
        true => "the search index is wrong: no message is lost, but searches may miss some; report it, with these lines".to_owned(),
        false => "the database is damaged: save what can be read (`chatctl export history`), stop chatd, look at the disk, \
                  and put the newest good backup in its place, as chatctl(8) tells under BACKUPS"
            .to_owned(),
    }
}
