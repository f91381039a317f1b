//! The command line and the hosts of the engine.
//!
//! Standard output carries a command's result and nothing else; progress, logs and errors go to
//! standard error. Exit codes: 0 fine, 1 some job failed, 2 usage or configuration, 3 refused by
//! a guard or a drifted plan.

mod cli;
mod clock;
mod commands;
mod configuration;
mod exit;
mod finish;
mod local;
mod output;
mod progress;
mod state;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

/// Does what the arguments of this process say, and returns how it is to exit.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    output::init_logs(cli.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(cli)),
        Err(error) => Err(exit::Failure::failed(format!("starting worker threads: {error}"))),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::error(&failure.message);
            failure.exit.into()
        }
    }
}
