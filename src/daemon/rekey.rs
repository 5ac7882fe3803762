//! The change of the identity key as an admin asks for it: hands it to the writer and tells how it goes.

use tokio::sync::mpsc::unbounded_channel;

use super::admin::Admin;
use super::service;
use super::writer::{Rekeying, Work};
use crate::control::{Reply, ReplySender};
use crate::store::{Rekeyed, parse_key};
use crate::wire::control::{self as wire, ControlError};

/// The credential with the next key.
const NEXT: &str = "chatd.identity-key-new";

/// Until it is done, also when the caller has gone: the writer cannot be called back.
pub(super) async fn rekey(
    admin: &Admin,
    rekey: wire::Rekey,
    reply: &ReplySender,
) -> Result<Reply, ControlError> {
    let key = match &rekey.key {
        None => None,
        Some(text) => match parse_key(text.expose().as_bytes()) {
            Some(key) => Some(key),
            None => {
                return failed("that is no key: take 32 bytes (`openssl rand 32`) or their base64");
            }
        },
    };
    drop(rekey);
    let (told, mut telling) = unbounded_channel();
    if admin.writer.send(Work::Rekey(key, told)).is_err() {
        return Err(ControlError::ShuttingDown {});
    }
    let mut total = 0;
    while let Some(rekeying) = telling.recv().await {
        match rekeying {
            Rekeying::Sealed(sealed, of) => {
                total = of;
                service::feed(admin);
                let (key_file, credential) = (None, None);
                let part = wire::Rekeyed {
                    sealed,
                    total,
                    key_file,
                    credential,
                };
                let _ = reply.part(part).await;
            }
            Rekeying::Done(Ok(Rekeyed { sealed, key_file })) => {
                tracing::info!(sealed, "the database is sealed with a new identity key");
                let credential = key_file.is_none().then(|| NEXT.to_owned());
                let key_file = key_file.map(|file| file.display().to_string());
                return Ok(wire::Rekeyed {
                    sealed,
                    total,
                    key_file,
                    credential,
                }
                .into());
            }
            Rekeying::Done(Err(error)) => {
                tracing::error!(error, "cannot change the identity key");
                return failed(&error);
            }
        }
    }
    failed("the writer has stopped; the log says why")
}

fn failed(reason: &str) -> Result<Reply, ControlError> {
    let reason = reason.to_owned();
    Err(ControlError::Failed { reason })
}
