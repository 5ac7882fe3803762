//! Shows that the documents keep up with the tree: what they link to is there, and the tests that are said to hold an
//! invariant, or to make an attack, exist.

use std::fs;
use std::path::Path;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn links_to_files_lead_to_files() {
    for document in ["README.md", "CHANGELOG.md", "SECURITY.md"] {
        let text = read(document);
        for link in text.split("](").skip(1) {
            let (target, _) = link.split_once(')').unwrap();
            let file = target.split('#').next().unwrap();
            let elsewhere = target.starts_with("https://") || file.is_empty();
            assert!(
                elsewhere || Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(),
                "{document} links to '{target}', which is not there"
            );
        }
    }
}

/// All sources, in which tests are looked for.
fn sources() -> String {
    let mut sources = String::new();
    let mut open = vec!["src".to_owned(), "tests".to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                open.push(path);
            } else if path.ends_with(".rs") {
                sources += &read(&path);
            }
        }
    }
    sources
}

/// Looks for the tests that stand in the last column of tables; how many there are.
#[track_caller]
fn tests_exist(text: &str) -> usize {
    let sources = sources();
    let rows = text.lines().filter(|line| line.ends_with(" |"));
    let columns = rows.filter_map(|row| Some((row, row.trim_matches('|').rsplit_once('|')?.1)));
    let mut count = 0;
    for (row, shown_by) in columns {
        let tests = shown_by.split('`').skip(1).step_by(2);
        for test in tests.filter(|name| !name.contains('.')) {
            count += 1;
            assert!(
                sources.contains(&format!("fn {test}(")),
                "there is no test `{test}`; name the one that holds this:{row}"
            );
        }
    }
    count
}

#[test]
fn invariants_are_held_by_tests_that_exist() {
    let architecture = read("src/ARCHITECTURE.md");
    let (_, invariants) = architecture.split_once("\n## Invariants\n").unwrap();
    let (invariants, _) = invariants.split_once("\n## ").unwrap();
    let tests = tests_exist(invariants);
    assert!(tests > 10, "only {tests} tests were found in the table");
}

/// Each threat has its attack among the tests.
#[test]
fn attacks_are_made_by_tests_that_exist() {
    let security = read("SECURITY.md");
    for row in security.lines().filter(|line| line.starts_with("| ")) {
        let (_, shown_by) = row.trim_matches('|').rsplit_once('|').unwrap();
        let is_head = row.starts_with("| they want |");
        assert!(is_head || shown_by.contains('`'), "shown by no test: {row}");
    }
    let tests = tests_exist(&security);
    assert!(tests > 50, "only {tests} tests were found in the tables");
}

/// Each guarantee of the protocol is one sentence with the tests that hold it.
#[test]
fn guarantees_are_held_by_tests_that_exist() {
    let protocol = read("src/wire/PROTOCOL.md");
    let (_, guarantees) = protocol.split_once("\n## Guarantees\n").unwrap();
    let (guarantees, _) = guarantees.split_once("\n## ").unwrap();
    let (guarantees, _) = guarantees.split_once("\n\nOne thing").unwrap();
    let sources = sources();
    let mut names = Vec::new();
    for guarantee in guarantees.split("\n- **").skip(1) {
        let (name, rest) = guarantee.split_once(".** ").unwrap();
        let (sentence, held_by) = rest.rsplit_once('(').unwrap();
        assert_eq!(sentence.matches(". ").count(), 1, "one sentence: {name}");
        let tests: Vec<_> = held_by.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test holds {name}");
        for test in tests {
            let is_there = sources.contains(&format!("fn {test}("));
            assert!(
                is_there,
                "there is no test `{test}`, which is to hold {name}"
            );
        }
        names.push(name);
    }
    let all = [
        "Durability",
        "Order",
        "No hole",
        "No double",
        "Resume",
        "Deletion",
    ];
    assert_eq!(names, all);
}
