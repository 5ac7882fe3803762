//! The manual pages that no program writes: chatd.toml(5) from the configuration as it is shipped, chatd-protocol(7) from
//! the specification. Here is what both are written with; where their words come from, the two modules know.

mod protocol;
mod settings;

pub use protocol::protocol;
pub use settings::settings;

use chatd::base::manual::DATE;
use roff::{Inline, Roff, bold, roman};

/// A page as far as it is written.
#[derive(Default)]
pub struct Page {
    roff: Roff,
    /// Whether a heading, or what begins an entry, was the last of it: a first paragraph begins by itself.
    is_headed: bool,
}

impl Page {
    /// With its name, its section of the manual, and what it is in a few words.
    fn begin(name: &str, section: &str, what: &str) -> Self {
        let mut page = Self::default();
        let source = format!("chatd {}", env!("CARGO_PKG_VERSION"));
        let words = [&*name.to_uppercase(), section, DATE, &*source, "chatd"];
        page.roff.control("TH", words);
        // What is to be written letter by letter is neither hyphenated nor pulled apart.
        page.roff.control("nh", []).control("ad", ["l"]);
        page.section("Name");
        page.text(vec![roman(format!("{name} - {what}"))]);
        page
    }

    fn section(&mut self, heading: &str) {
        self.heading("SH", &heading.to_uppercase());
    }

    fn heading(&mut self, level: &str, heading: &str) {
        // What is no text is not escaped.
        self.roff.control(level, [&*heading.replace('-', "\\-")]);
        self.is_headed = true;
    }

    fn paragraph(&mut self, text: Vec<Inline>) {
        self.gap();
        self.text(text);
    }

    /// An empty line before what comes, unless there is one.
    fn gap(&mut self) {
        if !self.is_headed {
            self.roff.control("PP", []);
        }
    }

    /// Text that goes on where it is.
    fn text(&mut self, text: Vec<Inline>) {
        self.roff.text(text);
        self.is_headed = false;
    }

    /// What is explained; the explanation follows as paragraphs.
    fn entry(&mut self, label: &str) {
        self.roff.control("TP", []).text([bold(label)]);
        self.is_headed = true;
    }

    fn references(&mut self, pages: &[(&str, &str)]) {
        self.section("See also");
        let mut all = Vec::new();
        for (name, section) in pages {
            let comma = if all.is_empty() { "" } else { ", " };
            all.extend([roman(comma), bold(*name), roman(format!("({section})"))]);
        }
        self.text(all);
    }

    fn render(&self) -> String {
        self.roff.render()
    }
}

/// A text with what stands in backticks in bold.
fn inline(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts
        .map(|(index, part)| match index % 2 {
            1 => bold(part),
            _ => roman(part),
        })
        .collect()
}
