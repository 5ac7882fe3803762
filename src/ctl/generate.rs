//! The manual page and the completions, made from the same definitions as `--help`.

use std::io::{self, Write};

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::args::{Generate, command};

const ENVIRONMENT: [(&str, &str); 2] = [
    (
        "CHATD_CONTROL",
        "The control socket, where --socket does not say.",
    ),
    (
        "NO_COLOR",
        "Where it is set and not empty, no colours are used.",
    ),
];

const FILES: [(&str, &str); 3] = [
    (
        "$RUNTIME_DIRECTORY/io.chatd.Control, /run/chatd/io.chatd.Control",
        "The control socket of the system's chatd.",
    ),
    (
        "$XDG_RUNTIME_DIR/chatd/io.chatd.Control",
        "That of a user's own chatd.",
    ),
    (
        "$STATE_DIRECTORY/run, /var/lib/chatd/run, ~/.local/state/chatd/run",
        "Where else it is looked for, in this order.",
    ),
];

const EXIT_STATUS: [(&str, &str); 5] = [
    ("0", "It is done."),
    (
        "1",
        "It was refused or has failed; standard error says why.",
    ),
    (
        "2",
        "The command line is wrong, or --yes is missing where nobody can be asked.",
    ),
    ("3", "chatd is not running."),
    ("4", "Not permitted."),
];

pub(super) fn generate(what: Generate, out: &mut dyn Write) -> io::Result<()> {
    let shell = match what {
        Generate::Man => return man(out),
        Generate::Bash => Shell::Bash,
        Generate::Zsh => Shell::Zsh,
        Generate::Fish => Shell::Fish,
    };
    // Into memory first: the generator panics when its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "chatctl", &mut script);
    out.write_all(&script)
}

fn man(out: &mut dyn Write) -> io::Result<()> {
    let mut command = command().after_help("");
    command.build();
    let page = Man::new(command.clone())
        .title("CHATCTL")
        .section("8")
        .source(concat!("chatd ", env!("CARGO_PKG_VERSION")))
        .manual("chatd");
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_options_section(out)?;
    let mut roff = Roff::new();
    roff.control("SH", ["VERBS"]);
    roff.text([roman(
        "What destroys something asks first; without a terminal it wants --yes. --json and --socket go with every verb.",
    )]);
    verbs(&command, "chatctl", &mut roff);
    list(&mut roff, "EXIT STATUS", &EXIT_STATUS);
    list(&mut roff, "ENVIRONMENT", &ENVIRONMENT);
    list(&mut roff, "FILES", &FILES);
    roff.control("SH", ["SEE ALSO"]);
    roff.text([
        bold("chatd"),
        roman("(8), "),
        bold("chat-client"),
        roman("(1)"),
    ]);
    roff.to_writer(out)
}

/// A paragraph for each verb, those of a group one after the other.
fn verbs(command: &Command, before: &str, roff: &mut Roff) {
    for verb in command.get_subcommands() {
        let name = format!("{before} {}", verb.get_name());
        if verb.has_subcommands() {
            verbs(verb, &name, roff);
            continue;
        }
        roff.control("SS", [usage(verb, &name).as_str()]);
        let about = verb
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        roff.text([roman(format!("{about}."))]);
        for argument in verb.get_arguments() {
            let is_own = !argument.is_global_set()
                && !["help", "version"].contains(&argument.get_id().as_str());
            let Some(help) = argument.get_help().filter(|_| is_own) else {
                continue;
            };
            roff.control("TP", []);
            roff.text(flags(argument));
            roff.text([roman(format!("{help}."))]);
        }
    }
}

/// The verb with its positional arguments.
fn usage(verb: &Command, name: &str) -> String {
    let mut usage = name.to_owned();
    for argument in verb.get_positionals() {
        let value = argument.get_id().as_str().to_uppercase();
        match argument.is_required_set() {
            true => usage.push_str(&format!(" {value}")),
            false => usage.push_str(&format!(" [{value}]")),
        }
    }
    usage
}

fn flags(argument: &clap::Arg) -> Vec<Inline> {
    let mut flags = Vec::new();
    if let Some(short) = argument.get_short() {
        flags.extend([bold(format!("-{short}")), roman(", ")]);
    }
    match argument.get_long() {
        Some(long) => flags.push(bold(format!("--{long}"))),
        None => flags.push(italic(argument.get_id().as_str().to_uppercase())),
    }
    if let Some([value, ..]) = argument
        .get_value_names()
        .filter(|_| argument.get_action().takes_values() && !argument.is_positional())
    {
        flags.extend([roman(" "), italic(value.as_str())]);
    }
    flags
}

fn list(roff: &mut Roff, heading: &str, entries: &[(&str, &str)]) {
    roff.control("SH", [heading]);
    for (name, words) in entries {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*words)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(what: Generate) -> String {
        let mut out = Vec::new();
        generate(what, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_manual_page_has_every_verb_with_its_flags() {
        let page = generated(Generate::Man);
        assert!(page.contains(".TH CHATCTL 8"), "{page}");
        for words in [
            ".SS \"chatctl clear-users\"",
            ".SS \"chatctl log level LEVEL\"",
            ".SS \"chatctl sessions [USER]\"",
            "\\fB\\-\\-dry\\-run\\fR",
            "\\fB\\-\\-in\\fR \\fITIME\\fR",
            ".SH \"EXIT STATUS\"",
        ] {
            assert!(page.contains(words), "{words} is not in\n{page}");
        }
    }

    #[test]
    fn the_completions_know_the_verbs() {
        for what in [Generate::Bash, Generate::Zsh, Generate::Fish] {
            assert!(generated(what).contains("clear-users"), "{what:?}");
        }
    }
}
