//! Actions on RDS and Aurora: databases and their snapshots.
//!
//! What works on instances and on clusters is one action of a [`Family`] each.

mod bounds;
mod copy;
mod create;
mod delete;
mod delete_snapshot;
mod family;
mod gone;
mod groups;
mod halt;
mod history;
mod keys;
mod launch;
mod lineage;
mod names;
mod power;
mod reboot;
mod share;
mod start;
mod stop;
mod tags;
mod taking;

pub use copy::CopySnapshot;
pub use create::CreateSnapshot;
pub use delete::Delete;
pub use delete_snapshot::DeleteSnapshot;
pub use family::{AnyDatabase, Calls, Clusters, Facts, Family, Instances};
pub use power::FollowTimetable;
pub use reboot::RebootInstance;
pub use share::ShareSnapshot;
pub use start::Start;
pub use stop::Stop;
