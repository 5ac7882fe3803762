//! Puts pictures on a terminal: only what differs from the one before, links as OSC 8, the cursor last. Knows nothing of
//! what they show.

use std::io::{self, Write};
use std::sync::Arc;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::style::Print;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::tui::screen::draw::{Beside, LinkAt};

/// What is on the terminal.
pub struct Painter<W: Write> {
    backend: CrosstermBackend<W>,
    shown: Buffer,
    beside: Beside,
    /// What is there is not known.
    unknown: bool,
}

impl<W: Write> Painter<W> {
    /// Of a terminal that may show anything.
    pub fn new(output: W) -> Self {
        Self {
            backend: CrosstermBackend::new(output),
            shown: Buffer::empty(Rect::ZERO),
            beside: Beside::default(),
            unknown: true,
        }
    }

    /// Somebody else has written there: the next picture is drawn as a whole.
    pub fn forget(&mut self) {
        self.unknown = true;
    }

    /// Shows a picture.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn show(&mut self, next: Buffer, beside: Beside) -> io::Result<()> {
        queue!(self.backend, BeginSynchronizedUpdate, Hide)?;
        if self.unknown || self.shown.area != next.area {
            queue!(self.backend, Clear(ClearType::All))?;
            self.shown = Buffer::empty(next.area);
            self.unknown = false;
        }
        self.mark_links(&beside);
        let cells = self.shown.diff(&next);
        let mut run: Vec<(u16, u16, &Cell)> = Vec::new();
        let mut link = None;
        for (x, y, cell) in cells {
            let here = link_at(&beside.links, x, y);
            // Behind a letter that terminals may take for wider or narrower than it is, the place is told anew.
            let doubtful = run
                .last()
                .is_some_and(|(_, _, last)| !last.symbol().is_ascii());
            if doubtful || here != link {
                write_run(&mut self.backend, &mut run, link)?;
                link = here;
            }
            run.push((x, y, cell));
        }
        write_run(&mut self.backend, &mut run, link)?;
        if let Some((x, y)) = beside.cursor {
            queue!(self.backend, MoveTo(x, y), Show)?;
        }
        queue!(self.backend, EndSynchronizedUpdate)?;
        (self.shown, self.beside) = (next, beside);
        io::Write::flush(&mut self.backend)
    }

    /// Sends the terminal something that shows nothing and moves nothing.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn say(&mut self, sequence: &str) -> io::Result<()> {
        self.backend.write_all(sequence.as_bytes())?;
        io::Write::flush(&mut self.backend)
    }

    /// Letters that stay but lead elsewhere now are drawn again: each of their cells is made to differ.
    fn mark_links(&mut self, beside: &Beside) {
        let (old, new) = (&self.beside.links, &beside.links);
        let gone = old.iter().filter(|link| !new.contains(link));
        let come = new.iter().filter(|link| !old.contains(link));
        for link in gone.chain(come) {
            for x in link.columns.clone() {
                if let Some(cell) = self.shown.cell_mut((x, link.y)) {
                    cell.modifier.insert(Modifier::HIDDEN);
                }
            }
        }
    }
}

fn link_at(links: &[LinkAt], x: u16, y: u16) -> Option<&Arc<str>> {
    let found = links
        .iter()
        .find(|link| link.y == y && link.columns.contains(&x));
    found.map(|link| &link.link)
}

fn write_run<W: Write>(
    backend: &mut CrosstermBackend<W>,
    run: &mut Vec<(u16, u16, &Cell)>,
    link: Option<&Arc<str>>,
) -> io::Result<()> {
    if run.is_empty() {
        return Ok(());
    }
    if let Some(link) = link {
        queue!(
            backend,
            Print(format_args!("\x1b]8;;{}\x1b\\", address(link)))
        )?;
    }
    backend.draw(run.drain(..))?;
    if link.is_some() {
        queue!(backend, Print("\x1b]8;;\x1b\\"))?;
    }
    Ok(())
}

/// An address as OSC 8 takes it: printable ASCII, the rest by percents.
fn address(link: &str) -> String {
    let mut address = String::with_capacity(link.len());
    for byte in link.bytes() {
        match byte.is_ascii_graphic() {
            true => address.push(char::from(byte)),
            false => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn picture(text: &str) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 1));
        buffer.set_string(0, 0, text, Style::new());
        buffer
    }

    /// What was written, taken out bit by bit.
    #[derive(Clone, Default)]
    struct Written(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(
        painter: &mut Painter<Written>,
        at: &Written,
        text: &str,
        link: Option<&str>,
    ) -> String {
        let links = link.map(|link| LinkAt {
            y: 0,
            columns: 0..5,
            link: link.into(),
        });
        let links = links.into_iter().collect();
        let beside = Beside {
            links,
            cursor: None,
        };
        painter.show(picture(text), beside).unwrap();
        let written = at.0.take();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn only_what_differs_is_written_and_links_lead_where_they_say() {
        let at = Written::default();
        let mut painter = Painter::new(at.clone());
        let first = shown(&mut painter, &at, "http: x", Some("http://é\u{7}"));
        assert!(
            first.contains("\x1b]8;;http://%C3%A9%07\x1b\\"),
            "{first:?}"
        );
        assert!(first.contains("http:") && first.matches("\x1b]8;;\x1b\\").count() == 1);
        let same = shown(&mut painter, &at, "http: x", Some("http://é\u{7}"));
        assert!(!same.contains("http"), "{same:?}");
        let letter = shown(&mut painter, &at, "http: y", Some("http://é\u{7}"));
        assert!(
            letter.contains('y') && !letter.contains("http"),
            "{letter:?}"
        );
        let elsewhere = shown(&mut painter, &at, "http: y", Some("http://b"));
        assert!(
            elsewhere.contains("http://b\x1b\\") && elsewhere.contains("http:"),
            "{elsewhere:?}"
        );
        let nowhere = shown(&mut painter, &at, "http: y", None);
        assert!(
            nowhere.contains("http:") && !nowhere.contains("]8"),
            "{nowhere:?}"
        );
    }

    #[test]
    fn behind_wide_letters_the_place_is_told_anew() {
        let at = Written::default();
        let mut painter = Painter::new(at.clone());
        let written = shown(&mut painter, &at, "日本x", None);
        assert!(
            written.contains("\x1b[1;3H本") && written.contains("\x1b[1;5Hx"),
            "{written:?}"
        );
    }
}
