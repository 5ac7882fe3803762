//! How things stand: the connection, what the server does not take at present, what is not sent; and the line that says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::base::{Seq, Timestamp};
use crate::client::model::{Model, same_place};
use crate::client::{Code, Refusal};
use crate::tui::screen::app::{App, Link};
use crate::tui::screen::draw::{LIST_FROM_COLUMNS, bar};
use crate::tui::screen::text::columns;
use crate::tui::screen::words;

/// Rooms in which it is remembered that one may not speak.
const MUTED_MAX: usize = 100;
const SECOND: Duration = Duration::from_secs(1);

/// What is not as it should be.
#[derive(Debug, Default)]
pub struct Trouble {
    /// Why the server takes nothing at present.
    takes_nothing: Option<Code>,
    /// Where one may not speak, and until when; none: for good.
    muted: BTreeMap<Arc<str>, Option<Duration>>,
    /// When the connection is tried anew.
    retry_at: Option<Duration>,
    /// What is shown of that: whole seconds.
    retry_in: u64,
}

impl Trouble {
    /// The connection is lost, and tried anew after this.
    pub fn lost(&mut self, retry_in: Duration, now: Duration) {
        self.takes_nothing = None;
        self.retry_at = Some(now + retry_in);
        self.tick(now);
    }

    /// There is one, or it is tried now.
    pub fn no_longer_lost(&mut self) {
        (self.retry_at, self.retry_in) = (None, 0);
    }

    /// A message has to wait.
    pub fn delayed(&mut self, refusal: &Refusal) {
        self.takes_nothing = refusal.code;
    }

    /// A message was refused.
    pub fn refused(&mut self, to: &Arc<str>, refusal: &Refusal, now: Duration) {
        if refusal.code == Some(Code::Muted) && self.muted.len() < MUTED_MAX {
            let wait = refusal.retry_after_ms.map(Duration::from_millis);
            let until = wait.map(|wait| now.saturating_add(wait));
            self.muted.insert(to.clone(), until);
        }
    }

    /// One was stored.
    pub fn stored(&mut self, room: &str) {
        self.takes_nothing = None;
        self.muted.retain(|muted, _| !same_place(muted, room));
    }

    /// When what is shown changes by itself.
    pub fn deadline(&self) -> Option<Duration> {
        let second = self.retry_at.filter(|_| self.retry_in > 0);
        let second = second.map(|at| {
            let rest = SECOND * u32::try_from(self.retry_in - 1).unwrap_or(u32::MAX);
            at.saturating_sub(rest)
        });
        let muted = self.muted.values().filter_map(|until| *until).min();
        [second, muted].into_iter().flatten().min()
    }

    /// Says whether that has changed.
    pub fn tick(&mut self, now: Duration) -> bool {
        let left = self
            .retry_at
            .map_or(Duration::ZERO, |at| at.saturating_sub(now));
        let seconds = left.as_millis().div_ceil(1_000);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        let (before, muted) = (self.retry_in, self.muted.len());
        self.retry_in = seconds;
        self.muted
            .retain(|_, until| until.is_none_or(|until| until > now));
        before != seconds || muted != self.muted.len()
    }

    fn muted_in(&self, room: &str) -> Option<Option<Duration>> {
        let mut muted = self.muted.iter();
        muted
            .find(|(known, _)| same_place(known, room))
            .map(|(_, until)| *until)
    }
}

impl App {
    pub(super) fn draw_status(&self, area: Rect, model: &Model, buffer: &mut Buffer) {
        let style = self.look.theme.bar();
        if let Some(overlay) = &self.overlay {
            return bar(area, &overlay.title().1, "", style, buffer);
        }
        // Where there is little room, everybody knows where they are, and how to get help.
        let width = usize::from(area.width).saturating_sub(2);
        let hint = words::help_hint();
        let beside = width.saturating_sub(columns(&hint) + 1);
        let full = self.all_words(model, true);
        let long = format!("{} · {full}", self.server);
        let (said, hint) = match columns(&full) {
            _ if columns(&long) <= beside && area.width >= LIST_FROM_COLUMNS => (long, hint),
            columns if columns <= beside => (full, hint),
            columns if columns <= width => (full, String::new()),
            _ => (self.all_words(model, false), String::new()),
        };
        bar(area, &said, &hint, style, buffer);
    }

    /// What there is to say, the most important first.
    fn all_words(&self, model: &Model, with_hint: bool) -> String {
        let mut said = vec![self.link_words(model, with_hint)];
        let failed =
            (self.failed.iter()).filter(|failed| same_place(&failed.message.to, &self.current));
        match failed.count() {
            0 => {}
            failed => said.push(words::failed(failed)),
        }
        match model.pending().count() {
            0 => {}
            pending => said.push(words::pending(pending)),
        }
        said.extend(self.trouble_words());
        if let Some(below) = self.below(model) {
            said.push(words::below(below));
        }
        said.join(" · ")
    }

    fn link_words(&self, model: &Model, with_hint: bool) -> String {
        match self.link {
            Link::Lost if self.trouble.retry_in > 0 => {
                words::retry_in(self.trouble.retry_in, with_hint)
            }
            Link::Lost => words::connecting(),
            Link::Waiting => words::waiting(),
            Link::Up if model.is_catching_up() => words::catching_up(),
            Link::Up => {
                let trip = model.round_trip();
                let trip = trip.map(|trip| words::round_trip(trip.as_millis()));
                let trip = trip.map_or(String::new(), |trip| format!(" {trip}"));
                format!("{}{trip}", words::live())
            }
        }
    }

    fn trouble_words(&self) -> Option<String> {
        if let Some(until) = self.trouble.muted_in(&self.current) {
            let until = until.map(|until| {
                let millis = i64::try_from(until.as_millis()).unwrap_or(i64::MAX);
                let at = Timestamp(self.began.0.saturating_add(millis));
                self.look.show.moment(at)
            });
            return Some(words::muted(until.as_deref()));
        }
        match self.trouble.takes_nothing? {
            Code::StorageFull => Some(words::full()),
            Code::RateLimited => Some(words::slower()),
            _ => Some(words::busy()),
        }
    }

    /// How many messages are below what is seen.
    fn below(&self, model: &Model) -> Option<u64> {
        let view = self.views.get(&self.current)?;
        view.top?;
        let height = usize::from(self.areas().talk.height);
        let seen = self.timeline(view, model).seen(height);
        let seen = seen.last.unwrap_or(Seq(0));
        let last = model.rooms().get(&self.current)?.state.last_seq;
        Some(last.0.saturating_sub(seen.0)).filter(|below| *below > 0)
    }
}
