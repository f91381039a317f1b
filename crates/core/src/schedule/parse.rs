//! Reads a cron expression into its [`Cron`]: fields, items, numbers and names. What the values
//! then mean is `cron.rs`'s subject.

use super::{
    cron::{Combine, Cron, DaysOfMonth, DaysOfWeek, Pace},
    field::{BadCron, Field},
};

/// The short forms and what they stand for.
const MACROS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];
const MACRO_EXPECTED: &str =
    "@hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually or five fields";

/// Reads an expression: five fields, or one of the macros.
pub(super) fn parse(text: &str) -> Result<Cron, BadCron> {
    let words = words(text);
    if let Some(&(at, word)) = words.first()
        && word.starts_with('@')
    {
        let known = MACROS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
        let Some((_, fields)) = known else {
            return Err(BadCron {
                field: None,
                offset: at,
                expected: MACRO_EXPECTED.to_owned(),
                found: text.trim().to_owned(),
            });
        };
        return Ok(Cron { text: text.trim().to_owned(), ..parse(fields)? });
    }
    if let Some(&(at, word)) = words.get(Field::ALL.len()) {
        return Err(BadCron {
            field: None,
            offset: at,
            expected: "five fields: minute, hour, day-of-month, month, day-of-week".to_owned(),
            found: word.to_owned(),
        });
    }
    let end = text.trim_end().chars().count();
    let word = |field: Field| {
        let (at, text) = words.get(field as usize).copied().unwrap_or((end, ""));
        Word { field, text, at }
    };
    read(text, Field::ALL.map(word))
}

fn read(text: &str, fields: [Word<'_>; 5]) -> Result<Cron, BadCron> {
    let [minute, hour, day_of_month, month, day_of_week] = fields;
    let (weekday, both) = match day_of_week.after('+') {
        Some(rest) => (rest, true),
        None => (day_of_week, false),
    };
    // As in Vixie cron, it is the first character that makes a field unrestricted: `*/2` too.
    let either = !both && !day_of_month.is_open() && !weekday.is_open();
    let cron = Cron {
        text: text.trim().to_owned(),
        minutes: minute.set()?,
        // The largest value of an hour or a month fits the narrower set.
        hours: hour.set()? as u32,
        days_of_month: days_of_month_in(day_of_month)?,
        months: month.set()? as u16,
        days_of_week: days_of_week_in(weekday)?,
        combine: if either { Combine::Either } else { Combine::Both },
        pace: if minute.is_open() || hour.is_open() { Pace::RealTime } else { Pace::WallClock },
    };
    if cron.ever_fires() {
        Ok(cron)
    } else {
        Err(day_of_month.wrong("a day that the given months can have (this never fires)"))
    }
}

/// The words of the expression, each with its offset in characters.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut offset = 0;
    for part in text.split(char::is_whitespace) {
        if !part.is_empty() {
            words.push((offset, part));
        }
        offset += part.chars().count() + 1;
    }
    words
}

fn days_of_month_in(field: Word<'_>) -> Result<DaysOfMonth, BadCron> {
    let mut days = DaysOfMonth::default();
    for item in field.items() {
        if item.is("L") {
            days.before_last |= 1;
        } else if item.is("LW") {
            days.last_workday = true;
        } else if let Some(rest) = item.after('L') {
            let Some(number) = rest.after('-') else {
                return Err(item.wrong("`L`, `LW` or days before the last, such as `L-3`"));
            };
            days.before_last |= 1 << number.number(1, 30, "a number of days from 1 to 30")?;
        } else if let Some(day) = item.before('W') {
            days.nearest_workday |= 1 << day.number(1, 31, "a day from 1 to 31 before `W`")?;
        } else {
            days.exact |= item.span()? as u32;
        }
    }
    Ok(days)
}

fn days_of_week_in(field: Word<'_>) -> Result<DaysOfWeek, BadCron> {
    let mut days = DaysOfWeek::default();
    for item in field.items() {
        if let Some((weekday, which)) = item.split('#') {
            let which = which.number(1, 5, "which one of the month, from 1 to 5, after `#`")?;
            days.nth[usize::from(which) - 1] |= sunday_once(1 << weekday.value()?);
        } else if item.is("L") {
            return Err(item.wrong("a weekday before `L`, such as `5L`"));
        } else if let Some(weekday) = item.before('L') {
            days.last |= sunday_once(1 << weekday.value()?);
        } else {
            days.every |= sunday_once(item.span()?);
        }
    }
    Ok(days)
}

/// The set of weekdays with 7 read as 0.
fn sunday_once(set: u64) -> u8 {
    (set | set >> 7) as u8 & 0x7f
}

/// A part of the expression that knows where it stands.
#[derive(Clone, Copy)]
struct Word<'a> {
    field: Field,
    text: &'a str,
    at: usize,
}

impl<'a> Word<'a> {
    fn wrong(self, expected: impl Into<String>) -> BadCron {
        BadCron {
            field: Some(self.field),
            offset: self.at,
            expected: expected.into(),
            found: self.text.to_owned(),
        }
    }

    fn is(self, text: &str) -> bool {
        self.text.eq_ignore_ascii_case(text)
    }

    /// Whether the field leaves its values open, in Vixie cron's sense.
    fn is_open(self) -> bool {
        self.text.starts_with(['*', '?'])
    }

    fn split(self, separator: char) -> Option<(Word<'a>, Word<'a>)> {
        let (left, right) = self.text.split_once(separator)?;
        let at = self.at + left.chars().count() + 1;
        Some((Word { text: left, ..self }, Word { text: right, at, ..self }))
    }

    /// What follows a leading letter of either case.
    fn after(self, lead: char) -> Option<Word<'a>> {
        let text = self.text.strip_prefix([lead, lead.to_ascii_lowercase()])?;
        Some(Word { text, at: self.at + 1, ..self })
    }

    /// What stands before a closing letter of either case.
    fn before(self, close: char) -> Option<Word<'a>> {
        let text = self.text.strip_suffix([close, close.to_ascii_lowercase()])?;
        Some(Word { text, ..self })
    }

    /// The parts of a comma list.
    fn items(self) -> impl Iterator<Item = Word<'a>> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let word = rest?;
            let (item, next) = word.split(',').map_or((word, None), |(a, b)| (a, Some(b)));
            rest = next;
            Some(item)
        })
    }

    /// The values of a field without special forms.
    fn set(self) -> Result<u64, BadCron> {
        self.items().try_fold(0, |set, item| Ok(set | item.span()?))
    }

    /// `*`, a value or a range, with or without a step; in the day fields `?` as well.
    fn span(self) -> Result<u64, BadCron> {
        let (min, max) = self.field.bounds();
        let (span, step) = match self.split('/') {
            Some((span, step)) => {
                (span, Some(step.number(1, max, &format!("a step from 1 to {max}"))?))
            }
            None => (self, None),
        };
        let question = matches!(self.field, Field::DayOfMonth | Field::DayOfWeek);
        let (first, last) = if span.text == "*" || (question && self.text == "?") {
            (min, max)
        } else if let Some((from, to)) = span.split('-') {
            let (first, last) = (from.value()?, to.value()?);
            // Sunday by name closes a range as 7: `FRI-SUN`.
            let sunday = self.field == Field::DayOfWeek && to.is("SUN") && first > 0;
            (first, if sunday { 7 } else { last })
        } else if step.is_some() {
            return Err(span.wrong("`*` or a range before the step, such as `5-20/5`"));
        } else {
            let value = span.value()?;
            (value, value)
        };
        if first > last {
            return Err(span.wrong("a range that goes up"));
        }
        let step = usize::from(step.unwrap_or(1));
        Ok((first..=last).step_by(step).fold(0, |set, value| set | 1 << value))
    }

    /// One value: a number or a name.
    fn value(self) -> Result<u8, BadCron> {
        match self.field.named(self.text) {
            Some(value) => Ok(value),
            None => {
                let (min, max) = self.field.bounds();
                self.number(min, max, self.field.values())
            }
        }
    }

    fn number(self, min: u8, max: u8, expected: &str) -> Result<u8, BadCron> {
        let digits = !self.text.is_empty() && self.text.bytes().all(|it| it.is_ascii_digit());
        match self.text.parse() {
            Ok(number) if digits && (min..=max).contains(&number) => Ok(number),
            _ => Err(self.wrong(expected)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str) -> Cron {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// What two spellings mean, without the spelling.
    #[track_caller]
    fn same(text: &str, other: &str) {
        assert_eq!(cron(text), Cron { text: text.trim().to_owned(), ..cron(other) });
    }

    #[test]
    fn spellings_of_the_same_expression() {
        same("*/1 */1 * * *", "* *,3 * * *");
        same("5-20/5 1,2,3 * * *", "5,10,15,20 1-3 * * *");
        same("0 0 * jan,Mar-MAY *", "0 0 * 1,3,4,5 *");
        same("0 0 * * mon-FRI", "0 0 * * 1-5");
        same("0 0 * * FRI-SUN", "0 0 * * 0,5,6");
        same("0 0 * * SUN-TUE", "0 0 * * 0-2");
        same("0 0 * * 7", "0 0 * * 0");
        same("0 0 * * 5-7", "0 0 * * 5,6,0");
        same("0 0 * * 7#2,7L", "0 0 * * SUN#2,sunl");
        same("0 0 ? * 1", "0 0 * * 1");
        same("0 0 1 * ?", "0 0 1 * *");
        same("0 0 l,l-3,15w,lw * *", "0 0 L,L-3,15W,LW * *");
        same("  00\t02 *   * *  ", "0 2 * * *");
    }

    #[test]
    fn macros_stand_for_expressions() {
        same("@hourly", "0 * * * *");
        same("@daily", "0 0 * * *");
        same(" @Midnight ", "0 0 * * *");
        same("@weekly", "0 0 * * 0");
        same("@monthly", "0 0 1 * *");
        same("@yearly", "0 0 1 1 *");
        same("@ANNUALLY", "0 0 1 1 *");
    }

    #[test]
    fn the_first_character_says_what_an_expression_follows() {
        for (text, pace) in [
            ("0 2 * * *", Pace::WallClock),
            ("0-59/20 2 * * *", Pace::WallClock),
            ("0,30 0-23 * * *", Pace::WallClock),
            ("0,* 2 * * *", Pace::WallClock),
            ("*,0 2 * * *", Pace::RealTime),
            ("*/20 2 * * *", Pace::RealTime),
            ("30 */4 * * *", Pace::RealTime),
            ("30 * * * *", Pace::RealTime),
        ] {
            assert_eq!(cron(text).pace, pace, "{text}");
        }
    }

    #[test]
    fn the_first_character_says_how_days_combine() {
        for (text, combine) in [
            ("0 0 1 * 1", Combine::Either),
            ("0 0 1-31 * 1", Combine::Either),
            ("0 0 */2 * 1", Combine::Both),
            ("0 0 1 * */2", Combine::Both),
            ("0 0 ? * 1", Combine::Both),
            ("0 0 1 * +1", Combine::Both),
            ("0 0 1 * +*", Combine::Both),
        ] {
            assert_eq!(cron(text).combine, combine, "{text}");
        }
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(
                text.parse::<Cron>().map_err(|error| error.to_string()),
                Err(expected.into())
            );
        }
        check("", "minute field at offset 0: expected a minute from 0 to 59, found nothing");
        check(
            "0 2 * * ",
            "day-of-week field at offset 7: expected a weekday from 0 to 7 or SUN to SAT, `5#2` or `5L`, found nothing",
        );
        check(
            "0 0 2 * * *",
            "cron expression at offset 10: expected five fields: minute, hour, day-of-month, month, day-of-week, found `*`",
        );
        check(
            " @reboot",
            "cron expression at offset 1: expected @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually or five fields, found `@reboot`",
        );
        check("60 2 * * *", "minute field at offset 0: expected a minute from 0 to 59, found `60`");
        check("0 2,24 * * *", "hour field at offset 4: expected an hour from 0 to 23, found `24`");
        check("0 ? * * *", "hour field at offset 2: expected an hour from 0 to 23, found `?`");
        check("0 2, * * *", "hour field at offset 4: expected an hour from 0 to 23, found nothing");
        check("0 +2 * * *", "hour field at offset 2: expected an hour from 0 to 23, found `+2`");
        check("0 5-2 * * *", "hour field at offset 2: expected a range that goes up, found `5-2`");
        check(
            "0/15 2 * * *",
            "minute field at offset 0: expected `*` or a range before the step, such as `5-20/5`, found `0`",
        );
        check("*/0 2 * * *", "minute field at offset 2: expected a step from 1 to 59, found `0`");
        check("*/90 2 * * *", "minute field at offset 2: expected a step from 1 to 59, found `90`");
        check(
            "0 0 0 * *",
            "day-of-month field at offset 4: expected a day from 1 to 31, `L`, `L-3`, `15W` or `LW`, found `0`",
        );
        check(
            "0 0 1,L3 * *",
            "day-of-month field at offset 6: expected `L`, `LW` or days before the last, such as `L-3`, found `L3`",
        );
        check(
            "0 0 L-31 * *",
            "day-of-month field at offset 6: expected a number of days from 1 to 30, found `31`",
        );
        check(
            "0 0 1-15W * *",
            "day-of-month field at offset 4: expected a day from 1 to 31 before `W`, found `1-15`",
        );
        check(
            "0 0 * JAN-JUNE *",
            "month field at offset 10: expected a month from 1 to 12 or JAN to DEC, found `JUNE`",
        );
        check("é 0 * * *", "minute field at offset 0: expected a minute from 0 to 59, found `é`");
        check("0 é,0 * * *", "hour field at offset 2: expected an hour from 0 to 23, found `é`");
        check(
            "0 0 * * +MON,8",
            "day-of-week field at offset 13: expected a weekday from 0 to 7 or SUN to SAT, `5#2` or `5L`, found `8`",
        );
        check(
            "0 0 * * 5#6",
            "day-of-week field at offset 10: expected which one of the month, from 1 to 5, after `#`, found `6`",
        );
        check(
            "0 0 * * L",
            "day-of-week field at offset 8: expected a weekday before `L`, such as `5L`, found `L`",
        );
    }

    #[test]
    fn what_never_fires_is_refused() {
        for text in
            ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 L-29 2 *", "0 0 1-7 * +1#2", "0 0 30W 2 ?"]
        {
            assert_eq!(
                text.parse::<Cron>().unwrap_err().expected,
                "a day that the given months can have (this never fires)",
                "{text}"
            );
        }
        for text in ["0 0 29 2 *", "0 0 29 2 +MON", "0 0 30 2 1", "0 0 L-30 1 *", "0 0 * 2 +5#5"] {
            assert!(text.parse::<Cron>().is_ok(), "{text}");
        }
    }
}
