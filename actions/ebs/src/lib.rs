//! Actions on EBS volumes and snapshots.

mod archive;
mod copy;
mod create;
mod delete;
mod fast_restore;
mod gone;
mod keys;
mod length;
mod lineage;
mod lock;
mod locked;
mod share;
mod watch;

pub use archive::ArchiveSnapshot;
pub use copy::CopySnapshot;
pub use create::CreateSnapshot;
pub use delete::DeleteSnapshot;
pub use fast_restore::FastRestoreSnapshot;
pub use lock::LockSnapshot;
pub use share::ShareSnapshot;
