//! Schedules of tasks.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::schedule::{Calendar, Cron, Missed, Schedule, Timing, Zone};

use crate::{
    account::read_if_there,
    node::{Node, Span},
    object::Object,
    report::Report,
    shape,
    task::World,
    value,
};

/// A schedule's own bounds on time are as coarse as the engine's tick.
const TICK: SignedDuration = SignedDuration::from_mins(1);

/// Reads a task's schedule.
pub(crate) fn read(
    node: &Node,
    named_at: Span,
    world: &World,
    report: &mut Report<'_>,
) -> Option<Schedule> {
    let object = Object::read::<shape::Schedule>(node, "a schedule", named_at, report)?;
    let timing = read_timing(&object, report);
    let time_zone = read_if_there(object.get("time-zone"), |node| {
        value::parse::<Zone>(node, "`time-zone`", report)
    });
    let spread = read_if_there(object.get("spread"), |node| {
        value::duration(node, "`spread`", SignedDuration::from_secs(1), report)
    });
    let within =
        read_if_there(object.get("within"), |node| value::duration(node, "`within`", TICK, report));
    let missed = read_if_there(object.get("missed"), |node| {
        let words = [("latest", Missed::Latest), ("skip", Missed::Skip), ("all", Missed::All)];
        value::choice(node, "`missed`", &words, report)
    });
    let except =
        read_if_there(object.get("except"), |node| read_calendars(node, "`except`", world, report));
    let only =
        read_if_there(object.get("only"), |node| read_calendars(node, "`only`", world, report));
    let schedule = Schedule {
        timing: timing?,
        time_zone: time_zone?.unwrap_or_default(),
        spread: spread?.map(|it| it.unsigned_abs()),
        missed: missed?.unwrap_or_default(),
        within: within?.map(|it| it.unsigned_abs()),
        except: except?.unwrap_or_default(),
        only: only?,
    };
    // A cron expression that never fires was refused already: only calendars can still empty it.
    let restricted = !schedule.except.is_empty() || schedule.only.is_some();
    if restricted && schedule.after(Timestamp::UNIX_EPOCH).is_none() {
        report.error(named_at, "the schedule never fires: its calendars leave no day for it");
        return None;
    }
    Some(schedule)
}

fn read_timing(object: &Object<'_>, report: &mut Report<'_>) -> Option<Timing> {
    match (object.get("cron"), object.get("every")) {
        (Some(cron), None) => read_cron(cron, report).map(Timing::Cron),
        (None, Some(every)) => {
            value::refuse_without_unit(every, "`every` is an interval", report)?;
            value::parse(every, "`every`", report).map(Timing::Every)
        }
        (Some(_), Some(_)) => {
            report.error(object.key_span("every"), "a schedule has `cron` or `every`, not both");
            None
        }
        (None, None) => {
            report.error(object.named_at, "a schedule needs the key `cron` or `every`");
            None
        }
    }
}

fn read_cron(node: &Node, report: &mut Report<'_>) -> Option<Cron> {
    let text = value::text(node, "`cron`", report)?;
    match text.parse::<Cron>() {
        Ok(cron) => Some(cron),
        Err(error) => {
            match value::place_of_char(node, error.offset, report) {
                Some(at) => {
                    let field = error.field.map_or_else(
                        || "cron expression".to_owned(),
                        |field| format!("{field} field"),
                    );
                    let found = match error.found.as_str() {
                        "" => "nothing".to_owned(),
                        found => format!("`{found}`"),
                    };
                    report
                        .error(at, format!("{field}: expected {}, found {found}", error.expected));
                }
                None => report.error(node.span, error),
            }
            None
        }
    }
}

/// The days of all these calendars together.
fn read_calendars(
    node: &Node,
    what: &str,
    world: &World,
    report: &mut Report<'_>,
) -> Option<Calendar> {
    let mut days = Calendar::new();
    let mut good = true;
    for node in value::list(node, what, report)? {
        let Some(name) = value::text(node, "the name of a calendar", report) else {
            good = false;
            continue;
        };
        match world.calendars.get(name) {
            Some(Some(calendar)) => days.extend(calendar),
            Some(None) => good = false,
            None => {
                world.unknown(node.span, "calendar", name, world.calendars.keys(), report);
                good = false;
            }
        }
    }
    good.then_some(days)
}
