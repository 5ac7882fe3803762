//! Invites: made, listed, revoked.

use std::cmp::Reverse;
use std::num::NonZeroU32;

use clap::Subcommand;
use serde_json::json;

use crate::base::text::harmless;
use crate::base::{InviteId, Timestamp};
use crate::wire::control::{
    self as wire, CreateInvite, Invite, InviteCreated, Invites, ListInvites, RevokeInvite, Words,
};

use super::args::{Sure, Yes, about};
use super::ask::confirm;
use super::call::Daemon;
use super::table::{Look, absolute, counted, relative, table};
use super::when::span;
use super::{Console, Failure, would};

#[derive(Debug, Subcommand)]
pub(super) enum InviteVerb {
    #[command(about = about::<wire::CreateInvite>())]
    Create {
        /// How many accounts can be made with it
        #[arg(long, value_name = "N", default_value = "1")]
        uses: NonZeroU32,
        /// How long it is good: 12h, 7d, 2w
        #[arg(long = "for", value_name = "TIME", default_value = "7d", value_parser = life)]
        seconds: NonZeroU32,
        /// What `chatctl invite list` shows of it, such as whom it is for
        #[arg(long, value_name = "TEXT")]
        note: Option<Words>,
        #[command(flatten)]
        yes: Yes,
    },
    #[command(about = about::<wire::ListInvites>())]
    List,
    #[command(about = about::<wire::RevokeInvite>())]
    Revoke {
        /// Its number, as `chatctl invite list` shows it
        #[arg(value_parser = number)]
        id: InviteId,
        #[command(flatten)]
        sure: Sure,
    },
}

fn number(text: &str) -> Result<InviteId, String> {
    let wrong = |_| format!("'{text}' is no number of an invite; `chatctl invite list` lists them");
    text.parse().map(InviteId).map_err(wrong)
}

fn life(text: &str) -> Result<NonZeroU32, String> {
    let seconds = u32::try_from(span(text)?.as_secs()).unwrap_or(u32::MAX);
    let over =
        || format!("an invite for '{text}' would be over at once; take a time like 12h or 7d");
    NonZeroU32::new(seconds).ok_or_else(over)
}

pub(super) fn run(
    verb: &InviteVerb,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    match verb {
        InviteVerb::Create {
            uses,
            seconds,
            note,
            ..
        } => {
            let reply = daemon.call(&CreateInvite {
                uses: Some(*uses),
                seconds: Some(*seconds),
                note: note.clone(),
            })?;
            console.print(&reply, |reply, console| {
                created(reply, uses.get(), console.now)
            })
        }
        InviteVerb::List => console.print(&daemon.call(&ListInvites {})?, |reply, console| {
            invites(reply, console.now, console.look)
        }),
        InviteVerb::Revoke { id, sure } => revoke(*id, *sure, daemon, console),
    }
}

fn revoke(
    id: InviteId,
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    if sure.dry_run {
        let invites = daemon.call(&ListInvites {})?.invites;
        let found = invites.iter().find(|invite| invite.id == id);
        let invite = found.ok_or_else(|| {
            Failure::Refused(format!(
                "there is no invite {id}; `chatctl invite list` lists them"
            ))
        })?;
        let facts = json!({ "state": invite.state, "uses": invite.uses, "used": invite.used });
        let words = format!(
            "revoke invite {id}, which is {} and used {} of {}",
            invite.state,
            invite.used,
            counted(invite.uses.into(), "time")
        );
        return would(console, &words, facts);
    }
    confirm(&format!("revoke invite {id}?"), sure.yes)?;
    let reply = daemon.call(&RevokeInvite { id })?;
    console.print(&reply, |reply, _| match reply.changed {
        true => format!("invite {id} is revoked; the accounts that were made with it stay\n"),
        false => format!("invite {id} was over already\n"),
    })
}

/// The code stands alone on the first line, so that a script has it with `head -n 1`.
pub(super) fn created(reply: &InviteCreated, uses: u32, now: Timestamp) -> String {
    format!(
        "{}\ninvite {}, good for {} until {}, {}; the code is not shown again\n",
        harmless(reply.code.expose()),
        reply.id,
        counted(uses.into(), "account"),
        absolute(reply.expires_at),
        relative(now, reply.expires_at)
    )
}

pub(super) fn invites(reply: &Invites, now: Timestamp, look: Look) -> String {
    if reply.invites.is_empty() {
        return "there are no invites\n".to_owned();
    }
    let columns = [
        ("ID", true),
        ("STATE", false),
        ("USED", true),
        ("ENDS", false),
        ("CREATED", false),
        ("BY", true),
        ("NOTE", false),
    ];
    let row = |invite: &Invite| {
        vec![
            invite.id.to_string(),
            invite.state.to_string(),
            format!("{}/{}", invite.used, invite.uses),
            relative(now, invite.expires_at),
            relative(now, invite.created_at),
            invite.created_by.to_string(),
            invite.note.clone(),
        ]
    };
    // Those that are good come first, then the newest.
    let mut listed: Vec<_> = reply.invites.iter().collect();
    listed.sort_by_key(|invite| {
        (
            invite.state != wire::InviteState::Open,
            Reverse(invite.created_at),
        )
    });
    table(
        &columns,
        &listed.into_iter().map(row).collect::<Vec<_>>(),
        look,
    )
}
