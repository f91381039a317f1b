//! Actions on tags, of resources of any kind.

mod bounds;
mod check;
mod remove;
mod set;

pub use check::CheckTags;
pub use remove::RemoveTags;
pub use set::SetTags;
