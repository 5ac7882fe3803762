//! A backup: the store makes a copy without a name in the state folder, whose bytes are given out. The daemon may not
//! write where the admin's shell stands, so chatctl does.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Sender;

use super::{PULSE, Result, Turn, Worker, failed, gone};
use crate::control::{Reply, ReplySender};
use crate::daemon::admin::Admin;
use crate::store::{StoreError, Upkeep};
use crate::wire::control::{BackedUp, ControlError};

/// Bytes of the copy in one reply.
const PART_BYTES: usize = 96 * 1024;

/// What the thread tells: how far it is, and then how it came out.
enum Told {
    Part(BackedUp),
    Over(std::result::Result<BackedUp, StoreError>),
}

pub(in crate::daemon) async fn backup(admin: &Admin, reply: &ReplySender) -> Result<Reply> {
    let _turn = Turn::take(&admin.data.backups, 1, "a backup is being made")?;
    let upkeep = admin.data.upkeep.clone();
    let mut worker = Worker::start("backup", move |gone, told| {
        let outcome = give_out(&upkeep, gone, told);
        drop(told.blocking_send(Told::Over(outcome)));
    })?;
    let mut far = (0, 0);
    loop {
        let told = tokio::select! {
            told = worker.parts.recv() => told,
            () = reply.closed() => return Err(gone()),
            () = tokio::time::sleep(PULSE) => Some(Told::Part(part(far.0, far.1))),
        };
        match told {
            Some(Told::Part(part)) => {
                far = (part.done, part.total);
                if !reply.part(part).await {
                    return Err(gone());
                }
            }
            Some(Told::Over(Ok(last))) => {
                tracing::info!(
                    messages = last.messages,
                    bytes = last.total,
                    "backup given out"
                );
                return Ok(last.into());
            }
            Some(Told::Over(Err(error))) => return Err(failed(&error)),
            None => return Err(ControlError::ShuttingDown {}),
        }
    }
}

fn part(done: u64, total: u64) -> BackedUp {
    BackedUp {
        done,
        total,
        data: None,
        sha256: None,
        messages: None,
        key_file: None,
    }
}

/// Makes the copy and gives its bytes out. On a thread of its own.
fn give_out(
    upkeep: &Upkeep,
    gone: &Arc<AtomicBool>,
    told: &Sender<Told>,
) -> std::result::Result<BackedUp, StoreError> {
    let progress = told.clone();
    // Whether that is heard is noticed elsewhere.
    let tell = move |done, total| drop(progress.try_send(Told::Part(part(done, total))));
    let mut copy = upkeep.copy(gone, Box::new(tell))?;
    let (mut sum, mut done) = (Sha256::new(), 0);
    let mut bytes = vec![0; PART_BYTES];
    loop {
        let count = fill(&mut copy.file, &mut bytes)?;
        if count == 0 {
            break;
        }
        sum.update(&bytes[..count]);
        done += count as u64;
        let part = BackedUp {
            data: Some(STANDARD.encode(&bytes[..count])),
            ..part(done, copy.bytes)
        };
        if told.blocking_send(Told::Part(part)).is_err() {
            break;
        }
    }
    let digest = sum.finalize();
    let key_file = upkeep.key_file().map(|file| file.display().to_string());
    Ok(BackedUp {
        sha256: Some(digest.iter().map(|byte| format!("{byte:02x}")).collect()),
        messages: Some(copy.messages),
        key_file,
        ..part(done, done)
    })
}

/// As much as fits, or as there is.
fn fill(file: &mut File, bytes: &mut [u8]) -> std::result::Result<usize, StoreError> {
    let mut count = 0;
    while count < bytes.len() {
        match file.read(&mut bytes[count..]) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(StoreError::Io {
                    action: "read the copy of",
                    path: crate::store::sqlite::DATABASE_FILE.into(),
                    cause: error.to_string(),
                });
            }
        }
    }
    Ok(count)
}
