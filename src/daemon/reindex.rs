//! The search index made anew, as an admin asks for it: hands it to the writer and tells how it goes.

use tokio::sync::mpsc::unbounded_channel;

use super::admin::Admin;
use super::data::PULSE;
use super::writer::{Reindexing, Work};
use crate::control::{Reply, ReplySender};
use crate::wire::control::{self as wire, ControlError};

/// Until it is done, or the caller has gone: then it goes on all the same.
pub(super) async fn reindex(admin: &Admin, reply: &ReplySender) -> Result<Reply, ControlError> {
    let (told, mut telling) = unbounded_channel();
    if admin.writer.send(Work::Reindex(told)).is_err() {
        return Err(ControlError::ShuttingDown {});
    }
    let mut left = 0;
    loop {
        let next = tokio::select! {
            next = telling.recv() => next,
            () = reply.closed() => return failed("the caller has gone; the index is made all the same"),
            // While people talk without a pause it takes its time.
            () = tokio::time::sleep(PULSE) => Some(Reindexing::Left(left)),
        };
        left = match next {
            Some(Reindexing::Left(0)) if telling.is_empty() => break,
            Some(Reindexing::Left(left)) => left,
            Some(Reindexing::NotYet) => {
                return failed("the index before is still being removed; try again in a while");
            }
            Some(Reindexing::Failed(error)) => {
                tracing::error!(error, "cannot make the search index anew");
                return failed(&error);
            }
            None => return failed("the writer has stopped; the log says why"),
        };
        if telling.is_empty() && !reply.part(wire::Reindexed { left, whole: false }).await {
            return failed("the caller has gone; the index is made all the same");
        }
    }
    tracing::info!("the search index is made anew");
    let whole = true;
    Ok(wire::Reindexed { left: 0, whole }.into())
}

fn failed(reason: &str) -> Result<Reply, ControlError> {
    let reason = reason.to_owned();
    Err(ControlError::Failed { reason })
}
