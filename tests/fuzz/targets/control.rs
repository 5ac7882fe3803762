//! Calls on the control socket: however the bytes are cut, the messages are the same; each is a command whose record for
//! the admin has no secret in it, or an error that is one message and is read by callers as it was meant.

use chatd::control::varlink::{Called, Inbox, Incoming, MESSAGE_BYTES_MAX, error};
use chatd::wire::control::ControlError;
use serde_json::Value;

pub fn check(data: &[u8]) {
    let (seed, bytes) = super::steered(data);
    let whole = take([bytes]);
    assert_eq!(
        whole,
        take(super::pieces(bytes.len(), seed).map(|piece| &bytes[piece]))
    );
    let ended: Vec<_> = bytes
        .split_inclusive(|byte| *byte == 0)
        .filter(|part| part.ends_with(&[0]))
        .collect();
    if bytes.len() <= MESSAGE_BYTES_MAX {
        let messages = whole.unwrap();
        assert!(
            ended
                .iter()
                .map(|part| &part[..part.len() - 1])
                .eq(messages.iter().map(|message| &message[..]))
        );
        messages.iter().for_each(|message| read(message));
    }
}

fn take<'a>(portions: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, ControlError> {
    let (mut inbox, mut messages) = (Inbox::default(), Vec::new());
    for portion in portions {
        inbox.push(portion);
        while let Some(message) = inbox.take()? {
            messages.push(message);
        }
    }
    Ok(messages)
}

fn read(message: &[u8]) {
    match Incoming::parse(message).and_then(Incoming::read) {
        Ok(Called::Answer(answer)) => assert!(answer.is_object()),
        Ok(Called::Command(command)) => {
            let Some(act) = command.act() else {
                return;
            };
            let method = act.method();
            assert!(command.about().changes && command.about().name == method);
            let parameters: Value = serde_json::from_str(&act.parameters()).unwrap();
            assert!(parameters.get("password").is_none());
            super::must_be_harmless(method);
        }
        Err(why) => {
            let reply = error(&why);
            assert_eq!(
                reply.iter().position(|byte| *byte == 0),
                Some(reply.len() - 1)
            );
            let reply: Value = serde_json::from_slice(&reply[..reply.len() - 1]).unwrap();
            let parameters = reply["parameters"].as_object().unwrap().clone();
            assert_eq!(
                ControlError::decode(reply["error"].as_str().unwrap(), parameters),
                why
            );
            // A mistake that is told is not much longer than what was said.
            assert!(why.to_string().len() <= 512 + 4 * message.len());
        }
    }
}
