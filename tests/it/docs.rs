//! Shows that the documents keep up with the tree: what they link to is there, and the tests that are said to hold an
//! invariant exist.

use std::fs;
use std::path::Path;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn links_to_files_lead_to_files() {
    for document in ["README.md", "CHANGELOG.md"] {
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

#[test]
fn invariants_are_held_by_tests_that_exist() {
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
    let architecture = read("src/ARCHITECTURE.md");
    let (_, invariants) = architecture.split_once("\n## Invariants\n").unwrap();
    let (invariants, _) = invariants.split_once("\n## ").unwrap();
    let mut rows = 0;
    for row in invariants.lines().filter(|line| line.ends_with(" |")) {
        let Some((_, held_by)) = row.trim_matches('|').rsplit_once('|') else {
            continue;
        };
        let mut tests = held_by.split('`').skip(1).step_by(2);
        for test in tests.by_ref().filter(|name| !name.contains('.')) {
            rows += 1;
            assert!(
                sources.contains(&format!("fn {test}(")),
                "there is no test `{test}`; name the one that holds this:{row}"
            );
        }
    }
    assert!(rows > 10, "only {rows} tests were found in the table");
}
