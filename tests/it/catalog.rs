//! Shows that the catalog of the journal that is shipped is the one in the code, and that there is an event for each of
//! its pages.
//!
//! After a change, `UPDATE_MAN=1 cargo test --test it catalog` writes it anew, as it does the manual pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chatd::base::catalog::ENTRIES;

use crate::source::words;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The catalog as journalctl(1) reads it: <https://systemd.io/CATALOG/>.
fn written() -> String {
    let mut file = String::from(
        "# What `journalctl -x` shows beside chatd's entries. Written from src/base/catalog.rs; not to be changed here.\n",
    );
    for entry in ENTRIES {
        file += &format!(
            "\n-- {}\nSubject: {}\nDefined-By: chatd\nDocumentation: man:chatd(8)\n\n{}\n",
            entry.id, entry.subject, entry.text
        );
    }
    file
}

#[test]
fn it_is_as_shipped() {
    let path = root().join("systemd/chatd.catalog");
    if std::env::var_os("UPDATE_MAN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, written()).unwrap();
    }
    let shipped = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shipped == written(),
        "systemd/chatd.catalog differs from src/base/catalog.rs; if that is meant, `UPDATE_MAN=1 cargo test --test it \
         catalog` writes it anew"
    );
}

/// journald takes a line that begins so for the next page, and a page is read on a terminal.
#[test]
fn pages_can_be_read() {
    for entry in ENTRIES {
        let lines = || entry.text.lines();
        assert!(!lines().any(|line| line.starts_with("--")), "{entry:#?}");
        assert!(!lines().any(|line| line.starts_with('#')), "{entry:#?}");
        assert!(
            lines().all(|line| line.chars().count() <= 100),
            "{entry:#?}"
        );
        assert!(entry.subject.chars().count() <= 70, "{entry:#?}");
    }
}

/// The constants of the catalog.
fn pages() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("src/base/catalog.rs")).unwrap();
    let name = |id: &str| {
        let line = text.lines().find(|line| line.contains(id)).unwrap();
        line.trim().split(':').next().unwrap().to_owned()
    };
    ENTRIES.iter().map(|entry| name(entry.id)).collect()
}

fn sources(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| match path.is_dir() {
        true => sources(path),
        false => vec![path],
    });
    let is_code = |path: &PathBuf| {
        let path = path.to_string_lossy();
        path.ends_with(".rs") && !path.ends_with("/tests.rs") && !path.contains("/tests/")
    };
    files.filter(is_code).collect()
}

#[test]
fn each_page_has_its_event_and_each_message_id_its_page() {
    let pages = pages();
    let mut used = BTreeSet::new();
    for path in sources(root().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let words: Vec<_> = words(&text)
            .into_iter()
            .filter(|word| !word.in_test)
            .collect();
        for (at, three) in words.windows(3).enumerate() {
            let [name, sign, value] = [0, 1, 2].map(|place| three[place].text);
            if name == "catalog" && sign == "::" && pages.contains(value) {
                used.insert(value.to_owned());
            }
            let mut value = words[at..].iter().take_while(|word| word.text != ",");
            assert!(
                (name, sign) != ("MESSAGE_ID", "=") || value.any(|word| word.text == "catalog"),
                "{}:{}: a MESSAGE_ID that is not of the catalog",
                path.display(),
                three[0].line
            );
        }
    }
    let unused: Vec<_> = pages.difference(&used).map(String::as_str).collect();
    assert!(unused.is_empty(), "these pages have no event: {unused:?}");
}

#[test]
fn each_field_that_a_page_shows_is_told_to_the_journal() {
    let told = fs::read_to_string(root().join("src/daemon/log/record.rs")).unwrap();
    let manual = fs::read_to_string(root().join("packaging/man/chatd.8")).unwrap();
    for entry in ENTRIES {
        for field in entry.text.split('@').skip(1).step_by(2) {
            let is_told = told.contains(&format!("\"{field}\""));
            assert!(
                is_told,
                "'{}' shows {field}, which no entry has",
                entry.subject
            );
            assert!(manual.contains(field), "chatd(8) does not name {field}");
        }
    }
}
