//! The laws of schedules, proved against definitions that are too slow to use: expressions as lists of
//! items instead of sets, local times one by one, and real time minute by minute.

use std::{collections::BTreeSet, fmt, sync::LazyLock};

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, DateTime, Weekday, date},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use proptest::{prelude::*, sample::select};

use super::{Calendar, Schedule, Timing, Zone};

/// Zones whose clocks do something unusual.
const ODD_ZONES: [&str; 28] = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Africa/Monrovia",
    "America/Caracas",
    "America/Godthab",
    "America/Havana",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Macquarie",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Volgograd",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Enderbury",
    "Pacific/Kwajalein",
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    Star,
    Question,
    StarStep(i8),
    Value(i8),
    Range(i8, i8, Option<i8>),
    Last,
    BeforeLast(i8),
    NearestWorkday(i8),
    LastWorkday,
    NthWeekday(i8, i8),
    LastWeekday(i8),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Star => write!(f, "*"),
            Item::Question => write!(f, "?"),
            Item::StarStep(step) => write!(f, "*/{step}"),
            Item::Value(value) => write!(f, "{value}"),
            Item::Range(first, last, None) => write!(f, "{first}-{last}"),
            Item::Range(first, last, Some(step)) => write!(f, "{first}-{last}/{step}"),
            Item::Last => write!(f, "L"),
            Item::BeforeLast(days) => write!(f, "L-{days}"),
            Item::NearestWorkday(day) => write!(f, "{day}W"),
            Item::LastWorkday => write!(f, "LW"),
            Item::NthWeekday(weekday, nth) => write!(f, "{weekday}#{nth}"),
            Item::LastWeekday(weekday) => write!(f, "{weekday}L"),
        }
    }
}

impl Item {
    /// Whether a value is meant, in a field that begins at `min`.
    fn has(self, value: i8, min: i8) -> bool {
        match self {
            Item::Star | Item::Question => true,
            Item::StarStep(step) => (value - min) % step == 0,
            Item::Value(only) => value == only,
            Item::Range(first, last, step) => {
                (first..=last).contains(&value) && (value - first) % step.unwrap_or(1) == 0
            }
            _ => false,
        }
    }

    fn has_day(self, day: Date) -> bool {
        let last = day.days_in_month();
        match self {
            Item::Last => day.day() == last,
            Item::BeforeLast(days) => day.day() == last - days,
            Item::NearestWorkday(number) => {
                number <= last
                    && Some(day) == workdays(day).min_by_key(|it| (it.day() - number).abs())
            }
            Item::LastWorkday => Some(day) == workdays(day).last(),
            _ => self.has(day.day(), 1),
        }
    }

    fn has_weekday(self, day: Date) -> bool {
        let weekday = day.weekday().to_sunday_zero_offset();
        match self {
            Item::NthWeekday(asked, nth) => {
                asked % 7 == weekday && (1 + (day.day() - 1) / 7) == nth
            }
            Item::LastWeekday(asked) => asked % 7 == weekday && day.day() + 7 > day.days_in_month(),
            // The field has Sunday at both ends.
            _ => self.has(weekday, 0) || (weekday == 0 && self.has(7, 0)),
        }
    }
}

fn workdays(month: Date) -> impl Iterator<Item = Date> {
    let first = month.first_of_month();
    first
        .series(1.day())
        .take_while(move |day| day.month() == first.month())
        .filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
}

#[derive(Clone, Debug)]
struct Expression {
    minute: Vec<Item>,
    hour: Vec<Item>,
    day: Vec<Item>,
    month: Vec<Item>,
    weekday: Vec<Item>,
    both: bool,
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |items: &[Item]| items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let plus = if self.both { "+" } else { "" };
        write!(f, "{} {} {} ", list(&self.minute), list(&self.hour), list(&self.day))?;
        write!(f, "{} {plus}{}", list(&self.month), list(&self.weekday))
    }
}

fn is_open(items: &[Item]) -> bool {
    matches!(items, [Item::Star | Item::Question | Item::StarStep(_), ..])
}

impl Expression {
    fn on(&self, day: Date) -> bool {
        let of_month = self.day.iter().any(|it| it.has_day(day));
        let of_week = self.weekday.iter().any(|it| it.has_weekday(day));
        let both = self.both || is_open(&self.day) || is_open(&self.weekday);
        self.month.iter().any(|it| it.has(day.month(), 1))
            && if both { of_month && of_week } else { of_month || of_week }
    }

    fn at(&self, time: DateTime) -> bool {
        self.minute.iter().any(|it| it.has(time.minute(), 0))
            && self.hour.iter().any(|it| it.has(time.hour(), 0))
            && time.second() == 0
            && self.on(time.date())
    }

    fn follows_real_time(&self) -> bool {
        is_open(&self.minute) || is_open(&self.hour)
    }

    /// The occurrences after `after` until `until`, by definition.
    fn occurrences(&self, zone: &TimeZone, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let minute = SignedDuration::from_mins(1);
        if self.follows_real_time() {
            return std::iter::successors(Some(after), |at| Some(*at + minute))
                .take_while(|at| *at <= until)
                .filter(|at| *at > after && self.at(zone.to_datetime(*at)))
                .collect();
        }
        let first = zone.to_datetime(after).date().saturating_sub(2.days());
        let last = zone.to_datetime(until).date().saturating_add(2.days());
        let days = first.series(1.day()).take_while(|day| *day <= last).filter(|day| self.on(*day));
        let times = days.flat_map(|day| {
            (0..24).flat_map(move |hour| (0..60).map(move |minute| day.at(hour, minute, 0, 0)))
        });
        let instants: BTreeSet<Timestamp> =
            times.filter(|time| self.at(*time)).map(|time| first_instant(zone, time)).collect();
        instants.into_iter().filter(|at| *at > after && *at <= until).collect()
    }
}

/// Where DESIGN's rule puts a fixed time: the first of two, or the first after the gap.
fn first_instant(zone: &TimeZone, time: DateTime) -> Timestamp {
    let minute = SignedDuration::from_mins(1);
    match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(time).unwrap()
        }
        AmbiguousOffset::Gap { after, .. } => {
            let before_the_gap = after.to_timestamp(time).unwrap();
            std::iter::successors(Some(before_the_gap), |at| Some(*at + minute))
                .find(|at| zone.to_datetime(*at) > time)
                .unwrap()
        }
    }
}

fn item(min: i8, max: i8) -> BoxedStrategy<Item> {
    let range = (min..=max, min..=max, proptest::option::of(1..=max))
        .prop_map(|(a, b, step)| Item::Range(a.min(b), a.max(b), step));
    prop_oneof![4 => (min..=max).prop_map(Item::Value), 1 => range].boxed()
}

fn list(item: BoxedStrategy<Item>, open: BoxedStrategy<Item>) -> BoxedStrategy<Vec<Item>> {
    prop_oneof![
        5 => proptest::collection::vec(item.clone(), 1..5),
        2 => open.clone().prop_map(|open| vec![open]),
        1 => (open, item).prop_map(|(open, item)| vec![open, item]),
    ]
    .boxed()
}

fn open(max: i8) -> BoxedStrategy<Item> {
    prop_oneof![Just(Item::Star), (1..=max).prop_map(Item::StarStep)].boxed()
}

fn day_item() -> BoxedStrategy<Item> {
    prop_oneof![
        6 => item(1, 31),
        1 => Just(Item::Last),
        1 => (1..=30_i8).prop_map(Item::BeforeLast),
        2 => (1..=31_i8).prop_map(Item::NearestWorkday),
        1 => Just(Item::LastWorkday),
    ]
    .boxed()
}

fn weekday_item() -> BoxedStrategy<Item> {
    prop_oneof![
        4 => item(0, 7),
        1 => (0..=7_i8, 1..=5_i8).prop_map(|(weekday, nth)| Item::NthWeekday(weekday, nth)),
        1 => (0..=7_i8).prop_map(Item::LastWeekday),
    ]
    .boxed()
}

/// Day fields of every kind; `often` makes them mostly `*`, so that the times of day matter.
fn days(often: u32) -> impl Strategy<Value = (Vec<Item>, Vec<Item>, Vec<Item>, bool)> {
    let with_question = |max| prop_oneof![3 => open(max), 1 => Just(Item::Question)].boxed();
    let star = || Just(vec![Item::Star]);
    (
        prop_oneof![often => star(), 2 => list(day_item(), with_question(31))],
        prop_oneof![often => star(), 1 => list(item(1, 12), open(12))],
        prop_oneof![often => star(), 2 => list(weekday_item(), with_question(7))],
        prop::bool::weighted(0.3),
    )
}

fn expression() -> impl Strategy<Value = Expression> {
    (list(item(0, 59), open(59)), list(item(0, 23), open(23)), days(6)).prop_map(
        |(minute, hour, (day, month, weekday, both))| Expression {
            minute,
            hour,
            day,
            month,
            weekday,
            both,
        },
    )
}

/// Every offset change since 1972 of the zones named, where clocks keep to whole minutes.
fn changes_of(names: impl Iterator<Item = String>) -> Vec<(Zone, Timestamp)> {
    let (first, last): (Timestamp, Timestamp) =
        ("1972-01-01T00:00:00Z".parse().unwrap(), "2045-01-01T00:00:00Z".parse().unwrap());
    let second = SignedDuration::from_secs(1);
    names
        .map(|name| name.parse::<Zone>().unwrap())
        .flat_map(|zone| {
            let rules = zone.rules().clone();
            let changes: Vec<_> = rules
                .following(first)
                .map(|change| change.timestamp())
                .take_while(|at| *at < last)
                .filter(|at| {
                    let (old, new) = (rules.to_offset(*at - second), rules.to_offset(*at));
                    old != new && [old, new].iter().all(|it| it.seconds() % 60 == 0)
                })
                .collect();
            changes.into_iter().map(move |at| (zone.clone(), at))
        })
        .collect()
}

static ODD_CHANGES: LazyLock<Vec<(Zone, Timestamp)>> =
    LazyLock::new(|| changes_of(ODD_ZONES.iter().map(ToString::to_string)));
static ALL_CHANGES: LazyLock<Vec<(Zone, Timestamp)>> = LazyLock::new(|| {
    changes_of(TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()))
});

fn change() -> impl Strategy<Value = (Zone, Timestamp)> {
    prop_oneof![select(&**ODD_CHANGES), select(&**ALL_CHANGES)]
}

/// croner has no `L-n` and no `*` in a list, takes `*/n` in a day field for a restriction, and
/// reads `L,LW` as `LW`.
fn croner_can_say(expression: &Expression) -> bool {
    let Expression { minute, hour, day, month, weekday, .. } = expression;
    let stars = |items: &[Item]| items.iter().any(|it| matches!(it, Item::Star | Item::Question));
    let has = |test: fn(&Item) -> bool| day.iter().any(test);
    let last = has(|it| matches!(it, Item::Last));
    let last_workday = has(|it| matches!(it, Item::LastWorkday));
    [minute, hour, day, month, weekday].iter().all(|it| it.len() == 1 || !stars(it))
        && [day, weekday].iter().all(|it| stars(it) || !is_open(it))
        && !has(|it| matches!(it, Item::BeforeLast(_)))
        && !(last && last_workday)
}

#[track_caller]
fn schedule(expression: &Expression, zone: Zone) -> Option<Schedule> {
    let cron = expression.to_string().parse().ok()?;
    Some(Schedule::new(Timing::Cron(cron), zone))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn offset_changes_skip_and_double_nothing(
        expression in expression(),
        (zone, change) in change(),
        minutes_before in 0..48 * 60_i64,
        milliseconds in prop_oneof![-48 * 3_600_000..24 * 3_600_000_i64, -2000..2000_i64, Just(0)],
    ) {
        let Some(schedule) = schedule(&expression, zone.clone()) else { return Ok(()) };
        let after = change - SignedDuration::from_mins(minutes_before);
        let until = after + SignedDuration::from_hours(72);
        let expected = expression.occurrences(zone.rules(), after, until);
        let found: Vec<_> = schedule.occurrences(after, until).collect();
        prop_assert_eq!(&found, &expected, "{} in {} after {}", expression, zone, after);

        // Starting anywhere gives the same instants.
        let later = (change + SignedDuration::from_millis(milliseconds)).max(after);
        let expected: Vec<_> = expected.into_iter().filter(|at| *at > later).collect();
        let found: Vec<_> = schedule.occurrences(later, until).collect();
        prop_assert_eq!(&found, &expected, "{} in {} after {}", expression, zone, later);
    }

    #[test]
    fn days_are_those_of_the_definition(
        (day, month, weekday, both) in days(1),
        start in 0..100 * 365_i32,
    ) {
        let midnight = vec![Item::Value(0)];
        let expression =
            Expression { minute: midnight.clone(), hour: midnight, day, month, weekday, both };
        let start = date(1999, 12, 31).saturating_add(start.days());
        let until = start.saturating_add(4.years());
        let expected: Vec<_> = start
            .tomorrow().unwrap()
            .series(1.day())
            .take_while(|day| *day <= until)
            .filter(|day| expression.on(*day))
            .collect();
        let instant = |day: Date| day.to_zoned(TimeZone::UTC).unwrap().timestamp();
        let found: Vec<Date> = match schedule(&expression, Zone::UTC) {
            Some(schedule) => schedule
                .occurrences(instant(start), instant(until))
                .map(|at| TimeZone::UTC.to_datetime(at).date())
                .collect(),
            // It says that it never fires.
            None => Vec::new(),
        };
        prop_assert_eq!(found, expected, "{}", expression);
    }

    #[test]
    fn croner_agrees_where_it_knows_the_dialect(
        expression in expression(),
        start in 0..20 * 365_i64,
    ) {
        prop_assume!(croner_can_say(&expression));
        let Some(schedule) = schedule(&expression, Zone::UTC) else { return Ok(()) };
        let text = expression.to_string();
        let theirs: croner::Cron = text.parse().unwrap();
        let after = Timestamp::from_second(1_767_225_600 + start * 86_400).unwrap();
        let mut at = after;
        for ours in schedule.upcoming(after).take(5) {
            let next = theirs.find_next_occurrence(&at.to_zoned(TimeZone::UTC), false).unwrap();
            prop_assert_eq!(ours, next.timestamp(), "{} after {}", text, at);
            at = ours;
        }
    }

    #[test]
    fn filters_of_days_only_take_away(
        expression in expression(),
        (zone, change) in change(),
        listed in proptest::collection::btree_set(-3..4_i32, 0..6),
    ) {
        let Some(plain) = schedule(&expression, zone.clone()) else { return Ok(()) };
        let middle = zone.rules().to_datetime(change).date();
        let listed: Calendar =
            listed.into_iter().map(|days| middle.saturating_add(days.days())).collect();
        let except = Schedule { except: listed.clone(), ..plain.clone() };
        let only = Schedule { only: Some(listed), ..plain.clone() };
        let (after, until) =
            (change - SignedDuration::from_hours(60), change + SignedDuration::from_hours(60));
        let found = |schedule: &Schedule| schedule.occurrences(after, until).collect::<BTreeSet<_>>();
        let united: BTreeSet<_> = found(&except).union(&found(&only)).copied().collect();
        prop_assert_eq!(united, found(&plain), "{} in {}", expression, zone);
    }
}
