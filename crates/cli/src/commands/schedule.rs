//! `schedule`: the next instants of a cron expression, by the engine's own function.

use jiff::Timestamp;
use lamplighter_core::schedule::{Cron, Schedule, Timing, Zone};

use super::instant;
use crate::{
    cli::ScheduleArgs,
    exit::{Exit, Failure},
    output,
};

pub(crate) fn run(args: &ScheduleArgs, as_json: bool) -> Result<Exit, Failure> {
    let cron: Cron =
        args.cron.parse().map_err(|error| Failure::usage(format!("`{}`: {error}", args.cron)))?;
    let zone: Zone = args
        .time_zone
        .parse()
        .map_err(|error| Failure::usage(format!("`--time-zone`: {error}")))?;
    let from = match &args.from {
        Some(text) => instant("--from", text, zone.rules())?,
        None => Timestamp::now(),
    };
    let schedule = Schedule::new(Timing::Cron(cron), zone);
    let next: Vec<String> = schedule
        .upcoming(from)
        .take(args.count as usize)
        .map(|at| {
            let local = at.to_zoned(schedule.time_zone.rules().clone());
            local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        })
        .collect();
    if as_json {
        output::print_json(&next)?;
    } else {
        output::print(&next.join("\n"))?;
    }
    Ok(Exit::Fine)
}
