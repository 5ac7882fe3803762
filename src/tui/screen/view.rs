//! A room as a person looks at it: the stretch of its log that is held, where in it they are, what the program has said
//! there, and which part of the log is to be fetched next. Draws nothing.

use std::collections::VecDeque;

use crate::base::Seq;
use crate::base::limit::PAGE_MESSAGES_MAX;
use crate::client::calls::history;
use crate::client::log::Side;
use crate::client::{Log, Message, Part, Request};

/// What the program said that stays in a room, at most.
const LOCALS_MAX: usize = 200;
/// Messages kept of a room that nobody looks at.
const MESSAGES_KEPT_AWAY: usize = 200;
/// So many messages before the first that is held, the earlier ones are fetched.
const FETCH_AHEAD: usize = 50;
/// Messages around the one that is jumped to.
const AROUND: u64 = 100;

/// A room on the screen.
#[derive(Clone, Debug)]
pub struct View {
    /// The messages.
    pub log: Log,
    /// What the program said, in order.
    pub locals: VecDeque<Local>,
    /// The first row that is seen; none: the newest messages, whatever comes.
    pub top: Option<Place>,
    /// The last message that was read when one came here: what is behind it is new.
    pub new_after: Option<Seq>,
    /// What is being fetched.
    pub fetching: Option<Fetch>,
    /// A fetch was refused: not again before the person does something.
    pub refused: bool,
    /// The message that was jumped to.
    pub marked: Option<Seq>,
    /// How often one was mentioned in what is not read.
    pub mentions: u32,
    /// Up to where it was said to be read.
    pub read_asked: Seq,
    /// How many the server had said to be members when they were counted, and how many they were.
    pub counted: Option<(u32, u32)>,
}

/// A row of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The message; 0 for what stands before the first, the highest number for what is behind the last.
    pub seq: Seq,
    /// Which row of it.
    pub row: usize,
}

/// Something that is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// It stands behind this message.
    pub after: Seq,
    /// What it says.
    pub text: String,
    /// Somebody came or left: told together with the neighbours.
    pub coming: bool,
}

/// A part of the log that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// The end.
    Newest,
    /// What is before this message, which is the first.
    Older(Seq),
    /// What is behind this message, which is the last.
    Newer(Seq),
    /// What is around this message.
    Around(Seq),
    /// The beginning.
    First,
}

impl Fetch {
    /// The request for it.
    pub fn request(self, room: &str) -> Request {
        let part = match self {
            Self::Newest => Part::Newest,
            Self::Older(seq) => Part::Before(seq),
            Self::Newer(seq) => Part::After(seq),
            Self::Around(seq) => Part::Before(Seq(seq.0.saturating_add(AROUND / 2))),
            Self::First => Part::After(Seq(0)),
        };
        history(room, part, PAGE_MESSAGES_MAX)
    }
}

impl View {
    /// A room whose last number is this.
    pub fn new(last: Seq) -> Self {
        Self {
            log: Log::new(last),
            locals: VecDeque::new(),
            top: None,
            new_after: None,
            fetching: None,
            refused: false,
            marked: None,
            mentions: 0,
            read_asked: Seq(0),
            counted: None,
        }
    }

    /// A message came in.
    pub fn live(&mut self, message: &Message) {
        let let_go = match self.top {
            // Whoever looks at what is old is not to lose it from under their eyes.
            Some(_) => Side::Back,
            None => Side::Front,
        };
        self.log.live(message, let_go);
    }

    /// A part of the log has come.
    pub fn fetched(&mut self, what: Fetch, messages: Vec<Message>, more: bool) {
        if self.fetching == Some(what) {
            self.fetching = None;
        }
        match what {
            Fetch::Newest => self.log.replace(messages, more),
            Fetch::Older(seq) => self.log.older(seq, messages, more),
            Fetch::Newer(seq) => self.log.newer(seq, messages, more),
            Fetch::Around(seq) => {
                self.log.replace(messages, more);
                self.marked = Some(seq);
                self.top = Some(Place {
                    seq: Seq(seq.0.saturating_sub(3)),
                    row: 0,
                });
            }
            Fetch::First => {
                self.log.replace(messages, false);
                self.top = Some(Place {
                    seq: Seq(0),
                    row: 0,
                });
            }
        }
    }

    /// It could not be fetched.
    pub fn not_fetched(&mut self, what: Fetch) {
        if self.fetching == Some(what) {
            self.fetching = None;
        }
        self.refused = true;
        if what == Fetch::Newest && self.log.messages().is_empty() {
            // A conversation that has not begun.
            self.log = Log::new(Seq(0));
            self.log.replace(Vec::new(), false);
        }
    }

    /// What is to be fetched for what is seen from `top` on, up to the message at `bottom` of those that are held.
    pub fn wants(&self, top: usize, bottom: usize) -> Option<Fetch> {
        if self.fetching.is_some() || self.refused {
            return None;
        }
        let (Some(first), Some(last)) = (self.log.first(), self.log.last()) else {
            let nothing = self.log.is_at_end() && !self.log.has_more_before();
            return (!nothing).then_some(Fetch::Newest);
        };
        if !self.log.is_at_end() && self.top.is_none() {
            // Where much is missing, nobody wants to see all of it go by.
            let near = self.log.missing() <= PAGE_MESSAGES_MAX as u64;
            return Some(if near {
                Fetch::Newer(last)
            } else {
                Fetch::Newest
            });
        }
        if top < FETCH_AHEAD && self.log.has_more_before() {
            return Some(Fetch::Older(first));
        }
        let near_end = bottom + FETCH_AHEAD >= self.log.messages().len();
        (near_end && !self.log.is_at_end()).then_some(Fetch::Newer(last))
    }

    /// The program has something to say here.
    pub fn say(&mut self, text: String, coming: bool) {
        // Before anything is held it stands behind all that there is.
        let after = self.log.last().unwrap_or(Seq(self.log.missing()));
        self.locals.push_back(Local {
            after,
            text,
            coming,
        });
        if self.locals.len() > LOCALS_MAX {
            self.locals.pop_front();
        }
    }

    /// What was held is no longer what the server has.
    pub fn forget(&mut self, last: Seq) {
        self.log = Log::new(last);
        (self.top, self.fetching, self.refused) = (None, None, false);
    }

    /// The person came here.
    pub fn enter(&mut self, read: Seq, unread: u64) {
        self.new_after = (unread > 0).then_some(read);
        self.refused = false;
    }

    /// The person went elsewhere.
    pub fn leave(&mut self) {
        (self.top, self.marked, self.new_after) = (None, None, None);
        if self.log.is_at_end() {
            self.log.shrink(MESSAGES_KEPT_AWAY);
        } else {
            let last = self.log.last().unwrap_or(Seq(0));
            self.log = Log::new(Seq(last.0.saturating_add(self.log.missing())));
            self.fetching = None;
        }
    }
}
