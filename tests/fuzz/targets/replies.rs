//! What chatctl makes of a daemon that answers anything: lines with nothing in them that a terminal obeys, tables no wider
//! than it is, JSON that is JSON, and a sentence when it cannot be understood.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

type Program = Box<dyn Fn(UnixStream, usize, Box<dyn Write>) -> Result<(), String>>;

thread_local! {
    /// chatctl with its arguments: reading those takes longer than everything else.
    static PROGRAMS: RefCell<BTreeMap<String, Program>> = const { RefCell::new(BTreeMap::new()) };
}

/// Verbs that print something of what is answered, and whether as a table.
const VERBS: [(&[&str], bool); 14] = [
    (&["chatctl", "status"], false),
    (&["chatctl", "users"], true),
    (&["chatctl", "who"], true),
    (&["chatctl", "sessions"], true),
    (&["chatctl", "rooms"], true),
    (&["chatctl", "version"], false),
    (&["chatctl", "log", "show"], false),
    (&["chatctl", "log", "follow"], false),
    (&["chatctl", "log", "on"], false),
    (&["chatctl", "clear-log", "--yes"], false),
    (&["chatctl", "clear-log", "--dry-run"], false),
    (&["chatctl", "reload"], false),
    (&["chatctl", "shutdown", "--yes"], false),
    (&["chatctl", "session", "revoke", "7", "--dry-run"], false),
];

pub fn check(data: &[u8]) {
    let (steer, rest) = super::steered(data);
    let (narrow, replies) = super::steered(rest);
    let (verb, is_table) = VERBS[usize::from(steer) % VERBS.len()];
    let is_json = usize::from(steer) / VERBS.len() % 2 == 1;
    let args = [verb, if is_json { &["--json"] } else { &[] }].concat();
    // The sentence that there is nothing to list fits every terminal that this is about.
    let width = 24 + usize::from(narrow) % 180;
    let (printed, said) = print(&args, replies, width);
    printed.lines().for_each(super::must_be_harmless);
    if is_json {
        let is_object =
            |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object());
        assert!(printed.lines().all(is_object), "{printed}");
    } else if is_table {
        is_as_wide(&printed, width);
    }
    match said {
        Ok(()) => assert!(printed.is_empty() || printed.ends_with('\n')),
        Err(sentence) => {
            super::must_be_harmless(&sentence);
            assert!(!sentence.is_empty());
        }
    }
}

/// Runs chatctl before a daemon that has answered already. Gives what it prints, and what it says when it fails.
pub(super) fn print(args: &[&str], replies: &[u8], width: usize) -> (String, Result<(), String>) {
    let (near, mut far) = UnixStream::pair().unwrap();
    // More would not fit what the kernel keeps for a reader who has not come yet.
    far.write_all(&replies[..replies.len().min(65_536)])
        .unwrap();
    far.shutdown(Shutdown::Write).unwrap();
    let out = Out::default();
    let said = PROGRAMS.with_borrow_mut(|programs| {
        let program = programs
            .entry(args.join(" "))
            .or_insert_with(|| Box::new(chatd::ctl::by_hand(args)));
        program(near, width, Box::new(out.clone()))
    });
    let printed = String::from_utf8(out.0.borrow().clone()).unwrap();
    (printed, said)
}

/// Makes sure that a terminal would wrap no line.
#[track_caller]
pub(super) fn is_as_wide(printed: &str, width: usize) {
    let wide = printed.lines().find(|line| line.width() > width);
    assert_eq!(wide, None, "wider than {width}");
}

/// Keeps what is printed.
#[derive(Clone, Default)]
struct Out(Rc<RefCell<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
