//! `verify`: reads whole logs, page by page, and says whether anything is missing. Keeps one page at a time, so it makes no
//! difference how long a log is.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::base::limit::PAGE_MESSAGES_MAX;
use crate::base::tongue::{plural, say};
use crate::base::{Seq, Timestamp};
use crate::client::calls::history;
use crate::client::{Answer, Client, Code, Message, Part, Refusal};
use crate::tui::failure::Failure;
use crate::tui::show::harmless;

/// What is told of one room at most; the first mistakes show what it is about.
const FINDINGS_MAX: usize = 5;
/// Between two words about how far it is: as often as a person reads.
const TELL_INTERVAL: Duration = Duration::from_millis(200);
/// How often a page is asked for again when the connection was lost before it came: a link that never holds for one page
/// is none to read a log over.
const TRIES: u32 = 5;
/// Waited at least, where the server asks to wait.
const WAIT_MIN: Duration = Duration::from_millis(20);

/// Reads these rooms, or all one is in, and says of each what is there.
///
/// # Errors
/// When something is missing, or a room cannot be read.
pub(super) async fn run(client: &mut Client, rooms: &[String]) -> Result<(), Failure> {
    let rooms: Vec<String> = match rooms {
        [] => client
            .model()
            .rooms()
            .keys()
            .map(ToString::to_string)
            .collect(),
        rooms => (rooms.iter())
            .map(|room| room.trim_start_matches('#').to_owned())
            .collect(),
    };
    let (mut progress, mut wrong) = (Progress::new(), Vec::new());
    for room in &rooms {
        let log = read(client, room, &mut progress).await?;
        progress.clear();
        let name = harmless(room);
        super::verbs::print(&format!("{name}: {}", log.outcome()))?;
        for finding in &log.findings {
            super::verbs::print(&format!("{name}: {finding}"))?;
        }
        if !log.findings.is_empty() {
            wrong.push(format!("'{name}'"));
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::Refused(say!(
            "what the server gives out of {} is not whole; tell its admin, whom `chatctl check` tells more",
            "то, что сервер выдаёт из {}, неполно; сообщите администратору, ему подробнее ответит `chatctl check`",
            wrong.join(", ")
        ))),
    }
}

/// Goes through the log of one room.
async fn read(client: &mut Client, room: &str, progress: &mut Progress) -> Result<Log, Failure> {
    // What the server has said when it was asked how things stand.
    let told = client.model().rooms().get(room);
    let mut log = Log::new(told.map(|room| room.state.last_seq));
    loop {
        let page = page(client, room, log.last).await?;
        let Answer::Page {
            messages,
            first_seq,
            last_seq,
            more,
            ..
        } = page
        else {
            return Err(Failure::Refused(say!(
                "the server gave an answer to another question; tell its admin",
                "сервер ответил на другой вопрос; сообщите администратору"
            )));
        };
        log.take(&messages, first_seq, last_seq);
        progress.tell(room, log.last, last_seq);
        if !more || messages.is_empty() {
            log.end(more);
            return Ok(log);
        }
        // What people say meanwhile is not kept.
        while client.next_ready().is_some() {}
    }
}

/// One page; waits where the server asks for it.
async fn page(client: &mut Client, room: &str, after: Seq) -> Result<Answer, Failure> {
    let mut tries = 0;
    loop {
        let request = history(room, Part::After(after), PAGE_MESSAGES_MAX);
        let refusal = match client.ask(request).await {
            Ok(page) => return Ok(page),
            Err(refusal) => refusal,
        };
        match pause(&refusal) {
            Some(pause) => tokio::time::sleep(pause).await,
            None if refusal.code.is_none() && client.ending().is_none() && tries < TRIES => {
                tries += 1;
            }
            None => return Err(Failure::of(client, &refusal).about(room)),
        }
    }
}

/// For how long the server asks to wait.
fn pause(refusal: &Refusal) -> Option<Duration> {
    let is_asked = matches!(refusal.code, Some(Code::RateLimited | Code::Busy));
    let wait = Duration::from_millis(refusal.retry_after_ms.unwrap_or_default());
    is_asked.then_some(wait.max(WAIT_MIN))
}

/// What was read of a log.
#[derive(Debug)]
struct Log {
    /// The first number that is still there, once one was seen.
    first: Option<Seq>,
    /// The last number read.
    last: Seq,
    /// Its time.
    at: Option<Timestamp>,
    /// The last number that the server has told of, by whatever way.
    told: Option<Seq>,
    /// How often times go back.
    back: u64,
    findings: Vec<String>,
}

impl Log {
    fn new(told: Option<Seq>) -> Self {
        Self {
            first: None,
            last: Seq(0),
            at: None,
            told,
            back: 0,
            findings: Vec::new(),
        }
    }

    fn found(&mut self, what: String) {
        match self.findings.len() {
            FINDINGS_MAX.. => {}
            last if last + 1 == FINDINGS_MAX => self
                .findings
                .push(say!("and more like that", "и ещё подобное")),
            _ => self.findings.push(what),
        }
    }

    /// One page, which begins behind the last number.
    fn take(&mut self, messages: &[Message], first: Option<Seq>, last: Option<Seq>) {
        // What was cleared away meanwhile is missing with good reason.
        let begins = first.unwrap_or(Seq(1));
        if self.last.next() < begins {
            self.last = Seq(begins.0 - 1);
            self.first = None;
        }
        for message in messages {
            self.message(message);
        }
        if last < self.told {
            let (last, told) = (last.unwrap_or_default(), self.told.unwrap_or_default());
            self.found(say!(
                "the server has told of message {told} and says now that {last} is the last one",
                "сервер сообщал о сообщении {told}, а теперь говорит, что последнее — {last}"
            ));
        }
        self.told = last;
    }

    fn message(&mut self, message: &Message) {
        let (seq, due) = (message.seq, self.last.next());
        if seq < due {
            return self.found(say!(
                "message {seq} comes again after {}",
                "сообщение {seq} пришло снова после {}",
                self.last
            ));
        }
        match seq.0 - due.0 {
            0 => {}
            1 => self.found(say!("there is no message {due}", "нет сообщения {due}")),
            _ => self.found(say!(
                "there are no messages {due} to {}",
                "нет сообщений с {due} по {}",
                seq.0 - 1
            )),
        }
        if message.redacts.is_some_and(|redacted| redacted >= seq) {
            self.found(say!(
                "message {seq} redacts one that comes after it, or itself",
                "сообщение {seq} удаляет более позднее или само себя"
            ));
        }
        self.back += u64::from(self.at.is_some_and(|before| message.at < before));
        self.first = self.first.or(Some(due));
        (self.last, self.at) = (seq, Some(message.at));
    }

    /// No further page came; `more` if one was promised.
    fn end(&mut self, more: bool) {
        let told = self.told.unwrap_or_default();
        if more || self.last < told {
            let last = self.last;
            self.found(say!(
                "it ends at message {last}, and the server says that {told} is the last one",
                "она кончается сообщением {last}, а сервер говорит, что последнее — {told}"
            ));
        }
    }

    /// In one line, without the findings.
    fn outcome(&self) -> String {
        let whole = match self.findings.is_empty() {
            true => say!("no hole", "без пропусков"),
            false => say!("not whole", "неполна"),
        };
        let range = match self.first {
            Some(first) => format!("{first}..{}", self.last),
            None if self.last == Seq(0) => say!("nothing was said", "ничего не сказано"),
            None => say!(
                "nothing is kept of 1..{}",
                "из 1..{} ничего не хранится",
                self.last
            ),
        };
        match self.back {
            0 => format!("{range}, {whole}"),
            1 => say!(
                "{range}, {whole}; times go back once, as where a clock was set",
                "{range}, {whole}; время один раз идёт назад, как после перевода часов"
            ),
            back => {
                let form = plural(back, "раз", "раза", "раз");
                say!(
                    "{range}, {whole}; times go back {back} times, as where a clock was set",
                    "{range}, {whole}; время {back} {form} идёт назад, как после перевода часов"
                )
            }
        }
    }
}

/// How far it is, in one line on standard error that is written over again and again, where a person sees it.
struct Progress {
    is_shown: bool,
    told: Option<Instant>,
}

impl Progress {
    fn new() -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
            told: None,
        }
    }

    fn tell(&mut self, room: &str, at: Seq, of: Option<Seq>) {
        let is_early = (self.told).is_some_and(|told| told.elapsed() < TELL_INTERVAL);
        if self.is_shown && !is_early {
            self.told = Some(Instant::now());
            let (room, of) = (harmless(room), of.unwrap_or(at));
            let said = say!(
                "reading {room}: {at} of {of}",
                "читаем {room}: {at} из {of}"
            );
            let _ = write!(io::stderr(), "\r{said}\x1b[K");
        }
    }

    fn clear(&mut self) {
        if self.told.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::record::Kind;

    fn message(seq: u64, at: i64) -> Message {
        Message {
            room: "tea".into(),
            seq: Seq(seq),
            from: "anna".into(),
            at: Timestamp(at),
            kind: Kind::Text,
            text: "hello".into(),
            key: None,
            redacts: None,
        }
    }

    fn read(pages: &[(&[u64], u64, u64)], told: u64) -> Vec<String> {
        let mut log = Log::new(Some(Seq(told)));
        for (seqs, first, last) in pages {
            let messages: Vec<_> = seqs.iter().map(|seq| message(*seq, 5)).collect();
            log.take(&messages, Some(Seq(*first)), Some(Seq(*last)));
        }
        log.end(false);
        let outcome = log.outcome();
        [outcome].into_iter().chain(log.findings).collect()
    }

    #[test]
    fn what_is_whole_is_told_in_a_line() {
        assert_eq!(read(&[(&[1, 2], 1, 3), (&[3], 1, 3)], 3), ["1..3, no hole"]);
        assert_eq!(read(&[(&[4, 5], 4, 5)], 5), ["4..5, no hole"]);
        assert_eq!(read(&[(&[], 1, 0)], 0), ["nothing was said, no hole"]);
        assert_eq!(
            read(&[(&[], 6, 5)], 5),
            ["nothing is kept of 1..5, no hole"]
        );
        // Cleared between two pages, and more was said.
        assert_eq!(
            read(&[(&[1, 2], 1, 9), (&[7, 8, 9, 10], 7, 10)], 9),
            ["7..10, no hole"]
        );
    }

    #[test]
    fn what_is_missing_or_comes_twice_is_told() {
        let not = |pages: &[(&[u64], u64, u64)], told, what: &str| {
            let said = read(pages, told);
            assert!(said[0].ends_with(", not whole"), "{said:?}");
            assert_eq!(said[1], what);
        };
        not(&[(&[1, 3], 1, 3)], 3, "there is no message 2");
        not(&[(&[1, 2, 6], 1, 6)], 6, "there are no messages 3 to 5");
        not(&[(&[3], 1, 3)], 3, "there are no messages 1 to 2");
        not(
            &[(&[1, 2], 1, 3), (&[2, 3], 1, 3)],
            3,
            "message 2 comes again after 2",
        );
        not(
            &[(&[1, 2], 1, 3)],
            3,
            "it ends at message 2, and the server says that 3 is the last one",
        );
        not(
            &[(&[1, 2], 1, 2)],
            3,
            "the server has told of message 3 and says now that 2 is the last one",
        );
        let many = read(&[(&[2, 4, 6, 8, 10, 12, 14], 1, 14)], 14);
        assert_eq!(many.len(), 1 + FINDINGS_MAX);
    }

    #[test]
    fn a_clock_that_was_set_back_is_no_hole() {
        let mut log = Log::new(None);
        let messages = [message(1, 9), message(2, 3), message(3, 4)];
        log.take(&messages, Some(Seq(1)), Some(Seq(3)));
        log.end(false);
        let said = log.outcome();
        assert_eq!(
            said,
            "1..3, no hole; times go back once, as where a clock was set"
        );
    }
}
