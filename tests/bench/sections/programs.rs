//! The programs that people and admins start: how long each takes from its start to its end, beside one that does nothing,
//! and what the full-screen client needs.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use rexpect::process::PtyProcess;
use tempfile::TempDir;

use super::Scale;
use crate::figure::{Aim, Figure, Report, quantile_ms};
use crate::load::PATIENCE;
use crate::process::Vitals;
use crate::server::{PASSWORD, Server};

const PROGRAM_MS: f64 = 15.0;
const SCREEN_MIB: f64 = 30.0;
/// Messages that the full-screen client has seen when its memory is looked at.
const SEEN: usize = 200;

/// All of it.
pub fn programs(scale: &Scale) -> Result<Report> {
    let server = Server::start()?;
    let home = TempDir::new().context("cannot make a temporary folder")?;
    let client = |arguments: &[&str]| {
        let address = server.process().address();
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-client"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", home.path())
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env("CHAT_SERVER", address.ip().to_string())
            .env("CHAT_PORT", address.port().to_string())
            .env("CHAT_NAME", "anna")
            .env("CHAT_PASSWORD", PASSWORD);
        command
    };
    once(&mut client(&["login", "--register"]))?;
    let status = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
        command.arg("--socket").arg(server.control()).arg("status");
        command
    };
    let send = || client(&["send", "lobby", "good morning, all of you"]);
    let nothing = || Command::new("true");
    let programs: [&dyn Fn() -> Command; 3] = [&nothing, &status, &send];
    let [mut bare, mut control, mut sent] = [(); 3].map(|()| Vec::new());
    for _ in 0..scale.runs {
        let mut times = [(); 3].map(|()| Vec::new());
        for _ in 0..scale.tries {
            for (program, times) in programs.iter().zip(&mut times) {
                let began = Instant::now();
                once(&mut program())?;
                times.push(began.elapsed());
            }
        }
        for (medians, times) in [&mut bare, &mut control, &mut sent]
            .into_iter()
            .zip(&mut times)
        {
            medians.push(quantile_ms(times, 0.5));
        }
    }
    for _ in 0..SEEN {
        once(&mut send())?;
    }
    let memory = (0..scale.runs)
        .map(|_| screen(&client(&[])))
        .collect::<Result<_>>()?;
    let program = |name, times| {
        Figure::new(name, "ms", times)
            .beside(bare.clone())
            .aim(Aim::AtMost(PROGRAM_MS))
    };
    Ok(Report {
        how: format!(
            "whole processes, started and waited for, the median of {} in turn, {}; send over TLS with its acknowledgement",
            scale.tries,
            scale.times(),
        ),
        beside: "true",
        is_grid: false,
        figures: vec![
            program("chatctl status", control),
            program("chat-client send", sent),
            Figure::new(
                "chat-client on the full screen, resident memory",
                "MiB",
                memory,
            )
            .aim(Aim::AtMost(SCREEN_MIB)),
        ],
    })
}

/// Runs a program to its end.
fn once(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start {:?}", command.get_program()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{:?} failed: {said}",
        command.get_program()
    );
    Ok(())
}

/// Starts the client on a terminal, waits until it shows what was said, and tells its resident memory in MiB.
fn screen(client: &Command) -> Result<f64> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "stty sane cols 120 rows 40; echo $$; exec \"$0\""])
        .arg(client.get_program())
        .env_clear();
    for (name, value) in client.get_envs() {
        shell.envs(value.map(|value| (name, value)));
    }
    let mut process = PtyProcess::new(shell)?;
    let output = process.get_file_handle()?;
    let (tell, told) = mpsc::channel();
    thread::spawn(move || read(output, &tell));
    let began = Instant::now();
    let mut shown = Vec::new();
    // The last one drawn is the one above the input.
    while !shown
        .windows(b"good morning".len())
        .any(|it| it == b"good morning")
    {
        match told.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
            Ok(bytes) => shown.extend::<Vec<u8>>(bytes),
            Err(_) => bail!(
                "the client shows nothing that was said: {}",
                String::from_utf8_lossy(&shown)
            ),
        }
    }
    // The shell's number became the client's.
    let first = shown.split(|byte| byte.is_ascii_whitespace()).next();
    let pid = first.and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
    let resident = Vitals(pid.context("the shell told no number")?).resident_bytes()?;
    process.kill(Signal::SIGTERM)?;
    Ok(resident as f64 / 1_048_576.0)
}

/// Reads until the other side is gone, which is an error on a terminal.
fn read(mut output: File, tell: &mpsc::Sender<Vec<u8>>) {
    let mut bytes = [0; 65_536];
    while let Ok(length @ 1..) = output.read(&mut bytes) {
        if tell.send(bytes[..length].to_vec()).is_err() {
            return;
        }
    }
}
