//! A panic in the real program. There is one to be had without a door for it: with too few open files left, the runtime
//! gives up while it is made.

use std::os::unix::net::UnixDatagram;

use crate::support::{Daemon, Output, run};

/// So many open files have always been enough for the log and too few for the runtime.
const FILES: std::ops::Range<u32> = 6..16;

/// It is told where everything is told, once, and the exit code says that it is chatd's own fault.
#[test]
fn a_panic_is_told_and_ends_the_daemon() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_nonblocking(true).expect("a socket");
    let panics = |files: u32| -> Option<(Daemon, Output)> {
        let shell = format!("export NOTIFY_SOCKET={}; ulimit -n {files}", path.display());
        let daemon = Daemon::prepare_after(&shell, "", &[]);
        let output = run(&mut daemon.command(), "");
        (output.code == 70).then_some((daemon, output))
    };
    let (daemon, output) = FILES
        .into_iter()
        .find_map(panics)
        .expect("tokio panics where it has no files for signals; is that over?");
    let told = |text: &str| text.matches("failed to create UnixStream").count();
    assert_eq!(told(&output.stderr), 1, "{output:#?}");
    assert!(output.stderr.contains("thread 'main'"), "{output:#?}");
    let log = daemon.log();
    let line = log.lines().find(|line| told(line) == 1);
    let line = line.unwrap_or_else(|| panic!("it is not in the log:\n{log}"));
    assert!(
        line.contains(" ERROR a fault of chatd") && line.ends_with(" thread=main"),
        "{line}"
    );
    assert_eq!(log.lines().count(), 1, "{log}");

    let mut bytes = [0; 4_096];
    let heard = std::iter::from_fn(|| {
        let length = manager.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    });
    let last = heard.last().expect("the service manager is told");
    assert!(
        last.starts_with("EXIT_STATUS=70\nSTATUS=a fault of chatd"),
        "{last}"
    );
    assert_eq!((told(&last), last.lines().count()), (1, 2), "{last}");
}
