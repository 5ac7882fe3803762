//! Steers a running chatd; all of it is in `chatd::ctl`.

fn main() -> std::process::ExitCode {
    chatd::ctl::main()
}
