//! Actions on EBS volumes and snapshots.

mod create;
mod delete;
mod gone;
mod tag_names;

pub use create::CreateSnapshot;
pub use delete::DeleteSnapshot;
