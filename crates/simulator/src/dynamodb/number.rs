//! Numbers as DynamoDB has them: decimal, with 38 digits, from 1E-130 to 9.99E+125.
//! Source: DynamoDB Developer Guide, "Naming rules and data types", Number.

use std::{cmp::Ordering, fmt, str::FromStr};

/// Digits of a number.
const DIGITS: u32 = 38;
/// The largest place that a digit can have.
const LARGEST_PLACE: i32 = 125;
/// The smallest place that a digit can have.
const SMALLEST_PLACE: i32 = -130;

/// A number. Equal numbers are equal however they were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Number {
    negative: bool,
    /// Below 10³⁸, and not divisible by 10 unless it is 0.
    digits: u128,
    exponent: i32,
}

/// A text is no number, or a number has no place in DynamoDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadNumber {
    /// It is none.
    Malformed,
    /// It has more digits than fit.
    Precision,
    /// It is too large, or too near to zero.
    Range,
}

impl BadNumber {
    pub(crate) fn message(self) -> &'static str {
        match self {
            BadNumber::Malformed => "The parameter cannot be converted to a numeric value",
            BadNumber::Precision => {
                "Attempting to store more than 38 significant digits in a Number"
            }
            BadNumber::Range => {
                "Number overflow. Attempting to store a number with magnitude larger than \
                 supported range"
            }
        }
    }
}

impl Number {
    fn new(negative: bool, mut digits: u128, mut exponent: i32) -> Result<Number, BadNumber> {
        if digits == 0 {
            return Ok(Number::default());
        }
        while digits.is_multiple_of(10) {
            digits /= 10;
            exponent += 1;
        }
        if digits.ilog10() + 1 > DIGITS {
            return Err(BadNumber::Precision);
        }
        let number = Number { negative, digits, exponent };
        match number.place() > LARGEST_PLACE || exponent < SMALLEST_PLACE {
            true => Err(BadNumber::Range),
            false => Ok(number),
        }
    }

    /// The place of its first digit.
    fn place(self) -> i32 {
        // A logarithm of a u128 is at most 38.
        self.exponent + self.digits.checked_ilog10().unwrap_or_default() as i32
    }

    /// The sum.
    pub(crate) fn plus(self, other: Number) -> Result<Number, BadNumber> {
        if self.digits == 0 || other.digits == 0 {
            return Ok(if self.digits == 0 { other } else { self });
        }
        let exponent = self.exponent.min(other.exponent);
        let aligned = |it: Number| {
            let by = it.exponent.abs_diff(exponent);
            let scaled = 10_i128.checked_pow(by)?.checked_mul(i128::try_from(it.digits).ok()?)?;
            Some(if it.negative { -scaled } else { scaled })
        };
        let sum = || aligned(self)?.checked_add(aligned(other)?);
        let sum = sum().ok_or(BadNumber::Precision)?;
        Number::new(sum < 0, sum.unsigned_abs(), exponent)
    }

    /// The difference.
    pub(crate) fn minus(self, other: Number) -> Result<Number, BadNumber> {
        self.plus(Number { negative: !other.negative && other.digits > 0, ..other })
    }

    /// Bytes that it takes in an item, about.
    pub(crate) fn size(self) -> usize {
        let digits = self.digits.checked_ilog10().map_or(1, |it| it as usize + 1);
        digits.div_ceil(2) + 1 + usize::from(self.negative)
    }
}

impl FromStr for Number {
    type Err = BadNumber;

    fn from_str(text: &str) -> Result<Number, BadNumber> {
        let (sign, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i32>().map_err(|_| BadNumber::Malformed)?)
            }
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|it| it.is_ascii_digit()) {
            return Err(BadNumber::Malformed);
        }
        let kept = all.trim_start_matches('0').trim_end_matches('0');
        if kept.len() > DIGITS as usize {
            return Err(BadNumber::Precision);
        }
        let dropped = all.len() - all.trim_end_matches('0').len();
        let places = i32::try_from(dropped).ok().zip(i32::try_from(fraction.len()).ok());
        let places =
            places.and_then(|(dropped, places)| exponent.checked_add(dropped)?.checked_sub(places));
        if kept.is_empty() {
            return Ok(Number::default());
        }
        let digits = kept.parse().map_err(|_| BadNumber::Malformed)?;
        Number::new(sign, digits, places.ok_or(BadNumber::Range)?)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        let sign = |it: &Number| match (it.digits, it.negative) {
            (0, _) => 0,
            (_, negative) => {
                if negative {
                    -1
                } else {
                    1
                }
            }
        };
        let magnitude = || {
            let place = self.place().cmp(&other.place());
            // The same place: with as many digits, they compare as whole numbers.
            let width = |it: &Number| it.digits.checked_ilog10().unwrap_or_default();
            let most = width(self).max(width(other));
            let padded = |it: &Number| it.digits * 10_u128.pow(most - width(it));
            place.then_with(|| padded(self).cmp(&padded(other)))
        };
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => magnitude(),
            _ => magnitude().reverse(),
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    /// Without an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits.to_string();
        let text = match usize::try_from(self.exponent) {
            Ok(zeros) if self.digits > 0 => digits + &"0".repeat(zeros),
            Ok(_) => digits,
            Err(_) => {
                let places = self.exponent.unsigned_abs() as usize;
                let padded = format!("{digits:0>width$}", width = places + 1);
                let (whole, fraction) = padded.split_at(padded.len() - places);
                format!("{whole}.{fraction}")
            }
        };
        write!(f, "{}{text}", if self.negative { "-" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, BadNumber>) {
        let number = text.parse::<Number>();
        assert_eq!(number.map(|it| it.to_string()), expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn numbers_are_read_and_written() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("100", "100"),
            ("1E2", "100"),
            ("+1.50", "1.5"),
            ("-0.05", "-0.05"),
            ("00012e-1", "1.2"),
            (".5", "0.5"),
            ("0e999", "0"),
        ] {
            check(text, Ok(expected));
        }
        for wrong in ["", "-", "1.2.3", "one", "1e", "0x10", "1 ", "NaN", "--1", "1e99999999999"] {
            check(wrong, Err(BadNumber::Malformed));
        }
        check(&"9".repeat(39), Err(BadNumber::Precision));
        check(&"9".repeat(38), Ok(&"9".repeat(38)));
        check("1e126", Err(BadNumber::Range));
        check("1e-131", Err(BadNumber::Range));
        assert!("9.99e125".parse::<Number>().is_ok() && "1e-130".parse::<Number>().is_ok());
    }

    #[test]
    fn what_does_not_fit_is_no_sum() {
        let number = |text: &str| text.parse::<Number>().unwrap();
        assert_eq!(number("1e40").plus(number("1")), Err(BadNumber::Precision));
        assert_eq!(number("9e125").plus(number("9e125")), Err(BadNumber::Range));
        assert_eq!(number("0.1").plus(number("0.2")), Ok(number("0.3")));
    }

    fn any() -> impl Strategy<Value = (i64, i32)> {
        (-999_999_i64..=999_999, -6_i32..6)
    }

    fn both((digits, exponent): (i64, i32)) -> (Number, i128) {
        let number = format!("{digits}e{exponent}").parse().unwrap();
        (number, i128::from(digits) * 10_i128.pow((exponent + 6) as u32))
    }

    proptest! {
        #[test]
        fn they_count_like_whole_numbers(a in any(), b in any()) {
            let ((a, a_whole), (b, b_whole)) = (both(a), both(b));
            prop_assert_eq!(a.cmp(&b), a_whole.cmp(&b_whole));
            let sum: Number = format!("{}e-6", a_whole + b_whole).parse().unwrap();
            prop_assert_eq!(a.plus(b), Ok(sum));
            let difference: Number = format!("{}e-6", a_whole - b_whole).parse().unwrap();
            prop_assert_eq!(a.minus(b), Ok(difference));
            prop_assert_eq!(a.to_string().parse(), Ok(a));
        }
    }
}
