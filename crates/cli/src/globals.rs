//! What may be said to every command.

use std::path::PathBuf;

use clap::Args;

/// The options of all commands.
#[derive(Debug, Args)]
pub(crate) struct Globals {
    /// The configuration: a directory of YAML files, or one file
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "LAMPLIGHTER_CONFIG",
        default_value = "config"
    )]
    pub(crate) config: PathBuf,
    /// Where jobs are recorded: `sqlite:FILE` or `dynamodb:TABLE`
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LAMPLIGHTER_JOURNAL",
        default_value = "sqlite:lamplighter.db"
    )]
    pub(crate) journal: String,
    /// Where hosts hear of jobs: `local`, in this process, or `sqs:URL`
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LAMPLIGHTER_QUEUE",
        default_value = "local"
    )]
    pub(crate) queue: String,
    /// Print stable JSON on standard output, and nothing else there
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log more; twice for every AWS call. `LAMPLIGHTER_LOG` takes a filter such as `debug`
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}
