//! Actions on EBS volumes and snapshots, and on the images that are made of them.

mod archive;
mod backing;
mod copy;
mod create;
mod delete;
mod destination;
mod fast_restore;
mod gone;
mod image_copy;
mod image_delete;
mod image_share;
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
pub use image_copy::CopyImage;
pub use image_delete::DeleteImage;
pub use image_share::ShareImage;
pub use lock::LockSnapshot;
pub use modify::ModifyVolume;
pub use restore::RestoreVolume;
pub use share::ShareSnapshot;
