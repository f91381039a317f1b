//! What to do with one resource, and why.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Override, Power, Said, Stretch, Timetable};

/// Who switches something this soon after the timetable has is not taken for a human: a call of
/// ours may have been on its way.
const OURS: SignedDuration = SignedDuration::from_mins(2);

/// What becomes of something that a human has started or stopped against the timetable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Manual {
    /// It stays so until the timetable changes next.
    #[default]
    Respect,
    /// It does not stay so.
    Enforce,
}

/// How something is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It runs.
    On,
    /// It is stopped.
    Off,
    /// It is on its way from one to the other.
    Between,
}

/// What was seen of one resource.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'s> {
    /// How it is switched.
    pub switch: Switch,
    /// When it was last started, whoever did it.
    pub started_at: Option<Timestamp>,
    /// When somebody last asked for it to be stopped. `None` when it stopped by itself.
    pub stopped_at: Option<Timestamp>,
    /// Its tag that says something else than the timetable: key and value.
    pub tag: Option<(&'s str, &'s str)>,
}

/// What to do, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Start it.
    Start(String),
    /// Stop it.
    Stop(String),
    /// Leave it as it is.
    Leave(String),
}

/// What a resource should be at an instant, before it is asked who has switched it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it should be.
    pub power: Power,
    /// Since when.
    pub since: Timestamp,
    /// Who says so, in words.
    pub why: String,
    /// Whether its own tag says so.
    by_tag: bool,
}

/// What a resource with this tag should be; or why it is left alone.
pub fn wanted(
    timetable: &Timetable,
    tag: Option<(&str, &str)>,
    now: Timestamp,
) -> Result<Wanted, String> {
    let Stretch { power, mut since, periods } = timetable.at(now);
    let over = match tag {
        None => None,
        Some((key, value)) => Some(
            Override::parse(value, &timetable.time_zone)
                .map_err(|bad| format!("its tag `{key}` is not understood: {bad}"))?,
        ),
    };
    let show = |at: Timestamp| at.to_zoned(timetable.time_zone.rules().clone()).strftime("%F %R");
    if let (Some(over), Some((key, _))) = (over, tag) {
        let why = format!("its tag `{key}` says `{}` until {}", over.said, show(over.until));
        match over.said {
            _ if over.until <= now => since = since.max(over.until),
            Said::AsIs => return Err(why),
            Said::Running => {
                return Ok(Wanted { power: Power::Running, since, why, by_tag: true });
            }
            Said::Stopped => {
                return Ok(Wanted { power: Power::Stopped, since, why, by_tag: true });
            }
        }
    }
    let names = periods.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    let why = match power {
        Power::Running => format!("in the period {names} since {}", show(since)),
        Power::Stopped => format!("outside of every period since {}", show(since)),
    };
    Ok(Wanted { power, since, why, by_tag: false })
}

/// What to do with a resource now.
pub fn decide(
    timetable: &Timetable,
    manual_start: Manual,
    manual_stop: Manual,
    seen: &Seen<'_>,
    now: Timestamp,
) -> Decision {
    let wanted = match wanted(timetable, seen.tag, now) {
        Ok(wanted) => wanted,
        Err(why) => return Decision::Leave(why),
    };
    let Wanted { power, since, why, by_tag } = wanted;
    let by_hand = |at: Option<Timestamp>, rule: Manual| {
        at.filter(|at| rule == Manual::Respect && !by_tag && *at > since + OURS)
    };
    let show = |at: Timestamp| at.to_zoned(timetable.time_zone.rules().clone()).strftime("%F %R");
    match (power, seen.switch) {
        (_, Switch::Between) => Decision::Leave("it is on its way".to_owned()),
        (Power::Running, Switch::On) | (Power::Stopped, Switch::Off) => Decision::Leave(why),
        (Power::Running, Switch::Off) => match by_hand(seen.stopped_at, manual_stop) {
            Some(at) => Decision::Leave(format!("{why}, and somebody stopped it at {}", show(at))),
            None => Decision::Start(why),
        },
        (Power::Stopped, Switch::On) => match by_hand(seen.started_at, manual_start) {
            Some(at) => Decision::Leave(format!("{why}, and somebody started it at {}", show(at))),
            None => Decision::Stop(why),
        },
    }
}

#[cfg(test)]
mod tests;
