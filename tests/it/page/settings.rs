//! chatd.toml(5): each setting of `packaging/chatd.toml` with its default, explained by the comment above it.

use roff::{bold, roman};

use super::{Page, inline};

const SHIPPED: &str = include_str!("../../../packaging/chatd.toml");

/// The page.
pub fn settings() -> String {
    let mut page = Page::begin("chatd.toml", "5", "the configuration file of chatd");
    page.section("Description");
    for text in [
        "chatd(8) reads its settings from `/etc/chatd/chatd.toml`, or from the file that `--config` names. The file is \
         TOML: a setting is a line `name = value`, and what follows a `#` is a comment. None of the settings is needed, \
         and neither is the file. A name that is not known, or a value of the wrong kind, is an error: chatd does not start \
         with it, and a reload leaves everything as it was. `chatd --check` says whether a file is right and, if not, in \
         which line.",
        "Flags and the environment win over the file.",
    ] {
        page.paragraph(inline(text));
    }
    page.section("Settings");
    let (_, settings) = SHIPPED
        .split_once("\n\n")
        .expect("a paragraph that explains the file");
    for block in settings.split("\n\n") {
        describe(&mut page, block);
    }
    page.section("Reloading");
    for text in [
        "`chatctl reload`, or SIGHUP, reads the file again and puts it in force; people stay connected. It names what has \
         changed, and what of that takes a restart. Limits that become smaller bind what comes: nobody who is there is sent \
         away.",
        RESTART,
    ] {
        page.paragraph(inline(text));
    }
    page.section("Files");
    page.entry("/etc/chatd/chatd.toml");
    page.text(inline(
        "The file, unless a service manager names another folder in `CONFIGURATION_DIRECTORY`.",
    ));
    page.references(&[("chatd", "8"), ("chatctl", "8")]);
    page.render()
}

/// Held to the code by a test in `src/daemon/settings.rs`.
const RESTART: &str = "A restart is needed for `listen`, `metrics.listen`, `limits.appends_per_commit`, `limits.password_threads`, \
    `limits.passwords_waiting`, `limits.passwords_waiting_per_address`, `limits.reader_threads`, \
    `limits.control_connections`, `limits.stop_seconds` and `limits.log_lines`.";

/// A setting with its comment, or a table's head.
fn describe(page: &mut Page, block: &str) {
    let (comment, rest): (Vec<_>, Vec<_>) = block
        .lines()
        .partition(|line| line.starts_with("# ") || *line == "#");
    let words: Vec<_> = comment.iter().map(|line| line[1..].trim()).collect();
    let words = words.join(" ");
    match rest[..] {
        [table] if table.starts_with('[') => {
            page.heading("SS", table);
            if !words.is_empty() {
                page.paragraph(inline(&words));
            }
        }
        [setting] => {
            let setting = setting.strip_prefix('#');
            let parts = setting.and_then(|setting| setting.split_once(" = "));
            let (name, default) = parts.unwrap_or_else(|| panic!("no setting in:\n{block}"));
            assert!(!words.is_empty(), "'{name}' is not explained");
            page.entry(name);
            let mut text = inline(&words);
            text.extend([roman(" Default: "), bold(default), roman(".")]);
            page.text(text);
        }
        _ => panic!("neither a setting nor a table:\n{block}"),
    }
}
