//! Who is on the other side, and whether they may be.
//!
//! The socket's mode is the gate: the kernel lets nobody connect whom it does not name. It is looked at again here,
//! because sockets are handed in and modes are changed by hand.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tokio::net::{UnixListener, UnixStream};

/// A caller as the kernel tells of them, at the time they connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user id. Within a user namespace that does not have it: 65534, or what the system has for that.
    pub uid: u32,
    /// The process; 0 when it cannot be known.
    pub pid: i32,
}

/// What decides who may call.
#[derive(Debug)]
pub(super) struct Gate {
    socket: Option<PathBuf>,
    own_uid: u32,
    /// What foreign user ids look like, where this process runs in a user namespace that does not have them.
    unknown_uid: Option<u32>,
}

impl Gate {
    pub(super) fn new(listener: &UnixListener) -> Self {
        let address = listener.local_addr().ok();
        Self {
            socket: address.and_then(|address| address.as_pathname().map(Into::into)),
            own_uid: nix::unistd::geteuid().as_raw(),
            unknown_uid: unknown_uid(),
        }
    }

    /// Who it is, and whether they may call.
    pub(super) fn admit(&self, stream: &UnixStream) -> std::io::Result<(Caller, bool)> {
        let peer = stream.peer_cred()?;
        let caller = Caller {
            uid: peer.uid(),
            pid: peer.pid().unwrap_or(0),
        };
        // Looked up each time: the mode at this moment is what counts. Without a file nobody else can have come.
        let mode = self
            .socket
            .as_ref()
            .and_then(|socket| std::fs::metadata(socket).ok())
            .map_or(0o600, |file| file.permissions().mode());
        Ok((caller, self.is_admitted(caller.uid, mode)))
    }

    fn is_admitted(&self, uid: u32, mode: u32) -> bool {
        if uid == 0 || uid == self.own_uid {
            return true;
        }
        // A socket that everyone may open is no gate, and who is in its group cannot be told from here.
        let open_to_all = mode & 0o002 != 0;
        let open_to_group = mode & 0o020 != 0;
        !open_to_all && (open_to_group || self.unknown_uid == Some(uid))
    }
}

/// The user id that stands for all which this process cannot see; `None` where it sees every one.
fn unknown_uid() -> Option<u32> {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    if is_whole(&map) {
        return None;
    }
    let overflow = std::fs::read_to_string("/proc/sys/kernel/overflowuid");
    Some(
        overflow
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(65_534),
    )
}

/// Whether every user id is mapped to itself.
fn is_whole(map: &str) -> bool {
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_the_owner_and_whom_the_mode_lets_in_may_call() {
        let gate = |unknown_uid| Gate {
            socket: None,
            own_uid: 990,
            unknown_uid,
        };
        let admitted = |uid, mode| gate(None).is_admitted(uid, mode);
        for mode in [0o600, 0o660, 0o666] {
            assert!(admitted(0, mode) && admitted(990, mode));
        }
        assert!(admitted(1000, 0o660), "a member of the group");
        assert!(!admitted(1000, 0o600), "a stranger");
        assert!(!admitted(1000, 0o666), "a socket that is open to all");
        assert!(!admitted(65_534, 0o600), "a stranger, nobody by name");
        let sees_only_itself = gate(Some(65_534));
        assert!(sees_only_itself.is_admitted(65_534, 0o600));
        assert!(!sees_only_itself.is_admitted(65_534, 0o666));
        assert!(!sees_only_itself.is_admitted(1000, 0o600));
    }

    #[test]
    fn a_namespace_that_has_every_user_is_told_from_one_that_has_not() {
        assert!(is_whole("         0          0 4294967295\n"));
        assert!(!is_whole("         0          0          1\n"));
        assert!(!is_whole(""));
    }
}
