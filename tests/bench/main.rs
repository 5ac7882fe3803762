//! `cargo bench`: the release build of chatd beside bare limits, in one run, on loopback only.
//!
//! `cargo bench -- --quick` sees within a few minutes that all works; `cargo bench -- NAME...` measures single sections;
//! `cargo bench -- load ADDRESS` puts load on a chatd that runs already.
//! Every figure stands beside what the machine could do at best at that moment, measured in turn with it, because the
//! number alone says more about the machine than about chatd.

mod attackers;
mod bare;
mod figure;
mod generator;
mod load;
mod machine;
mod process;
mod sections;
mod server;
mod sqlite;
mod stock;
mod stream;
mod talk;

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use machine::Moment;
use sections::{SECTIONS, Scale, Section};

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    // Cargo puts this behind what it was told itself.
    let told: Vec<_> = args
        .iter()
        .filter(|arg| *arg != "--bench")
        .cloned()
        .collect();
    let done = match &told[..] {
        [first, style] if first == bare::ARGUMENT => bare::serve(style).map(|()| true),
        [first, load @ ..] if first == generator::ARGUMENT => raise_open_files()
            .and_then(|()| generator::run(load))
            .map(|()| true),
        _ => bench(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all sections could be measured. Aims that are missed are told, not failed on.
fn bench(args: &[String]) -> Result<bool> {
    let (scale, wanted) = plan(args)?;
    raise_open_files()?;
    let (mut lines, mut all_measured) = (Vec::new(), true);
    for section in wanted {
        eprintln!("measuring {} …", section.name);
        let (started, before) = (Instant::now(), Moment::now()?);
        match (section.run)(&scale) {
            Ok(report) => {
                let meanwhile = before.since()?;
                println!("{}", report.table(section.name, !scale.quick));
                println!("  {}\n", meanwhile.verdict());
                lines.push(report.json(section.name, scale.quick, &meanwhile));
            }
            Err(error) => {
                eprintln!("bench: {} could not be measured: {error:#}", section.name);
                all_measured = false;
            }
        }
        eprintln!("… {} s", started.elapsed().as_secs());
    }
    lines.iter().for_each(|line| println!("{line}"));
    Ok(all_measured)
}

/// Cargo adds `--bench` for `cargo bench`; without it this is a test run, and quick.
fn plan(args: &[String]) -> Result<(Scale, Vec<&'static Section>)> {
    let (mut quick, mut names) = (!args.iter().any(|arg| arg == "--bench"), Vec::new());
    for arg in args {
        match arg.as_str() {
            "--bench" => {}
            "--quick" => quick = true,
            name => names.push(name),
        }
    }
    let known = SECTIONS.iter().map(|section| section.name);
    if let Some(stranger) = names
        .iter()
        .find(|name| !known.clone().any(|known| known == **name))
    {
        let known: Vec<_> = known.collect();
        bail!(
            "'{stranger}' is no section; there are {}, and --quick",
            known.join(", ")
        );
    }
    let wanted = SECTIONS
        .iter()
        .filter(|section| names.is_empty() || names.contains(&section.name));
    let scale = if quick { Scale::QUICK } else { Scale::FULL };
    Ok((scale, wanted.collect()))
}

/// Thousands of connections need thousands of descriptors, here and in the children.
fn raise_open_files() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise the limit of open files")
}
