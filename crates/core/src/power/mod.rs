//! When a fleet should run: named periods of the week as a desired state.
//!
//! Nothing here remembers anything. At any instant the [`Timetable`] says whether a resource
//! should run and since when, what is seen of the resource says whether somebody has switched it
//! by hand since then, and [`decide`] puts the two together. So a start that failed is tried
//! again at the next look, and a look that was missed changes nothing in the end.

mod decide;
mod overriding;
mod period;
mod timetable;

pub use decide::{Decision, Manual, Seen, Switch, decide, wanted};
pub use overriding::{BadOverride, Override, Said};
pub use period::{BadPeriod, Clock, Period};
pub use timetable::{Stretch, Timetable};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether something should run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// It should run.
    Running,
    /// It should be stopped.
    Stopped,
}
