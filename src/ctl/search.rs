//! `chatctl search`: messages with certain words, wherever they were said.

use std::io::{self, Write};

use clap::Args as ClapArgs;

use crate::base::UserName;
use crate::base::text::harmless;
use crate::wire::control::{Found, Search};

use super::call::Daemon;
use super::table::{absolute, counted};
use super::{Console, Failure};

#[derive(Debug, ClapArgs)]
pub(super) struct SearchArgs {
    /// The words, all of which have to be there; `word*` is a beginning
    text: String,
    /// In one room only, as `chatctl rooms` shows its name
    #[arg(long, value_name = "ROOM")]
    room: Option<String>,
    /// From one person only, also one who has no account any more
    #[arg(long, value_name = "USER")]
    from: Option<UserName>,
    /// How many at most, the newest
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    lines: u32,
    /// In direct conversations, too
    #[arg(long)]
    direct: bool,
}

pub(super) fn run(
    args: &SearchArgs,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let found = daemon.call(&Search {
        text: args.text.clone(),
        room: args.room.clone(),
        from: args.from.clone(),
        direct: Some(args.direct),
        limit: Some(args.lines),
    })?;
    console.print(&found, |found, _| show(found))?;
    if found.direct > 0 && !console.json {
        let what = counted(found.direct, "direct conversation");
        let _ = writeln!(
            io::stderr(),
            "chatctl: not looked into: {what}; --direct does"
        );
    }
    Ok(())
}

fn show(found: &Found) -> String {
    let mut text = match found.more {
        true => "(there are more before these; -n shows more)\n".to_owned(),
        false => String::new(),
    };
    if found.messages.is_empty() {
        text.push_str("nothing was found\n");
    }
    for message in &found.messages {
        text += &format!(
            "{}  {} {}  {}: {}\n",
            absolute(message.at),
            harmless(&message.room),
            message.seq,
            harmless(&message.from),
            harmless(&message.text)
        );
    }
    text
}
