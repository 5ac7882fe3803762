//! What the hub counts: of what comes in and of what the engine asks for, so that the engine need not count.

use crate::base::metrics::{self, Counter, Measure};
use crate::engine::effect::{Effect, News, Query, Refusal};
use crate::engine::input::Input;
use crate::engine::note::Note;

/// The writer is done with something; `waiting` is what it has not done yet.
pub(super) fn count_input(input: &Input, waiting: &mut u64) {
    let done = match input {
        Input::Stored(outcomes) => outcomes.len(),
        Input::NotStored { tickets, .. } => tickets.len(),
        Input::Several(inputs) => {
            return inputs.iter().for_each(|input| count_input(input, waiting));
        }
        _ => return,
    };
    metrics::add(Counter::WritesDone, done as u64);
    *waiting = waiting.saturating_sub(done as u64);
    metrics::observe(Measure::WritesWaiting, *waiting);
}

/// Something is to be done.
pub(super) fn count_effect(effect: &Effect, waiting: &mut u64) {
    match effect {
        Effect::Append { .. } | Effect::Commit { .. } => {
            metrics::add(Counter::WritesBegun, 1);
            *waiting += 1;
        }
        Effect::Query { query, .. } => match query {
            Query::Search { .. } => metrics::add(Counter::Searches, 1),
            Query::History { .. } => metrics::add(Counter::Pages, 1),
            Query::Log { .. } => {}
        },
        Effect::Tell {
            news: News::Refused(refusal),
            ..
        } => count_refusal(refusal),
        Effect::Note(note) => count_note(note),
        _ => {}
    }
}

fn count_refusal(refusal: &Refusal) {
    metrics::add(Counter::Refusals, 1);
    match refusal {
        Refusal::LimitReached(limit) | Refusal::RateLimited { limit, .. } => {
            metrics::add_refused(limit);
        }
        Refusal::LoginsLimited(_) => metrics::add(Counter::LoginsDelayed, 1),
        _ => {}
    }
}

fn count_note(note: &Note) {
    let counter = match note {
        Note::LoggedIn(_) => Counter::LoginsRight,
        Note::Registered(..) => Counter::LoginsRegistered,
        Note::Resumed(_) => Counter::LoginsResumed,
        Note::LoginRefused { .. } => Counter::LoginsRefused,
        Note::TokenRefused { .. } => Counter::TokensRefused,
        _ => return,
    };
    metrics::add(counter, 1);
}
