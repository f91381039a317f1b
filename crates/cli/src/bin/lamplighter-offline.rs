//! The command line without the AWS SDK, which takes minutes to compile: all but the commands that
//! work in AWS accounts. The whole program is `crates/lamplighter`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lamplighter_cli::main(None)
}
