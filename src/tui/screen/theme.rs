//! How things stand out: the 16 colours of the terminal on its own ground, so that it is light or dark as the person has
//! chosen; and without colours by brightness alone.

use ratatui::style::{Color, Modifier, Style};

use crate::tui::show::name_colour;

/// Whether there are colours.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// No, where NO_COLOR or the terminal says so.
    pub colour: bool,
}

impl Theme {
    /// What people say.
    pub fn text(self) -> Style {
        Style::new()
    }

    /// What is said by the program, and times.
    pub fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The head line and the status line.
    pub fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The room one is in, the line one has chosen.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What is new.
    pub fn unread(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// One's own name where others say it, and rooms where they did.
    pub fn mention(self) -> Style {
        self.coloured(Color::Magenta).add_modifier(Modifier::BOLD)
    }

    /// The line above what is new, what was looked for.
    pub fn mark(self) -> Style {
        self.coloured(Color::Red)
    }

    /// What went wrong.
    pub fn wrong(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// The address of a web page.
    pub fn link(self) -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED)
    }

    /// A name, always in the same colour.
    pub fn name(self, name: &str) -> Style {
        const COLOURS: [Color; 8] = [
            Color::Black,
            Color::Red,
            Color::Green,
            Color::Yellow,
            Color::Blue,
            Color::Magenta,
            Color::Cyan,
            Color::Gray,
        ];
        const LIGHT: [Color; 8] = [
            Color::DarkGray,
            Color::LightRed,
            Color::LightGreen,
            Color::LightYellow,
            Color::LightBlue,
            Color::LightMagenta,
            Color::LightCyan,
            Color::White,
        ];
        let code = usize::from(name_colour(name));
        let colour = match code {
            30..38 => COLOURS[code - 30],
            90..98 => LIGHT[code - 90],
            _ => Color::Reset,
        };
        self.coloured(colour)
    }

    fn coloured(self, colour: Color) -> Style {
        match self.colour {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }
}
