//! Has a text written on in the person's editor, on a thread of its own.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::thread;

use tokio::sync::oneshot;

use crate::tui::screen::writing::WRITING_BYTES_MAX;

/// Starts the editor; what comes is the text, or nothing if it did not work.
pub fn edit(text: String) -> oneshot::Receiver<Option<String>> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let _ = sender.send(in_a_file(&text).ok());
    });
    receiver
}

fn in_a_file(text: &str) -> io::Result<String> {
    let number = getrandom::u64().map_err(io::Error::other)?;
    let path = std::env::temp_dir().join(format!("chat-client-{number:016x}.txt"));
    let edited = write_on(&path, text);
    let _ = fs::remove_file(&path);
    edited
}

fn write_on(path: &Path, text: &str) -> io::Result<String> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    let named = |name| {
        std::env::var(name)
            .ok()
            .filter(|editor| !editor.trim().is_empty())
    };
    let editor = named("VISUAL").or_else(|| named("EDITOR"));
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    // As other programs do it: the variable may have arguments.
    let status = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(path)
        .status()?;
    if !status.success() {
        return Err(io::Error::other("the editor failed"));
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(WRITING_BYTES_MAX).unwrap_or(u64::MAX);
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
