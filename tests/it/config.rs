//! Shows that `packaging/chatd.toml` tells the truth: with every line in force it is the defaults, each limit stands
//! there with the reason it has in the code, and nothing else does.

use chatd::base::Limits;
use chatd::wire::DEFAULT_PORT;
use toml::{Table, Value};

const SHIPPED: &str = include_str!("../../packaging/chatd.toml");

/// The file with every setting in force: a setting is a line like `#name = value`, an explanation begins with `# `.
fn in_force() -> String {
    let uncomment = |line: &'static str| match line.strip_prefix('#') {
        Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => setting,
        _ => line,
    };
    SHIPPED
        .lines()
        .map(uncomment)
        .collect::<Vec<_>>()
        .join("\n")
}

fn keys(table: &Table) -> Vec<&str> {
    table.keys().map(String::as_str).collect()
}

/// How a number is written in the file: `16_384`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

#[test]
fn as_shipped_it_sets_nothing() {
    let file: Table = SHIPPED.parse().unwrap();
    assert_eq!(keys(&file), ["history", "limits", "log", "metrics", "tls"]);
    for (name, table) in &file {
        assert_eq!(
            table,
            &Value::Table(Table::new()),
            "[{name}] sets something"
        );
    }
}

#[test]
fn with_every_line_in_force_it_is_the_defaults() {
    let file: Table = in_force().parse().unwrap();
    assert_eq!(
        keys(&file),
        [
            "allow_plaintext",
            "history",
            "limits",
            "listen",
            "log",
            "metrics",
            "proxies",
            "registration",
            "server_name",
            "tls"
        ]
    );
    let listen = [
        format!("127.0.0.1:{DEFAULT_PORT}"),
        format!("[::1]:{DEFAULT_PORT}"),
    ];
    assert_eq!(file["listen"], Value::from(listen.to_vec()));
    assert_eq!(file["server_name"], Value::from(""));
    assert_eq!(file["registration"], Value::from("open"));
    assert_eq!(file["allow_plaintext"], Value::from(false));
    assert_eq!(file["proxies"], Value::Array(Vec::new()));
    let none = ["certificate", "key"].map(|name| (name.to_owned(), Value::from("")));
    assert_eq!(file["tls"], Value::Table(Table::from_iter(none)));
    let nowhere = [("listen".to_owned(), Value::from(""))];
    let everything = ["keep_days", "keep_messages"].map(|name| (name.to_owned(), Value::from(0)));
    assert_eq!(file["history"], Value::Table(Table::from_iter(everything)));
    assert_eq!(file["metrics"], Value::Table(Table::from_iter(nowhere)));
    assert_eq!(
        file["log"],
        Value::Table(Table::from_iter([
            ("addresses".into(), "masked".into()),
            ("level".into(), "info".into())
        ]))
    );
    let limits: Limits = file["limits"].clone().try_into().unwrap();
    assert_eq!(limits, Limits::default());
    // `Limits` fills in what is missing, so the names are counted too.
    let mut names: Vec<_> = limits.table().into_iter().map(|(name, ..)| name).collect();
    names.sort_unstable();
    assert_eq!(keys(file["limits"].as_table().unwrap()), names);
}

#[test]
fn each_limit_has_the_reason_that_the_code_gives() {
    let (_, shipped) = SHIPPED.split_once("[limits]\n").unwrap();
    let mut expected = String::new();
    for (name, value, reason) in Limits::default().table() {
        expected.push('\n');
        for line in reason.lines() {
            expected += &format!("# {}\n", line.trim());
        }
        expected += &format!("#{name} = {}\n", grouped(value));
    }
    assert!(
        shipped == expected,
        "[limits] in packaging/chatd.toml differs from src/base/limit.rs; it should read:\n{expected}"
    );
}
