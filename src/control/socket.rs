//! Making the control socket: where it lies, whose it is, and what to do when something lies there already.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg, OFlag};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Group, fchownat};
use socket2::{Domain, SockAddr, Socket, Type};

/// The group whose members may use the control socket of a daemon that root has started, or that runs in this group.
const GROUP: &str = "chatd";

/// The longest path of a socket in bytes (unix(7)).
const PATH_BYTES_MAX: usize = 107;

/// Another chatd is done with its socket in a moment: five seconds are for ever.
const TURN_STEP: Duration = Duration::from_millis(10);
const TURN_TRIES: u32 = 500;

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another daemon answers there.
    #[error(
        "another chatd answers on '{path}'; stop that one, or give this one another socket with --control"
    )]
    Answered {
        /// The socket.
        path: PathBuf,
    },
    /// What lies there is no socket.
    #[error("'{path}' is there and no socket; move it away, or choose another path with --control")]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// The system has no sockets with so long a path.
    #[error(
        "the path of the control socket, '{path}', is longer than the {PATH_BYTES_MAX} bytes that a socket's may have; \
         choose another with --control"
    )]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// Something else.
    #[error("cannot {action} '{path}': {cause}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        cause: io::Error,
    },
}

/// Makes the socket and the folder it lies in, and listens. A socket on which nobody answers any more is taken away
/// first. When root does this and there is a group `chatd`, or when somebody does this whose group it is, its members may
/// connect; otherwise the owner alone.
///
/// Taking the socket away again at the end is left to the caller.
///
/// # Errors
/// When another daemon answers there, when the path is taken by something else, or when it cannot be made.
pub fn bind(path: &Path) -> Result<UnixListener, BindError> {
    if path.as_os_str().len() > PATH_BYTES_MAX {
        return Err(BindError::TooLong {
            path: path.to_owned(),
        });
    }
    let failed = |action| {
        move |cause| BindError::Io {
            action,
            path: path.to_owned(),
            cause,
        }
    };
    let is_root = nix::unistd::geteuid().is_root();
    let folder =
        make_folder(path, is_root).map_err(failed("make the folder of the control socket"))?;
    // Held to the end: of two that find a stale socket, neither takes the other's fresh one away.
    let _turn =
        take_turn(folder).map_err(failed("have a turn at the folder of the control socket"))?;
    clear_the_way(path)?;
    let bound = || -> io::Result<UnixListener> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // The file gets its mode from the socket, so that there is no moment at which others could connect.
        fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR)?;
        socket.bind(&SockAddr::unix(path)?)?;
        socket.listen(128)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    let listener = bound().map_err(failed("make the control socket"))?;
    share(path, is_root).map_err(failed("give the group 'chatd' the control socket"))?;
    Ok(listener)
}

/// The folder, open. In one that others can write, or that is a stranger's, the socket would soon be theirs.
fn make_folder(path: &Path, is_root: bool) -> io::Result<File> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let mode = if is_root { 0o755 } else { 0o700 };
        DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(folder)?;
        let made = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(folder)?;
        // Whatever the mask of modes: the group comes through here.
        made.set_permissions(PermissionsExt::from_mode(mode))?;
    }
    let folder = File::open(folder)?;
    let found = folder.metadata()?;
    let is_trusted = found.uid() == 0 || found.uid() == nix::unistd::geteuid().as_raw();
    let is_open = found.mode() & 0o002 != 0 && found.mode() & 0o1000 == 0;
    match is_trusted && !is_open {
        true => Ok(folder),
        false => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others could put a socket of theirs there; choose a folder of chatd's own with --control",
        )),
    }
}

/// Waits until no other chatd is at work in the folder.
fn take_turn(mut folder: File) -> io::Result<Flock<File>> {
    for _ in 0..TURN_TRIES {
        match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
            Ok(turn) => return Ok(turn),
            Err((back, Errno::EWOULDBLOCK)) => folder = back,
            Err((_, errno)) => return Err(errno.into()),
        }
        std::thread::sleep(TURN_STEP);
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "somebody holds a lock on it; see who with `lslocks`",
    ))
}

/// Takes a socket away on which nobody answers.
fn clear_the_way(path: &Path) -> Result<(), BindError> {
    let path = path.to_owned();
    let file = match std::fs::symlink_metadata(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => {
            let action = "look at the control socket";
            return Err(BindError::Io {
                action,
                path,
                cause,
            });
        }
    };
    if !file.file_type().is_socket() {
        return Err(BindError::NotASocket { path });
    }
    match knock(&path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(&path).map_err(|cause| BindError::Io {
                action: "take away the stale control socket",
                path,
                cause,
            })
        }
        // A full queue (`WouldBlock`) is a daemon too, if a busy one.
        Ok(()) => Err(BindError::Answered { path }),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(BindError::Answered { path })
        }
        Err(cause) => Err(BindError::Io {
            action: "see whether anybody answers on",
            path,
            cause,
        }),
    }
}

/// Connects without waiting.
fn knock(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

fn share(path: &Path, is_root: bool) -> io::Result<()> {
    // The group by which it was started, not one of those that its user is in besides.
    let is_ours = |group: &Group| is_root || group.gid == nix::unistd::getegid();
    let Some(group) = Group::from_name(GROUP)?.filter(is_ours) else {
        return Ok(());
    };
    // By what it is, not by its name: whatever others put there meanwhile is not given away.
    let own = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_PATH | OFlag::O_NOFOLLOW).bits())
        .open(path)?;
    let found = own.metadata()?;
    if !found.file_type().is_socket()
        || found.uid() != nix::unistd::geteuid().as_raw()
        || found.nlink() != 1
    {
        return Err(io::Error::other(
            "somebody has put something else in its place",
        ));
    }
    // What is so already is left alone: a sandbox that forbids to give files away forbids that, too.
    if found.gid() != group.gid.as_raw() {
        fchownat(&own, "", None, Some(group.gid), AtFlags::AT_EMPTY_PATH)?;
    }
    let by_number = format!("/proc/self/fd/{}", own.as_raw_fd());
    std::fs::set_permissions(by_number, PermissionsExt::from_mode(0o660))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_refused_and_a_stale_socket_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/io.chatd.Control");
        let first = bind(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{mode:o}");
        let refused = bind(&path).unwrap_err();
        assert!(matches!(refused, BindError::Answered { .. }), "{refused}");
        drop(first);
        assert!(path.exists(), "the stale socket lies there");
        bind(&path).unwrap();
    }

    #[test]
    fn of_many_that_find_a_stale_socket_one_has_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("io.chatd.Control");
        for _ in 0..20 {
            drop(bind(&path).unwrap());
            let start = std::sync::Barrier::new(4);
            let race = || {
                start.wait();
                bind(&path).ok()
            };
            let bound: Vec<_> = std::thread::scope(|scope| {
                let racers: Vec<_> = (0..4).map(|_| scope.spawn(race)).collect();
                let ends = racers.into_iter().map(|racer| racer.join().unwrap());
                ends.flatten().collect()
            });
            assert_eq!(bound.len(), 1);
            knock(&path).unwrap();
        }
    }

    #[test]
    fn a_folder_or_a_link_of_others_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
        let refused = bind(&open.join("control")).unwrap_err();
        assert!(
            refused.to_string().contains("others could put"),
            "{refused}"
        );
        std::fs::set_permissions(&open, PermissionsExt::from_mode(0o1777)).unwrap();
        bind(&open.join("control")).unwrap();
        // A link that lies in the place of the socket is neither followed nor taken away, wherever it leads.
        let (victim, link) = (folder.path().join("victim"), open.join("link"));
        for target in [&victim, &open.join("control")] {
            std::os::unix::fs::symlink(target, &link).unwrap();
            let refused = bind(&link).unwrap_err();
            assert!(matches!(refused, BindError::NotASocket { .. }), "{refused}");
            std::fs::remove_file(&link).unwrap();
        }
        assert!(!victim.exists());
        if nix::unistd::geteuid().is_root() {
            let theirs = folder.path().join("theirs");
            std::fs::create_dir(&theirs).unwrap();
            std::os::unix::fs::chown(&theirs, Some(65_534), None).unwrap();
            assert!(bind(&theirs.join("control")).is_err());
        }
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        std::fs::write(&path, "mine").unwrap();
        let refused = bind(&path).unwrap_err();
        assert!(matches!(refused, BindError::NotASocket { .. }), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn a_path_that_is_too_long_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let left = PATH_BYTES_MAX - folder.path().as_os_str().len() - 1;
        bind(&folder.path().join("x".repeat(left))).unwrap();
        let refused = bind(&folder.path().join("x".repeat(left + 1))).unwrap_err();
        assert!(matches!(refused, BindError::TooLong { .. }), "{refused}");
    }
}
