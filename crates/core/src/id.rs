//! Names and identifiers. Each type checks its text once, when it is made.

use std::{borrow::Borrow, fmt, str::FromStr};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest task name. A job's id is also a tag on what the job makes, and AWS takes 256
/// characters there.
const TASK_NAME_MAX: usize = 64;
/// Longest id of an event: that of a UUID.
const EVENT_ID_MAX: usize = 36;
/// Between the instant of a run and the event that started it. Every service of AWS takes it in
/// the value of a tag, and neither side may have it.
const BEFORE_EVENT: char = '_';

/// Declares a string newtype whose only way in is a check of its text.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadText;
            fn try_from(text: String) -> Result<Self, BadText> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(BadText { text, expected: $expected }) }
            }
        }
        impl FromStr for $name {
            type Err = BadText;
            fn from_str(text: &str) -> Result<Self, BadText> {
                text.to_owned().try_into()
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

/// A text that is not what its place asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct BadText {
    text: String,
    expected: &'static str,
}

checked_text!(
    /// A 12-digit AWS account number.
    AccountId,
    |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()),
    "a 12-digit AWS account id"
);
checked_text!(
    /// An AWS region code, such as `eu-west-1` or `us-gov-east-1`.
    Region,
    is_region,
    "an AWS region, such as `eu-west-1`"
);
checked_text!(
    /// The name of a task in the configuration: kebab-case, at most 64 characters.
    TaskName,
    |text| is_kebab(text) && text.len() <= TASK_NAME_MAX,
    "a task name in kebab-case of at most 64 characters, such as `nightly-backup`"
);
checked_text!(
    /// What EventBridge knows an event by: a UUID. Part of the ids of the jobs that it starts.
    EventId,
    |text| (1..=EVENT_ID_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
    "the id of an event: at most 36 letters, digits and hyphens"
);
checked_text!(
    /// One run of a task: `nightly-backup@2026-03-29T02:00:00Z`. One that an event has started
    /// ends in the event's id: `on-tag@2026-03-29T02:00:00Z_7bf73129-1428-4cd3-a780-95db273d1602`.
    RunId,
    |text| run_part(text) == Some(text),
    "a run, such as `nightly-backup@2026-03-29T02:00:00Z`"
);
checked_text!(
    /// One unit of work. Ids are computed, not drawn: planning the same thing twice makes the
    /// same ids. They start with the run they belong to.
    JobId,
    |text| run_part(text).is_some(),
    "a job id, such as `nightly-backup@2026-03-29T02:00:00Z/111122223333/eu-west-1`"
);

impl RunId {
    /// The run of `task` for the instant `at`.
    pub fn new(task: &TaskName, at: Timestamp) -> RunId {
        RunId(format!("{task}@{at}"))
    }

    /// The run of `task` that an event of the instant `at` starts.
    pub fn of_event(task: &TaskName, at: Timestamp, event: &EventId) -> RunId {
        RunId(format!("{task}@{at}{BEFORE_EVENT}{event}"))
    }

    /// The task's name.
    pub fn task(&self) -> &str {
        self.0.split_once('@').map_or("", |(task, _)| task)
    }

    /// The occurrence as it stands in the id: an instant in RFC 3339.
    pub fn occurrence(&self) -> &str {
        self.parts().0
    }

    /// The id of the event that started it, if one has.
    pub fn event(&self) -> Option<&str> {
        self.parts().1
    }

    fn parts(&self) -> (&str, Option<&str>) {
        self.0.split_once('@').map_or(("", None), |(_, rest)| occurrence_and_event(rest))
    }
}

impl JobId {
    /// The job that starts a run.
    pub fn spread(run: &RunId) -> JobId {
        JobId(run.0.clone())
    }

    /// The job for one place of the run.
    pub fn find(run: &RunId, place: &Place) -> JobId {
        JobId(format!("{run}/{place}"))
    }

    /// The record that the run did not take place when it should have.
    pub fn missed(run: &RunId) -> JobId {
        JobId(format!("{run}/missed"))
    }

    /// The job that enters an account, and learns its regions.
    pub fn account(run: &RunId, account: &AccountId) -> JobId {
        JobId(format!("{run}/{account}"))
    }

    /// The job that learns the accounts of a part of the organization.
    pub fn group(run: &RunId, name: &str) -> JobId {
        JobId(format!("{run}/organization/{name}"))
    }

    /// The job that enters an account of a part of the organization. Another part may have it,
    /// too, and say other regions.
    pub fn member(run: &RunId, group: &str, account: &AccountId) -> JobId {
        JobId(format!("{run}/{group}/{account}"))
    }

    /// The job for one target in a place.
    pub fn act(run: &RunId, place: &Place, target: &str) -> JobId {
        JobId(format!("{run}/{place}/{target}"))
    }

    /// The run this job belongs to.
    pub fn run(&self) -> RunId {
        RunId(run_part(&self.0).unwrap_or_default().to_owned())
    }

    /// Whether it is the job for one target, and not for a run or a place.
    pub fn is_of_target(&self) -> bool {
        self.0.split('/').count() > 3
    }
}

/// An account in a region: where targets live.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

impl Place {
    /// The ARN of something of a service there: `table/orders` of `dynamodb`.
    /// Source: IAM User Guide, "Identify AWS resources with Amazon Resource Names (ARNs)".
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Place { account, region } = self;
        format!("arn:{}:{service}:{region}:{account}:{resource}", region.partition())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

impl Region {
    /// The partition of AWS that the region belongs to, as in ARNs: `aws`, `aws-cn` …
    /// Source: botocore's `partitions.json`.
    pub fn partition(&self) -> &'static str {
        const PARTITIONS: [(&str, &str); 7] = [
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("eusc-", "aws-eusc"),
            ("us-isob-", "aws-iso-b"),
            ("us-isof-", "aws-iso-f"),
            ("eu-isoe-", "aws-iso-e"),
            ("us-iso-", "aws-iso"),
        ];
        PARTITIONS
            .iter()
            .find(|(prefix, _)| self.0.starts_with(prefix))
            .map_or("aws", |(_, partition)| partition)
    }
}

/// Lower-case words of letters and digits with single hyphens between them.
fn is_kebab(text: &str) -> bool {
    text.split('-').all(|word| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    is_kebab(text)
        && (3..=4).contains(&words.len())
        && words.last().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The leading `task@instant` of an id, or `task@instant_event`, when it is one.
fn run_part(text: &str) -> Option<&str> {
    let run = text.split('/').next()?;
    let (task, occurrence) = run.split_once('@')?;
    let (at, event) = occurrence_and_event(occurrence);
    let good = task.parse::<TaskName>().is_ok()
        && at.parse::<Timestamp>().is_ok()
        && event.is_none_or(|event| event.parse::<EventId>().is_ok());
    good.then_some(run)
}

/// Splits what follows the task in the id of a run.
fn occurrence_and_event(text: &str) -> (&str, Option<&str>) {
    match text.split_once(BEFORE_EVENT) {
        Some((at, event)) => (at, Some(event)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_every_partition_are_accepted_and_known() {
        let cases = [
            ("eu-west-1", "aws"),
            ("ap-southeast-7", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ];
        for (text, partition) in cases {
            let region: Region = text.parse().unwrap();
            assert_eq!(region.partition(), partition, "{text}");
        }
        for text in ["", "eu-west", "eu-west-1a", "EU-west-1", "eu--west-1", "all"] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
    }

    #[test]
    fn ids_name_their_run() {
        let run = RunId::new(&"nightly".parse().unwrap(), "2026-03-29T02:00:00Z".parse().unwrap());
        let place = Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let job = JobId::act(&run, &place, "vol-1/odd@name");
        assert_eq!(
            job.as_str(),
            "nightly@2026-03-29T02:00:00Z/111122223333/eu-west-1/vol-1/odd@name"
        );
        assert_eq!(job.run(), run);
        let of_target = |job: JobId| job.is_of_target();
        assert!(of_target(job) && of_target(JobId::act(&run, &place, "vol-1")));
        assert!(![JobId::spread(&run), JobId::missed(&run)].into_iter().any(of_target));
        assert!(!of_target(JobId::account(&run, &place.account)));
        assert!(!of_target(JobId::find(&run, &place)));
        assert_eq!((run.task(), run.occurrence()), ("nightly", "2026-03-29T02:00:00Z"));
        assert_eq!(run.event(), None);
        assert!("nightly".parse::<JobId>().is_err());
        assert!("nightly@soon/x".parse::<JobId>().is_err());
    }

    #[test]
    fn the_run_of_an_event_ends_in_its_id() {
        let event: EventId = "7bf73129-1428-4cd3-a780-95db273d1602".parse().unwrap();
        let at = "2026-03-29T02:00:00Z".parse().unwrap();
        let run = RunId::of_event(&"on-tag".parse().unwrap(), at, &event);
        let text = "on-tag@2026-03-29T02:00:00Z_7bf73129-1428-4cd3-a780-95db273d1602";
        assert_eq!(run.as_str(), text);
        assert_eq!((run.task(), run.occurrence()), ("on-tag", "2026-03-29T02:00:00Z"));
        assert_eq!(run.event(), Some(event.as_str()));
        assert_eq!(text.parse::<RunId>(), Ok(run.clone()));
        let job: JobId = format!("{text}/111122223333/eu-west-1/vol_1").parse().unwrap();
        assert_eq!(job.run(), run);
        for bad in ["on-tag@2026-03-29T02:00:00Z_", "on-tag@2026-03-29T02:00:00Z_a_b"] {
            assert!(bad.parse::<RunId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_id_of_an_event_has_only_what_may_stand_in_a_run() {
        for good in ["7bf73129-1428-4cd3-a780-95db273d1602", "a"] {
            assert!(good.parse::<EventId>().is_ok(), "{good}");
        }
        for bad in ["", "a_b", "a/b", "a b", "é", &"a".repeat(37)] {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_says_what_was_expected() {
        assert_eq!(
            "1234".parse::<AccountId>().unwrap_err().to_string(),
            "`1234` is not a 12-digit AWS account id"
        );
    }
}
