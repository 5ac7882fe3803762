//! A panic, which is a fault of chatd. What a thread had in hand nobody else can finish, so whichever it is, chatd ends and
//! is started again by whoever has started it. Before that it is told wherever chatd tells something.

use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::process;
use std::thread;

use super::exit::Exit;
use super::log::Log;
use super::service::Service;
use crate::base::catalog;

/// From now on a panic in any thread is told and ends chatd. Only a terminal that was stopped could hold that up.
pub(super) fn end_at_a_panic(log: &Log, service: &Service) {
    let (log, tell_manager) = (log.clone(), service.last_words());
    let print = take_hook();
    set_hook(Box::new(move |panic| {
        let exit = fault(panic);
        let thread = thread::current();
        tracing::error!(
            MESSAGE_ID = catalog::FAULT,
            thread = thread.name(),
            "{}",
            exit.text
        );
        tell_manager(&exit);
        log.flush();
        if !log.tells_journal(tracing::Level::ERROR) {
            print(panic);
        }
        process::exit(i32::from(exit.code));
    }));
}

fn fault(panic: &PanicHookInfo<'_>) -> Exit {
    let words = panic.to_string().replace('\n', " ");
    Exit {
        code: Exit::SOFTWARE,
        text: format!("a fault of chatd, which ends; please report this: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    use super::*;
    use crate::daemon::start::start_log;

    /// Where the process that panics keeps its log.
    const LOG_FILE: &str = "CHATD_TEST_OF_A_FAULT";

    /// This test again, in a process of its own, where it panics.
    #[test]
    fn a_panic_in_a_thread_ends_the_process() {
        if let Some(file) = env::var_os(LOG_FILE) {
            let service = Service::new();
            let log = start_log(&service).unwrap();
            log.open(file.as_ref(), 10).unwrap();
            tracing::info!("the last words before");
            let hub = thread::Builder::new().name("hub".into());
            let hub = hub.spawn(|| panic!("on\npurpose")).unwrap();
            let _ = hub.join();
            unreachable!("it goes on without its hub");
        }
        let folder = tempfile::tempdir().unwrap();
        let (notify, file) = (folder.path().join("notify"), folder.path().join("log"));
        let manager = UnixDatagram::bind(&notify).unwrap();
        let output = Command::new(env::current_exe().unwrap())
            .args(["a_panic_in_a_thread_ends_the_process", "--nocapture"])
            .env(LOG_FILE, &file)
            .env("NOTIFY_SOCKET", &notify)
            .env_remove("JOURNAL_STREAM")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(70), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr.matches("purpose").count(), 1, "{stderr}");
        let text = std::fs::read_to_string(file).unwrap();
        let lines: Vec<_> = text.lines().map(|line| &line[25..]).collect();
        let (before, fault) = (lines[0], lines[1]);
        assert_eq!((lines.len(), before), (2, "INFO the last words before"));
        assert!(fault.starts_with("ERROR a fault of chatd"), "{fault}");
        assert!(fault.contains("fault.rs:"), "{fault}");
        assert!(fault.ends_with(" on purpose thread=hub"), "{fault}");

        let mut bytes = [0; 4_096];
        let length = manager.recv(&mut bytes).unwrap();
        let told = str::from_utf8(&bytes[..length]).unwrap();
        let begins = "EXIT_STATUS=70\nSTATUS=a fault of chatd";
        assert!(
            told.starts_with(begins) && told.ends_with(" on purpose\n"),
            "{told}"
        );
    }
}
