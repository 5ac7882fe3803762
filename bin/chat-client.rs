//! chat-client: the terminal program.

fn main() -> std::process::ExitCode {
    chatd::tui::main()
}
