//! From local times to instants: which instants of real time a schedule names.
//!
//! Real time is a row of *stretches* in which a zone keeps one offset to UTC. Within a stretch
//! local time is real time, shifted; so the whole of daylight saving is the question of where on
//! the local clock the search begins when a new stretch does:
//!
//! * What follows real time begins at what the clock then shows. A time that was jumped over is never
//!   shown and one that is repeated is shown twice, so it runs not at all, or twice.
//! * What follows the clock on the wall runs at the first instant at which the clock shows its time *or
//!   a later one*. It begins where the clock had got to before: times jumped over are all due
//!   at the first instant of the new stretch, together once, and repeated ones are past.
//!
//! That holds for changes of any size at any hour, for whatever reason.

use jiff::{
    SignedDuration, Timestamp,
    civil::{DateTime, Time},
    tz::{Offset, TimeZone},
};

use super::{
    Every, Schedule, Timing,
    cron::{CALENDAR_CYCLE, Cron, Pace},
};

/// More than two offsets can differ. What a clock showed longer ago than this cannot be ahead of
/// what it shows now.
const OFFSETS_DIFFER: SignedDuration = SignedDuration::from_hours(52);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The instants of a schedule in order, without end or for as long as there are any within
/// 400 years, after which the calendar repeats.
#[derive(Clone, Debug)]
pub struct Occurrences<'a> {
    schedule: &'a Schedule,
    stretch: Stretch,
    /// The local time from which the present stretch is still to be searched.
    reading: DateTime,
    /// Nothing is looked for from here on.
    horizon: Timestamp,
}

impl<'a> Occurrences<'a> {
    /// The occurrences strictly after an instant and strictly before `end`.
    pub(super) fn new(schedule: &'a Schedule, after: Timestamp, end: Timestamp) -> Occurrences<'a> {
        let second = after.as_second() - i64::from(after.subsec_nanosecond() < 0);
        let start = Timestamp::from_second(second).unwrap_or(Timestamp::MIN);
        let horizon = horizon(schedule, start).min(end);
        let zone = schedule.time_zone.rules();
        let stretch = Stretch::new(zone, start, horizon);
        // The second of `after` itself has passed, and nothing is due between seconds.
        let next = stretch.opens().saturating_add(SECOND);
        let reading = match pace(&schedule.timing) {
            Pace::RealTime => next,
            Pace::WallClock => next.max(furthest_reading(zone, start)),
        };
        Occurrences { schedule, stretch, reading, horizon }
    }

    /// The first occurrence in the present stretch, which then no longer contains it.
    fn in_stretch(&mut self) -> Option<Timestamp> {
        match &self.schedule.timing {
            Timing::Cron(cron) => self.cron_in_stretch(cron),
            Timing::Every(every) => self.every_in_stretch(*every),
        }
    }

    fn cron_in_stretch(&mut self, cron: &Cron) -> Option<Timestamp> {
        let allows = |date| self.schedule.allows(date);
        let reading = cron.first(self.reading, self.stretch.closes(), allows)?;
        // A time before the stretch opened was jumped over, and is due as it opens.
        let at = self.stretch.instant(reading)?.max(self.stretch.start);
        self.reading = reading.max(self.stretch.offset.to_datetime(at)).checked_add(SECOND).ok()?;
        Some(at)
    }

    fn every_in_stretch(&mut self, every: Every) -> Option<Timestamp> {
        loop {
            let from = self.stretch.instant(self.reading)?;
            let at = every.first(from).filter(|at| *at < self.stretch.end)?;
            let shown = self.stretch.offset.to_datetime(at);
            if self.schedule.allows(shown.date()) {
                self.reading = shown.checked_add(SECOND).ok()?;
                return Some(at);
            }
            self.reading = shown.date().tomorrow().ok()?.to_datetime(Time::midnight());
        }
    }

    fn enter_next_stretch(&mut self) {
        let closed = self.stretch.closes();
        let zone = self.schedule.time_zone.rules();
        self.stretch = Stretch::new(zone, self.stretch.end, self.horizon);
        self.reading = match pace(&self.schedule.timing) {
            Pace::RealTime => self.stretch.opens(),
            Pace::WallClock => self.reading.max(closed),
        };
    }
}

impl Iterator for Occurrences<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        while self.stretch.start < self.horizon {
            if let Some(at) = self.in_stretch() {
                return Some(at);
            }
            self.enter_next_stretch();
        }
        None
    }
}

/// A span of real time, its end excluded, in which a zone has one offset.
#[derive(Clone, Debug)]
struct Stretch {
    start: Timestamp,
    end: Timestamp,
    offset: Offset,
}

impl Stretch {
    /// The stretch from `start` to the next change, or to `horizon` if that is earlier.
    fn new(zone: &TimeZone, start: Timestamp, horizon: Timestamp) -> Stretch {
        let change = zone.following(start).next().map_or(horizon, |change| change.timestamp());
        Stretch { start, end: change.min(horizon), offset: zone.to_offset(start) }
    }

    /// What the local clock shows at the start.
    fn opens(&self) -> DateTime {
        self.offset.to_datetime(self.start)
    }

    /// What the local clock would show at the end without a change.
    fn closes(&self) -> DateTime {
        self.offset.to_datetime(self.end)
    }

    fn instant(&self, reading: DateTime) -> Option<Timestamp> {
        self.offset.to_timestamp(reading).ok()
    }
}

fn pace(timing: &Timing) -> Pace {
    match timing {
        Timing::Cron(cron) => cron.pace,
        Timing::Every(_) => Pace::RealTime,
    }
}

/// The furthest that the local clock had got before a change at or before `now`, if it was put
/// back since.
fn furthest_reading(zone: &TimeZone, now: Timestamp) -> DateTime {
    // Changes before the next second are those until now.
    zone.preceding(now.saturating_add(SECOND).unwrap_or(now))
        .map(|change| change.timestamp())
        .take_while(|change| now.duration_since(*change) < OFFSETS_DIFFER)
        .map(|change| {
            let before = change.saturating_sub(SECOND).unwrap_or(change);
            zone.to_offset(before).to_datetime(change)
        })
        .max()
        .unwrap_or(DateTime::MIN)
}

/// Where the search ends: after a whole cycle of the calendar, or after the last day in `only`.
fn horizon(schedule: &Schedule, start: Timestamp) -> Timestamp {
    let years = SignedDuration::from_hours(i64::from(CALENDAR_CYCLE) * 366 * 24);
    let cycle = start.saturating_add(years).unwrap_or(Timestamp::MAX);
    let Some(only) = &schedule.only else { return cycle };
    let last = only.last().and_then(|day| {
        let past = day.checked_add(OFFSETS_DIFFER).ok()?.at(0, 0, 0, 0);
        Offset::UTC.to_timestamp(past).ok()
    });
    match last {
        Some(last) => last.min(cycle),
        None if only.is_empty() => start,
        None => cycle,
    }
}
