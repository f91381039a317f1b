//! On-demand backups of DynamoDB tables.
//!
//! They have no tags, and any number of them may have one name. So the name says which task and
//! which job has made a backup, and what it says is read as the tags that others would have.

use async_trait::async_trait;
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Page, PageToken, Resource, Scope, Session};
use crate::{
    Fault, JobId, Tags, TaskName,
    action::{JOB_TAG, SOURCE_TAG, TAKEN_AT_TAG, TASK_TAG},
    select::ServerFilter,
    task::hex,
};

/// Between what a task calls a backup and what Lamplighter says of it.
const MARK: &str = ".lamplighter-";
/// Digits that tell a job from all others.
const DIGITS: usize = 16;
/// When a run was due.
const AT: &str = "%Y%m%dT%H%M%SZ";
/// Most characters of a name. Source: DynamoDB API, `CreateBackup`.
const NAME_MAX: usize = 255;

/// A backup of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backup {
    /// The backup's ARN.
    pub id: String,
    /// Its name. Others may have the same.
    pub name: String,
    /// The table's name.
    pub table: String,
    /// `CREATING`, `AVAILABLE` or `DELETED`.
    pub state: String,
    /// When it was made: it holds the table as it was then.
    pub created_at: Timestamp,
    /// Its size in bytes, if it is known yet.
    pub size_bytes: Option<u64>,
    /// What its name says: `lamplighter:task`, `lamplighter:job`, `lamplighter:source` and
    /// `lamplighter:taken-at` of those that Lamplighter has made. AWS has no tags of backups.
    pub tags: Tags,
}

impl Backup {
    /// The name of a job's backup: what the task calls it, and what Lamplighter says of it. What
    /// AWS does not take in a name becomes `-`.
    pub fn name_of(called: &str, session: &Session, job: &JobId) -> String {
        let Session { task, occurrence } = session;
        let digits = &hex(&Sha256::digest(job.as_str()))[..DIGITS];
        let mark = format!("{MARK}{task}-{}-{digits}", occurrence.strftime(AT));
        let fits = |it: char| it.is_ascii_alphanumeric() || "_.-".contains(it);
        let called = called.chars().map(|it| if fits(it) { it } else { '-' });
        let called: String = called.take(NAME_MAX - mark.len()).collect();
        called + &mark
    }

    /// What a name says of a backup of this table that was made then.
    pub fn tags_of(name: &str, table: &str, created_at: Timestamp) -> Tags {
        let Some((task, job)) = maker_of(name) else { return Tags::new() };
        Tags::from([
            (TASK_TAG.to_owned(), task.to_string()),
            (JOB_TAG.to_owned(), job.to_owned()),
            (SOURCE_TAG.to_owned(), table.to_owned()),
            (TAKEN_AT_TAG.to_owned(), created_at.to_string()),
        ])
    }
}

/// The task that a name says, and what is the same in the names of one job.
fn maker_of(name: &str) -> Option<(TaskName, &str)> {
    let (_, mark) = name.rsplit_once(MARK)?;
    let (rest, digits) = mark.rsplit_once('-')?;
    let (task, at) = rest.rsplit_once('-')?;
    let is_digit = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
    let good = digits.len() == DIGITS
        && digits.bytes().all(is_digit)
        && DateTime::strptime(AT, at).is_ok_and(|at| Offset::UTC.to_timestamp(at).is_ok());
    Some((task.parse().ok().filter(|_| good)?, mark))
}

#[async_trait]
impl Resource for Backup {
    const KIND: &'static str = "table backups";
    const PERMISSIONS: &'static [&'static str] = &["dynamodb:ListBackups"];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }

    /// DynamoDB filters nothing of this.
    async fn list(
        scope: &dyn Scope,
        _: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self>, Fault> {
        scope.tables().backups(None, page).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(task: &str) -> Session {
        Session { task: task.parse().unwrap(), occurrence: "2026-03-02T02:00:00Z".parse().unwrap() }
    }

    fn job(text: &str) -> JobId {
        serde_json::from_value(serde_json::json!(text)).unwrap()
    }

    fn name(called: &str, task: &str) -> String {
        let job = job(&format!("{task}@2026-03-02T02:00:00Z/111122223333/eu-west-1/orders"));
        Backup::name_of(called, &session(task), &job)
    }

    #[test]
    fn a_name_says_which_task_made_it_and_fits() {
        let long = "x".repeat(64);
        for (called, task) in
            [("orders", "nightly"), ("", "a-b-c"), ("é/ü", &long), (&"y".repeat(300), &long)]
        {
            let name = name(called, task);
            assert!((3..=NAME_MAX).contains(&name.len()), "{name}");
            assert!(name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_.-".contains(&it)));
            let found = maker_of(&name).map(|(task, _)| task.to_string());
            assert_eq!(found.as_deref(), Some(task), "{name}");
        }
        let expected = "orders.lamplighter-nightly-20260302T020000Z-";
        assert!(name("orders", "nightly").starts_with(expected));
        assert_ne!(name("a", "nightly"), name("a", "weekly"));
    }

    #[test]
    fn what_others_call_theirs_says_nothing() {
        let own = name("orders", "nightly");
        for other in [
            "orders",
            "lamplighter",
            "x.lamplighter-",
            "x.lamplighter-nightly",
            &own[..own.len() - 1],
        ] {
            assert_eq!(
                Backup::tags_of(other, "orders", Timestamp::UNIX_EPOCH),
                Tags::new(),
                "{other}"
            );
        }
        let tags = Backup::tags_of(&own, "orders", Timestamp::UNIX_EPOCH);
        let expected = [
            (JOB_TAG, &own["orders.lamplighter-".len()..]),
            (SOURCE_TAG, "orders"),
            (TAKEN_AT_TAG, "1970-01-01T00:00:00Z"),
            (TASK_TAG, "nightly"),
        ];
        assert_eq!(tags, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    }
}
