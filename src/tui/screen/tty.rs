//! The terminal as the full screen needs it, and as it was: whatever ends the program puts it back. There is one, so what
//! is known of it is the process's.

use std::io::{self, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};

/// The size that is taken where the terminal does not tell one.
const USUAL_SIZE: (u16, u16) = (80, 24);
/// The largest picture that is drawn: what a terminal says of itself is not believed beyond.
const LARGEST_SIZE: (u16, u16) = (1_000, 500);
/// Presses and the wheel, told in a form that knows large screens; no movements, which would wake the program.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Whether the terminal is ours.
static OURS: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal, taken. Given back when it is let go.
#[derive(Debug)]
pub struct Tty;

impl Tty {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none that can be used; then it is as it was.
    pub fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // First, so that what is said about it can be read.
                give_back();
                before(panic);
            }));
        });
        let tty = Self;
        tty.take_again(true)?;
        Ok(tty)
    }

    /// Takes it again after [`Tty::leave`], or after somebody else has changed it.
    ///
    /// # Errors
    /// When it is gone.
    pub fn take_again(&self, mouse: bool) -> io::Result<()> {
        OURS.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            EnableBracketedPaste,
            EnableFocusChange
        )?;
        self.mouse(mouse)
    }

    /// Gives it back for a while.
    pub fn leave(&self) {
        give_back();
    }

    /// Whether the mouse is ours.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn mouse(&self, ours: bool) -> io::Result<()> {
        execute!(io::stdout(), Print(if ours { MOUSE_ON } else { MOUSE_OFF }))
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        give_back();
    }
}

/// Columns and rows.
pub fn screen_size() -> (u16, u16) {
    match size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => bounded(columns, rows),
        _ => USUAL_SIZE,
    }
}

/// As much of a size as is drawn.
pub fn bounded(columns: u16, rows: u16) -> (u16, u16) {
    (columns.min(LARGEST_SIZE.0), rows.min(LARGEST_SIZE.1))
}

/// Puts the terminal back as it was, once. One that is gone needs nothing.
fn give_back() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut output = io::stdout();
    let _ = execute!(
        output,
        Print(MOUSE_OFF),
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = output.flush();
    let _ = disable_raw_mode();
}
