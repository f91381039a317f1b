//! Option groups of snapshots: which keep them from being shared.

use std::collections::BTreeMap;

use lamplighter_core::{
    Doing, Fault, Scope,
    action::Pulse,
    cloud::rds::{OptionGroup, Snapshot, is_default_group},
};

/// Options that stay, and do not keep a snapshot from being shared.
/// Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS", limitations.
const SHAREABLE: [&str; 2] = ["OLS", "Timezone"];

/// Option groups, by their names.
#[derive(Debug, Default)]
pub(crate) struct Groups(BTreeMap<String, OptionGroup>);

impl Groups {
    /// What is known of the option groups of snapshots in a place.
    pub(crate) async fn of<'s>(
        scope: &dyn Scope,
        pulse: &dyn Pulse,
        found: impl Iterator<Item = &'s Snapshot> + Send,
    ) -> Result<Groups, Fault> {
        let mut groups = BTreeMap::new();
        for name in found.filter_map(own) {
            if !groups.contains_key(name)
                && let Some(group) = ask(scope, name).await?
            {
                groups.insert(name.to_owned(), group);
                pulse.beat().await?;
            }
        }
        Ok(Groups(groups))
    }

    /// Why a snapshot cannot be shared, by its option group.
    pub(crate) fn keeps(&self, snapshot: &Snapshot) -> Option<String> {
        let name = own(snapshot)?;
        keeps(name, self.0.get(name)?)
    }
}

/// The option group of a snapshot, if it is not one that every account has.
pub(crate) fn own(snapshot: &Snapshot) -> Option<&str> {
    snapshot.option_group.as_deref().filter(|it| !is_default_group(it))
}

/// Why no snapshot with this option group can be shared.
pub(crate) fn keeps(name: &str, group: &OptionGroup) -> Option<String> {
    let stays = |it: &&lamplighter_core::cloud::rds::GroupOption| {
        it.stays && !SHAREABLE.contains(&it.name.as_str())
    };
    let option = group.options.iter().find(stays)?;
    Some(format!(
        "its option group `{name}` has the persistent option `{}`, and AWS shares no such snapshot",
        option.name
    ))
}

/// Asks for an option group in a place.
pub(crate) async fn ask(scope: &dyn Scope, name: &str) -> Result<Option<OptionGroup>, Fault> {
    let found = scope.rds().option_group(name).await;
    found.doing(format!("asking about the option group `{name}` in {}", scope.place()))
}
