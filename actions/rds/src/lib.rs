//! Actions on RDS and Aurora: databases and their snapshots.
//!
//! What works on instances and on clusters is one action of a [`Family`] each.

mod bounds;
mod create;
mod delete;
mod delete_snapshot;
mod family;
mod halt;
mod history;
mod launch;
mod names;
mod power;
mod reboot;
mod start;
mod stop;
mod tags;
mod taking;

pub use create::CreateSnapshot;
pub use delete::Delete;
pub use delete_snapshot::DeleteSnapshot;
pub use family::{AnyDatabase, Clusters, Facts, Family, Instances};
pub use power::FollowTimetable;
pub use reboot::RebootInstance;
pub use start::Start;
pub use stop::Stop;
