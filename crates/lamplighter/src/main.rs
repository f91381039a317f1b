//! The whole program: the command line of `lamplighter-cli`, with the AWS SDK behind it.

mod sdk;

use std::process::ExitCode;

fn main() -> ExitCode {
    lamplighter_cli::main(Some(&sdk::Sdk::default()))
}
