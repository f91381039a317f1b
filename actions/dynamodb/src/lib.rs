//! Actions on DynamoDB tables.

mod amount;
mod asking;
mod backup_create;
mod backup_delete;
mod billing;
mod budget;
mod capacity;
mod indexes;

pub use backup_create::CreateBackup;
pub use backup_delete::DeleteBackup;
pub use billing::SetBilling;
pub use capacity::SetCapacity;
