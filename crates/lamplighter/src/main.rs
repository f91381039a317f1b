//! The one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lamplighter_cli::main()
}
