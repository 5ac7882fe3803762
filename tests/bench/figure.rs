//! Figures: medians of what was measured, the aim beside them, as a table for people and as JSON for scripts.

use std::time::Duration;

use serde_json::{Value, json};

use crate::machine::Meanwhile;

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Aim {
    /// None; it is told for what it is.
    None,
    /// The value itself.
    AtMost(f64),
    /// The value itself.
    AtLeast(f64),
    /// In comparison with the bare limit: so much more.
    BareAndAtMost(f64),
    /// In comparison with the bare limit.
    TimesBareAtMost(f64),
    /// In comparison with the bare limit.
    TimesBareAtLeast(f64),
}

/// One line of the table.
pub struct Figure {
    name: String,
    unit: &'static str,
    chatd: Vec<f64>,
    bare: Vec<f64>,
    aim: Aim,
}

impl Figure {
    /// From the values of each run.
    pub fn new(name: impl Into<String>, unit: &'static str, chatd: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            unit,
            chatd,
            bare: Vec::new(),
            aim: Aim::None,
        }
    }

    /// With the values of the bare limit in the same runs.
    pub fn beside(mut self, bare: Vec<f64>) -> Self {
        self.bare = bare;
        self
    }

    /// With what it should be.
    pub fn aim(mut self, aim: Aim) -> Self {
        self.aim = aim;
        self
    }

    fn ratio(&self) -> Option<f64> {
        Some(median(&self.chatd)? / median(&self.bare)?)
    }

    fn is_met(&self) -> Option<bool> {
        match self.aim {
            Aim::None => None,
            Aim::AtMost(most) => Some(median(&self.chatd)? <= most),
            Aim::AtLeast(least) => Some(median(&self.chatd)? >= least),
            Aim::BareAndAtMost(more) => Some(median(&self.chatd)? <= median(&self.bare)? + more),
            Aim::TimesBareAtMost(most) => Some(self.ratio()? <= most),
            Aim::TimesBareAtLeast(least) => Some(self.ratio()? >= least),
        }
    }

    fn cells(&self, judged: bool) -> [String; 6] {
        let value = |values: &[f64]| median(values).map_or("–".to_owned(), number);
        let aim = match self.aim {
            Aim::None => String::new(),
            Aim::AtMost(most) => format!("at most {}", number(most)),
            Aim::AtLeast(least) => format!("at least {}", number(least)),
            Aim::BareAndAtMost(0.0) => "at most bare".to_owned(),
            Aim::BareAndAtMost(more) => format!("at most bare + {}", number(more)),
            Aim::TimesBareAtMost(most) => format!("at most {} × bare", number(most)),
            Aim::TimesBareAtLeast(least) => format!("at least {} × bare", number(least)),
        };
        let verdict = match self.is_met() {
            Some(true) if judged => ": met",
            Some(false) if judged => ": MISSED",
            _ => "",
        };
        [
            format!("{} [{}]", self.name, self.unit),
            value(&self.chatd),
            range(&self.chatd),
            value(&self.bare),
            self.ratio().map_or("–".to_owned(), number),
            aim + verdict,
        ]
    }

    fn json(&self) -> Value {
        let (aim, bound) = match self.aim {
            Aim::None => (None, None),
            Aim::AtMost(most) => (Some("at_most"), Some(most)),
            Aim::AtLeast(least) => (Some("at_least"), Some(least)),
            Aim::BareAndAtMost(more) => (Some("bare_and_at_most"), Some(more)),
            Aim::TimesBareAtMost(most) => (Some("times_bare_at_most"), Some(most)),
            Aim::TimesBareAtLeast(least) => (Some("times_bare_at_least"), Some(least)),
        };
        json!({
            "figure": self.name, "unit": self.unit, "chatd": median(&self.chatd), "bare": median(&self.bare),
            "ratio": self.ratio(), "aim": aim, "bound": bound, "met": self.is_met(),
            "chatd_runs": self.chatd, "bare_runs": self.bare,
        })
    }
}

/// What a section found.
pub struct Report {
    /// How it was measured, with the numbers.
    pub how: String,
    /// What chatd stands beside.
    pub beside: &'static str,
    /// Whether the names of its figures are a row and a column, as in `crowd: sent`.
    pub is_grid: bool,
    /// What came out.
    pub figures: Vec<Figure>,
}

impl Report {
    /// A table that is read in a minute. Small numbers are not judged.
    pub fn table(&self, section: &str, judged: bool) -> String {
        let rows = match self.is_grid {
            true => self.grid(judged),
            false => self.list(judged),
        };
        format!("{section}: {}\n{}", self.how, aligned(&rows))
    }

    /// A line for each figure.
    fn list(&self, judged: bool) -> Vec<Vec<String>> {
        let head = ["figure", "chatd", "min–max", self.beside, "ratio", "aim"].map(str::to_owned);
        let figures = self.figures.iter().map(|figure| figure.cells(judged));
        std::iter::once(head)
            .chain(figures)
            .map(Vec::from)
            .collect()
    }

    /// A line for all figures of one kind, what stands beside each in brackets.
    fn grid(&self, judged: bool) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> = vec![vec![String::new()]];
        let mut missed = Vec::new();
        for figure in &self.figures {
            let (row, column) = figure.name.split_once(": ").unwrap_or((&figure.name, ""));
            if rows.last().is_none_or(|last| last[0] != row) {
                rows.push(vec![row.to_owned()]);
                missed.push(None);
            }
            let (at, [_, chatd, _, beside, ..]) = (rows.len() - 1, figure.cells(judged));
            if at == 1 {
                rows[0].push(format!("{column} [{}]", figure.unit));
            }
            rows[at].push(match figure.bare.is_empty() {
                true => chatd,
                false => format!("{chatd} ({beside})"),
            });
            let met = figure.is_met().filter(|_| judged);
            missed[at - 1] = met
                .map(|met| !met || missed[at - 1] == Some(true))
                .or(missed[at - 1]);
        }
        for (row, missed) in rows[1..].iter_mut().zip(missed) {
            row.push(
                missed
                    .map_or("", |missed| if missed { "MISSED" } else { "met" })
                    .to_owned(),
            );
        }
        rows[0].push(if judged { "aim" } else { "" }.to_owned());
        rows
    }

    /// The same, and the value of each run, in one line.
    pub fn json(&self, section: &str, quick: bool, meanwhile: &Meanwhile) -> Value {
        let figures: Vec<_> = self.figures.iter().map(Figure::json).collect();
        json!({
            "section": section, "quick": quick, "how": self.how, "beside": self.beside,
            "others_busy": meanwhile.others, "steal": meanwhile.steal, "load": meanwhile.load, "figures": figures,
        })
    }
}

/// Columns below each other; the first and the last begin at the left.
fn aligned(rows: &[Vec<String>]) -> String {
    let length = |row: &Vec<String>, column: usize| row[column].chars().count();
    let widths: Vec<_> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| length(row, column)).max())
        .map(Option::unwrap_or_default)
        .collect();
    let line = |row: &Vec<String>| {
        let last = row.len() - 1;
        let cells = row.iter().enumerate().map(|(column, cell)| match column {
            0 => format!("  {cell:<0$}", widths[column]),
            _ if column == last => format!("  {cell}"),
            _ => format!("  {cell:>0$}", widths[column]),
        });
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The middle one of the values, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let high = *sorted.get(sorted.len() / 2)?;
    let low = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(low, high))
}

/// The smallest and the largest, where there is more than one.
fn range(values: &[f64]) -> String {
    let least = values.iter().copied().min_by(f64::total_cmp);
    let most = values.iter().copied().max_by(f64::total_cmp);
    match (least, most) {
        (Some(least), Some(most)) if values.len() > 1 => {
            format!("{}–{}", number(least), number(most))
        }
        _ => String::new(),
    }
}

/// The value that this part of all values does not exceed, in milliseconds.
pub fn quantile_ms(delays: &mut [Duration], part: f64) -> f64 {
    if delays.is_empty() {
        return f64::NAN;
    }
    let index = ((delays.len() as f64 * part).ceil() as usize).clamp(1, delays.len()) - 1;
    let (_, delay, _) = delays.select_nth_unstable(index);
    delay.as_secs_f64() * 1_000.0
}

/// Three digits that count, thousands apart.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        value if value < 1.0 => 3,
        value if value < 10.0 && value.fract() != 0.0 => 2,
        value if value < 100.0 && value.fract() != 0.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    if decimals > 0 {
        return text;
    }
    let digits = text.len();
    let mut spaced = String::new();
    for (index, digit) in text.chars().enumerate() {
        if index > 0 && (digits - index).is_multiple_of(3) {
            spaced.push(' ');
        }
        spaced.push(digit);
    }
    spaced
}
