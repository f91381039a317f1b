//! What AWS was asked to change of a table, and what it has said: for actions that change tables
//! and wait until they are so.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{
    Fault,
    action::{DESCRIBE_LAG, LONGEST_LAG},
    cloud::tables::Asked,
};
use serde::{Deserialize, Serialize};

/// Between two looks at a table that is changing.
pub(crate) const LOOK: Duration = Duration::from_secs(10);
/// Before a table is looked at again that somebody else is changing.
const BUSY: Duration = Duration::from_secs(30);

/// What the job remembers of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Asking {
    /// When AWS was asked the last time.
    asked_at: Option<Timestamp>,
    /// Since when AWS has said that there is something wrong with the request. It says so of what
    /// is so already, too, and an earlier try may have done it: the table will show it.
    doubted_since: Option<Timestamp>,
}

impl Asking {
    /// Whether the table may still look as it did before AWS was asked.
    pub(crate) fn may_lag(&self, now: Timestamp) -> bool {
        self.asked_at.is_some_and(|at| now < at + DESCRIBE_LAG)
    }

    /// What is to be remembered of an answer, and how long to wait for its effect.
    pub(crate) fn heard(&self, asked: Asked, now: Timestamp) -> Result<(Asking, Duration), Fault> {
        let asked_at = Some(now);
        match asked {
            Asked::Begun => Ok((Asking { asked_at, doubted_since: None }, LOOK)),
            Asked::Busy => Ok((self.clone(), BUSY)),
            Asked::Invalid(why) => {
                let since = self.doubted_since.unwrap_or(now);
                match now < since + LONGEST_LAG {
                    true => Ok((Asking { asked_at, doubted_since: Some(since) }, LOOK)),
                    false => Err(Fault::config(why)),
                }
            }
        }
    }
}
