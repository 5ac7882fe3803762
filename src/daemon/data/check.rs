//! A check of the database, on a thread of its own.

use super::{PULSE, Result, Turn, Worker, failed, gone};
use crate::control::{Reply, ReplySender};
use crate::daemon::admin::Admin;
use crate::store::{Checking, Step, StoreError};
use crate::wire::control::{CheckStep, Checked, CheckedLog, ControlError};

/// What the thread tells: how far it is, and then how it came out.
enum Told {
    Part(Checking),
    Over(std::result::Result<(), StoreError>),
}

pub(in crate::daemon) async fn check(admin: &Admin, reply: &ReplySender) -> Result<Reply> {
    let _turn = Turn::take(&admin.data.checks, 1, "a check is under way")?;
    let upkeep = admin.data.upkeep.clone();
    let mut worker = Worker::start("check", move |gone, told| {
        // Whoever asked may be gone: then it ends by `gone`.
        let mut tell = |checking| drop(told.blocking_send(Told::Part(checking)));
        let outcome = upkeep.check(gone, &mut tell);
        drop(told.blocking_send(Told::Over(outcome)));
    })?;
    let mut wrong = 0;
    let mut far = Checking::Looked(Step::Database, 0, 0);
    loop {
        let told = tokio::select! {
            told = worker.parts.recv() => told,
            () = reply.closed() => return Err(gone()),
            () = tokio::time::sleep(PULSE) => Some(Told::Part(far.clone())),
        };
        match told {
            Some(Told::Part(checking)) => {
                if let Checking::Looked(..) = &checking {
                    far = checking.clone();
                }
                if let Checking::Over(_, findings) = &checking {
                    wrong += findings.len();
                }
                if !reply.part(words(checking)).await {
                    return Err(gone());
                }
            }
            Some(Told::Over(Ok(()))) => break,
            Some(Told::Over(Err(error))) => return Err(failed(&error)),
            None => return Err(ControlError::ShuttingDown {}),
        }
    }
    if wrong > 0 {
        tracing::error!(findings = wrong, "a check has found the database damaged");
    }
    Ok(Checked {
        whole: true,
        over: true,
        ..blank(CheckStep::SearchIndex)
    }
    .into())
}

fn words(checking: Checking) -> Checked {
    match checking {
        Checking::Looked(step, done, total) => Checked {
            done,
            total,
            ..blank(word(step))
        },
        Checking::Log(log) => Checked {
            log: Some(CheckedLog {
                room: log.room,
                logs: log.logs,
                first: log.first,
                last: log.last,
                messages: log.messages,
                missing: log.missing,
            }),
            ..blank(CheckStep::Numbering)
        },
        Checking::Over(step, findings) => Checked {
            findings,
            over: true,
            ..blank(word(step))
        },
    }
}

fn blank(step: CheckStep) -> Checked {
    Checked {
        step,
        done: 0,
        total: 0,
        findings: Vec::new(),
        log: None,
        over: false,
        whole: false,
    }
}

fn word(step: Step) -> CheckStep {
    match step {
        Step::Database => CheckStep::Database,
        Step::References => CheckStep::References,
        Step::Keys => CheckStep::Keys,
        Step::Numbering => CheckStep::Numbering,
        Step::SearchIndex => CheckStep::SearchIndex,
    }
}
