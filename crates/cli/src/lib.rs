//! The command line and the hosts of the engine: all of the program but the AWS SDK, which
//! [`Aws`] keeps out of here.
//!
//! Standard output carries a command's result and nothing else; progress, logs and errors go to
//! standard error. Exit codes: 0 fine, 1 some job failed, 2 usage or configuration, 3 refused by
//! a guard or a drifted plan.

mod aftermath;
mod asked;
mod aws;
#[cfg(test)]
mod bed;
mod cli;
mod clock;
mod commands;
mod configuration;
mod exit;
mod finish;
mod globals;
mod lambda;
mod local;
mod output;
mod progress;
mod records;
mod stage;
mod state;
mod testing;
mod worker;

use std::{ffi::OsString, process::ExitCode};

pub use aws::Aws;

/// Does what the arguments of this process say, and returns how it is to exit. A mistake in the
/// arguments, and a call for help, end the process here.
///
/// Without `aws` the commands that work in AWS accounts are not shown in the help, and refused.
pub fn main(aws: Option<&dyn Aws>) -> ExitCode {
    main_with(std::env::args_os(), aws)
}

/// The same with these arguments, of which the first is the program's name.
pub fn main_with(arguments: impl IntoIterator<Item = OsString>, aws: Option<&dyn Aws>) -> ExitCode {
    let arguments = lambda::arguments(arguments.into_iter().collect());
    let cli = if aws.is_some() { cli::with_aws(arguments) } else { cli::without_aws(arguments) };
    output::init_logs(cli.globals.verbose, cli.is_host());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(cli, aws)),
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
