//! Actions on EBS volumes and snapshots.

mod archive;
mod copy;
mod create;
mod delete;
mod gone;
mod keys;
mod length;
mod lineage;
mod share;
mod watch;

/// What AWS takes as a description, in characters.
const DESCRIPTION_MAX: usize = 255;

pub use archive::ArchiveSnapshot;
pub use copy::CopySnapshot;
pub use create::CreateSnapshot;
pub use delete::DeleteSnapshot;
pub use share::ShareSnapshot;
