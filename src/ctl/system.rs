//! What a bug report tells of the machine: which system it is and how large, and how systemd sees chatd. The machine's name
//! and its users are left out.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::base::text::harmless;

/// Lines of os-release(5) that say which system it is.
const OS_LINES: [&str; 5] = [
    "PRETTY_NAME=",
    "ID=",
    "ID_LIKE=",
    "VERSION_ID=",
    "BUILD_ID=",
];

const UNITS: [&str; 3] = [
    "chatd.service",
    "chatd-client.socket",
    "chatd-control.socket",
];

/// Properties of units that are numbers or words of systemd's own.
const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,\
    ExecMainCode,ExecMainStatus,ExecMainStartTimestamp,MemoryCurrent,MemoryPeak,TasksCurrent,CPUUsageNSec,LimitNOFILE,\
    WatchdogUSec,NAccepted,NConnections,NRefused,TriggerLimitBurst,NeedDaemonReload";

/// Distribution, kernel, processors, memory.
pub(super) fn facts() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is_wanted = |line: &&str| OS_LINES.iter().any(|wanted| line.starts_with(wanted));
    let mut lines: Vec<String> = release
        .lines()
        .filter(is_wanted)
        .map(str::to_owned)
        .collect();
    for name in ["ostype", "osrelease", "version"] {
        let value = fs::read_to_string(Path::new("/proc/sys/kernel").join(name));
        lines.push(format!(
            "kernel {name}: {}",
            value.unwrap_or_default().trim()
        ));
    }
    lines.push(format!("architecture: {}", std::env::consts::ARCH));
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    lines.push(format!("processors: {processors}"));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let is_wanted = |line: &&str| {
        ["MemTotal:", "MemAvailable:", "SwapTotal:"]
            .iter()
            .any(|wanted| line.starts_with(wanted))
    };
    lines.extend(memory.lines().filter(is_wanted).map(str::to_owned));
    lines
        .iter()
        .map(|line| format!("{}\n", harmless(line)))
        .collect()
}

/// How systemd sees chatd; or why it does not.
pub(super) fn units() -> String {
    if !Path::new("/run/systemd/system").is_dir() {
        return "systemd does not run here\n".to_owned();
    }
    let said = Command::new("systemctl")
        .args(["show", PROPERTIES])
        .args(UNITS)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match said {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            text.lines()
                .map(|line| format!("{}\n", harmless(line)))
                .collect()
        }
        Ok(output) => format!("systemctl has failed: {}\n", output.status),
        Err(error) => format!("systemctl cannot be run: {}\n", error.kind()),
    }
}
