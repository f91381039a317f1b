//! Names of databases and snapshots, and ARNs where a name may be one.
//!
//! Source: RDS API Reference, the constraints of `DBInstanceIdentifier`, `DBSnapshotIdentifier`
//! and `DBClusterSnapshotIdentifier`.

use lamplighter_core::Place;

use crate::refusal::Refusal;

/// The most characters of an instance's or a cluster's name.
pub(crate) const LONGEST_DATABASE: usize = 63;

/// A new name as it is kept: in lower case. Refuses what cannot be one: the names of automated
/// snapshots have a colon, so nobody can make one of those.
pub(crate) fn new(parameter: &str, name: &str, longest: usize) -> Result<String, Refusal> {
    let allowed = |it: char| it.is_ascii_alphanumeric() || it == '-';
    let well_formed = name.starts_with(|it: char| it.is_ascii_alphabetic())
        && name.chars().all(allowed)
        && !name.ends_with('-')
        && !name.contains("--");
    if well_formed && name.len() <= longest {
        return Ok(name.to_ascii_lowercase());
    }
    let message = match well_formed {
        true => format!("The parameter {parameter} must be at most {longest} characters long."),
        false => format!(
            "The parameter {parameter} is not a valid identifier. Identifiers must begin with a \
             letter; must contain only ASCII letters, digits, and hyphens; and must not end with \
             a hyphen or contain two consecutive hyphens."
        ),
    };
    Err(Refusal::new("InvalidParameterValue", message))
}

/// What a request names, by its name or its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Where it is.
    pub(crate) place: Place,
    /// Its name there, in lower case.
    pub(crate) name: String,
    /// Whether it was named by its ARN.
    pub(crate) by_arn: bool,
}

/// Reads a name, or an ARN of this resource type such as `snapshot`. Names are compared without
/// their case. `None`: an ARN of something else.
pub(crate) fn read(here: &Place, resource: &str, text: &str) -> Option<Named> {
    if !text.starts_with("arn:") {
        let name = text.to_ascii_lowercase();
        return Some(Named { place: here.clone(), name, by_arn: false });
    }
    let (place, found, name) = read_arn(text)?;
    (found == resource).then_some(Named { place, name, by_arn: true })
}

/// The place, the resource type and the name in an ARN of RDS.
pub(crate) fn read_arn(arn: &str) -> Option<(Place, &str, String)> {
    let mut parts = arn.strip_prefix("arn:aws:rds:")?.splitn(4, ':');
    let region = parts.next()?.parse().ok()?;
    let account = parts.next()?.parse().ok()?;
    let (resource, name) = (parts.next()?, parts.next()?);
    let name = name.to_ascii_lowercase();
    (!name.is_empty()).then_some((Place { account, region }, resource, name))
}

/// The refusal of an ARN of something else.
pub(crate) fn bad_arn(text: &str) -> Refusal {
    Refusal::new("InvalidParameterValue", format!("Invalid resource identifier: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::place;

    #[track_caller]
    fn check(name: &str, longest: usize, expected: Result<&str, &str>) {
        let found = new("DBSnapshotIdentifier", name, longest).map_err(|it| it.code);
        assert_eq!(found.as_deref().map_err(|it| *it), expected, "`{name}`");
    }

    #[test]
    fn names_are_letters_digits_and_single_hyphens() {
        let bad = Err("InvalidParameterValue");
        check("a", 63, Ok("a"));
        check("Orders-2026", 63, Ok("orders-2026"));
        for name in ["", "1a", "-a", "a-", "a--b", "a_b", "a.b", "rds:a", "ä"] {
            check(name, 63, bad);
        }
        check(&"a".repeat(63), 63, Ok(&"a".repeat(63)));
        check(&"a".repeat(64), 63, bad);
        check(&"a".repeat(255), 255, Ok(&"a".repeat(255)));
        check(&"a".repeat(256), 255, bad);
    }

    #[test]
    fn arns_and_names_name_the_same() {
        let here = place("111122223333", "eu-west-1");
        let read = |text: &str| read(&here, "snapshot", text).map(|it| (it.place, it.name));
        let there = place("444455556666", "us-east-1");
        let arn = "arn:aws:rds:us-east-1:444455556666:snapshot:";
        assert_eq!(read("Orders"), Some((here.clone(), "orders".into())));
        assert_eq!(read(&format!("{arn}Orders")), Some((there.clone(), "orders".into())));
        assert_eq!(read(&format!("{arn}rds:orders")), Some((there, "rds:orders".into())));
        for bad in ["arn:aws:rds:us-east-1:444455556666:db:orders", arn, "arn:aws:rds:x"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
