//! Lists of accounts that are imported, and what is exported: a list is taken as it is meant or refused with its line, what
//! is exported is imported as it was, and no cell is a formula or more than one line.

use chatd::base::UserName;
use chatd::ctl::read_accounts;
use serde_json::{Value, json};

use super::must_be_harmless;
use super::replies::print;

/// As wide as any: nothing here depends on it.
const WIDTH: usize = 80;

pub fn check(data: &[u8]) {
    let ends = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r'));
    let line_count = 1 + ends.count() as u64;
    match read_accounts(data) {
        Err(why) => {
            must_be_harmless(&why);
            let number = why
                .strip_prefix("line ")
                .and_then(|why| why.split_once(": "));
            let number: u64 = number.unwrap().0.parse().unwrap();
            assert!((1..=line_count).contains(&number), "{why}");
        }
        Ok(lines) => {
            let numbers: Vec<_> = lines.iter().map(|(number, _)| *number).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b) && numbers.iter().all(|n| *n <= line_count));
            let accounts: Vec<_> = lines.into_iter().map(|(_, account)| account).collect();
            let mut names: Vec<UserName> = accounts
                .iter()
                .map(|account| account.name.parse().unwrap())
                .collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), accounts.len(), "somebody twice");
            for account in &accounts {
                assert!(account.password.is_some() != account.password_hash.is_some());
            }
            // Nobody as JSON lines is an empty file, and that is no list.
            if accounts.is_empty() {
                return;
            }
            there_and_back(accounts.iter().map(|account| json!(account)).collect());
        }
    }
    message(&String::from_utf8_lossy(data));
}

/// Exported by this reply, and looked at as a spreadsheet would.
fn exported(args: &[&str], parameters: &Value) -> String {
    let reply = [parameters.to_string().as_bytes(), b"\0"].concat();
    let (printed, said) = print(args, &reply, WIDTH);
    assert_eq!(said, Ok(()));
    let mut reader = csv::Reader::from_reader(printed.as_bytes());
    for record in reader.records() {
        for cell in &record.unwrap() {
            must_be_harmless(cell);
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']));
        }
    }
    printed
}

/// What was read comes back as it was, from CSV and from JSON lines. Only hashes are exported.
fn there_and_back(mut accounts: Vec<Value>) {
    for account in &mut accounts {
        let password = account["password"].take();
        if !password.is_null() {
            account["passwordHash"] = password;
        }
    }
    let reply = json!({"parameters": {"users": accounts, "whole": true}});
    // More would not go through the socket that `print` makes.
    if reply.to_string().len() > 60_000 {
        return;
    }
    for format in ["csv", "jsonl"] {
        let args = [
            "chatctl",
            "export",
            "users",
            "--with-passwords",
            "--format",
            format,
        ];
        let printed = match format {
            "csv" => exported(&args, &reply),
            _ => {
                print(
                    &args,
                    &[reply.to_string().as_bytes(), b"\0"].concat(),
                    WIDTH,
                )
                .0
            }
        };
        let back = read_accounts(printed.as_bytes()).unwrap();
        let back: Vec<_> = back.iter().map(|(_, account)| json!(account)).collect();
        let shown = |account: &Value| {
            [
                "name",
                "createdAt",
                "lastLoginAt",
                "disabledAt",
                "passwordHash",
            ]
            .map(|field| account[field].clone())
        };
        assert!(
            back.iter().map(shown).eq(accounts.iter().map(shown)),
            "{printed}"
        );
    }
}

/// A message is one line of six cells, whatever its room, its author and its text are.
fn message(text: &str) {
    let message = json!({
        "room": text, "seq": 7, "at": "2026-11-20T10:30:00Z", "from": text, "kind": "text", "text": text,
    });
    let parameters =
        json!({"messages": [message], "done": 1, "total": 1, "direct": 0, "whole": true});
    let reply = json!({ "parameters": parameters });
    if reply.to_string().len() > 60_000 {
        return;
    }
    let printed = exported(&["chatctl", "export", "history"], &reply);
    assert_eq!(printed.lines().count(), 2, "{printed}");
}
