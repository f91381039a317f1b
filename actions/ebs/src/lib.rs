//! Actions on EBS volumes and snapshots.

mod create;
mod delete;
mod keys;
mod length;
mod share;
mod tag_names;
mod tagging;
mod watch;

pub use create::CreateSnapshot;
pub use delete::DeleteSnapshot;
pub use share::ShareSnapshot;
