//! The list of all actions. To add an action, add its line here.

use lamplighter_core::{AnyAction, Catalog};

/// In alphabetical order of their names.
pub static ACTIONS: Catalog = &[&lamplighter_ebs::CreateSnapshot, &lamplighter_ebs::DeleteSnapshot];

/// The reference page of an action.
pub fn reference(action: &dyn AnyAction) -> String {
    action.spec().summary.to_owned()
}
