//! One file per command. Each returns how to exit, and prints its result.

mod actions;
mod apply;
mod calendar;
mod check;
mod demo;
mod doctor;
mod explain;
mod init;
mod jobs;
pub(crate) mod missed;
pub(crate) mod plan;
mod policy;
mod retention;
mod run;
mod runs;
mod schedule;
mod serve;
mod simulate;
mod test;
mod worker;

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use lamplighter_config::Config;
use lamplighter_core::{TaskName, task::Task};

use crate::{
    aws::Aws,
    cli::{Cli, Command, InAws, WITHOUT_AWS},
    exit::{Exit, Failure},
    lambda, output, testing,
};

/// Runs the command of this command line.
pub(crate) async fn run(cli: Cli, aws: Option<&dyn Aws>) -> Result<Exit, Failure> {
    let globals = &cli.globals;
    match &cli.command {
        Command::Init { dir } => init::run(dir),
        Command::Check => check::run(globals),
        Command::Actions { name } => actions::run(name.as_deref(), globals.json),
        Command::Schema { tests } => {
            output::print_json(&match tests {
                true => testing::schema(),
                false => lamplighter_config::schema(lamplighter_catalog::ACTIONS),
            })?;
            Ok(Exit::Fine)
        }
        Command::Calendar(args) => calendar::run(globals, args),
        Command::Schedule(args) => schedule::run(args, globals.json),
        Command::Test(args) => test::run(globals, args),
        Command::Policy(command) => policy::run(globals, command),
        Command::Retention(args) => retention::run(args, globals.json),
        Command::InAws(command) => {
            let aws = aws.ok_or_else(|| Failure::usage(WITHOUT_AWS))?;
            match command {
                InAws::Plan(args) => plan::run(globals, aws, args).await,
                InAws::Apply { file, work } => apply::run(globals, aws, file, *work).await,
                InAws::Run(args) => run::run(globals, aws, args).await,
                InAws::Serve(work) => serve::run(globals, aws, *work).await,
                InAws::Explain(args) => explain::run(globals, aws, args).await,
                InAws::Doctor => doctor::run(globals, aws).await,
                InAws::Worker(args) => worker::run(globals, aws, *args).await,
                InAws::Lambda => lambda::run(globals, aws).await,
            }
        }
        Command::Demo(args) => demo::run(globals, args).await,
        Command::Simulate(args) => simulate::run(globals, args).await,
        Command::Runs(args) => runs::run(globals, aws, args).await,
        Command::Jobs(args) => jobs::run(globals, aws, args).await,
        Command::Missed { since } => missed::run(globals, aws, since).await,
    }
}

/// The configured task of this name.
fn find<'a>(config: &'a Config, name: &TaskName) -> Result<&'a Task, Failure> {
    config.tasks.iter().find(|task| task.order.task == *name).ok_or_else(|| {
        let names: Vec<&str> = config.tasks.iter().map(|it| it.order.task.as_str()).collect();
        let names = names.join(", ");
        Failure::usage(format!("no task `{name}` in the configuration; there are: {names}"))
    })
}

/// Reads a time of the command line: RFC 3339 with any offset, or a local date or date and time
/// in `zone`.
fn instant(flag: &str, text: &str, zone: &TimeZone) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let local: Option<civil::DateTime> =
        text.parse().ok().or_else(|| text.parse::<civil::Date>().ok().map(civil::DateTime::from));
    local.and_then(|local| zone.to_timestamp(local).ok()).ok_or_else(|| {
        Failure::usage(format!(
            "`{flag} {text}`: expected a time such as `2026-03-29T02:00:00Z` or `2026-03-29`"
        ))
    })
}

/// Reads a span of the command line.
fn span(flag: &str, text: &str) -> Result<SignedDuration, Failure> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok());
    days.and_then(|days| days.checked_mul(24).and_then(SignedDuration::try_from_hours))
        .or_else(|| text.parse().ok())
        .filter(SignedDuration::is_positive)
        .ok_or_else(|| {
            Failure::usage(format!("`{flag} {text}`: expected a span such as `7d` or `36h`"))
        })
}

/// The present second: what an occurrence is when nobody names one.
pub(crate) fn this_second() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_instants_or_local() {
        let madrid = TimeZone::get("Europe/Madrid").unwrap();
        let read = |text| instant("--from", text, &madrid).unwrap().to_string();
        assert_eq!(read("2026-03-29T02:00:00+05:30"), "2026-03-28T20:30:00Z");
        assert_eq!(read("2026-01-15"), "2026-01-14T23:00:00Z");
        assert_eq!(read("2026-01-15T12:00"), "2026-01-15T11:00:00Z");
        assert!(instant("--from", "tomorrow", &madrid).is_err());
    }

    #[test]
    fn spans_are_positive() {
        assert_eq!(span("--since", "7d").unwrap(), SignedDuration::from_hours(168));
        assert_eq!(span("--since", "36h").unwrap(), SignedDuration::from_hours(36));
        for text in ["", "7", "-1d", "0d", "99999999999999999999d"] {
            assert!(span("--since", text).is_err(), "{text}");
        }
    }
}
