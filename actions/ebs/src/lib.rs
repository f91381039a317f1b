//! Actions on EBS volumes and snapshots, and on the images that are made of them.

mod archive;
mod copy;
mod create;
mod delete;
mod fast_restore;
mod gone;
mod image_delete;
mod keys;
mod lineage;
mod lock;
mod locked;
mod modify;
mod restore;
mod shape;
mod share;
mod usable;
mod volumes;
mod watch;
mod zone;

pub use archive::ArchiveSnapshot;
pub use copy::CopySnapshot;
pub use create::CreateSnapshot;
pub use delete::DeleteSnapshot;
pub use fast_restore::FastRestoreSnapshot;
pub use image_delete::DeleteImage;
pub use lock::LockSnapshot;
pub use modify::ModifyVolume;
pub use restore::RestoreVolume;
pub use share::ShareSnapshot;
