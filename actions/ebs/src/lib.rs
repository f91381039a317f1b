//! Actions on EBS volumes and snapshots, and on the images that are made of them.

mod archive;
mod copy;
mod create;
mod delete;
mod fast_restore;
mod gone;
mod image_delete;
mod instance;
mod keys;
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
pub use image_delete::DeleteImage;
pub use instance::SnapshotInstance;
pub use lock::LockSnapshot;
pub use share::ShareSnapshot;
