//! Which volumes of an instance are in the set.

use std::collections::BTreeMap;

use lamplighter_core::{
    Doing, Fault,
    action::Pulse,
    cloud::{
        Ec2,
        ec2::{NewSet, Volume},
        instances::Instance,
    },
    select::{ServerFilter, TagPatterns},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Ids in one filter. EC2 refuses more than 200 values.
const IDS: usize = 180;

/// Which volumes of an instance to take snapshots of. All of these must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Volumes {
    /// Whether the root volume is one of them.
    #[serde(default = "yes")]
    pub(super) root: bool,
    /// Whether the other volumes are.
    #[serde(default = "yes")]
    pub(super) data: bool,
    /// Only volumes with these tags, of whichever kind. AWS can leave out at most 40 data volumes
    /// of one instance.
    #[serde(default)]
    pub(super) tags: TagPatterns,
}

fn yes() -> bool {
    true
}

impl Default for Volumes {
    fn default() -> Volumes {
        Volumes { root: true, data: true, tags: TagPatterns::default() }
    }
}

/// What is chosen of one instance.
#[derive(Debug, PartialEq)]
pub(super) struct Chosen<'v> {
    /// The volumes of which snapshots are taken.
    pub(super) volumes: Vec<&'v Volume>,
    /// Whether the root volume is left out.
    pub(super) without_root: bool,
    /// The data volumes that are left out.
    pub(super) without: Vec<String>,
}

/// Why nothing is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotChosen {
    /// There is nothing to do.
    Leave(String),
    /// It cannot be done as it is asked for.
    Fail(String),
}

/// Chooses among the volumes of an instance.
/// Source: EBS User Guide, "Create multi-volume Amazon EBS snapshots".
pub(super) fn choose<'v>(
    wanted: &Volumes,
    instance: &Instance,
    volumes: &'v BTreeMap<String, Volume>,
) -> Result<Chosen<'v>, NotChosen> {
    let mut chosen = Chosen { volumes: Vec::new(), without_root: false, without: Vec::new() };
    for id in &instance.volumes {
        let is_root = instance.root_volume.as_ref() == Some(id);
        let is_asked_for = if is_root { wanted.root } else { wanted.data };
        let volume = volumes.get(id);
        if is_asked_for && volume.is_none() {
            let why = format!("its volume `{id}` does not show, so nobody knows its tags");
            return Err(NotChosen::Fail(why));
        }
        match volume.filter(|it| is_asked_for && wanted.tags.selects(&it.tags)) {
            Some(volume) => chosen.volumes.push(volume),
            None if is_root => chosen.without_root = true,
            None => chosen.without.push(id.clone()),
        }
    }
    let fail = |what: String| Err(NotChosen::Fail(what));
    let (count, left_out) = (chosen.volumes.len(), chosen.without.len());
    if instance.volumes.is_empty() {
        return Err(NotChosen::Leave("it has no EBS volumes".to_owned()));
    }
    if count == 0 {
        return Err(NotChosen::Leave("none of its volumes is asked for".to_owned()));
    }
    if count > NewSet::MOST_VOLUMES {
        let most = NewSet::MOST_VOLUMES;
        return fail(format!("AWS takes sets of {most} volumes at most, these are {count}"));
    }
    if left_out > NewSet::MOST_LEFT_OUT {
        let most = NewSet::MOST_LEFT_OUT;
        return fail(format!("AWS can leave out {most} data volumes at most, not {left_out}"));
    }
    Ok(chosen)
}

/// The volumes with these ids, by their ids.
pub(super) async fn attached(
    ec2: &dyn Ec2,
    ids: Vec<String>,
    pulse: Option<&dyn Pulse>,
) -> Result<BTreeMap<String, Volume>, Fault> {
    let mut all = BTreeMap::new();
    for ids in ids.chunks(IDS) {
        let filter = ServerFilter::of_ids(ids.iter().cloned());
        let mut page = None;
        loop {
            let listed = ec2.volumes(&filter, page).await.doing("looking at volumes")?;
            let asked_for = listed.items.into_iter().filter(|it| ids.contains(&it.id));
            all.extend(asked_for.map(|it| (it.id.clone(), it)));
            if let Some(pulse) = pulse {
                pulse.beat().await?;
            }
            page = listed.next;
            if page.is_none() {
                break;
            }
        }
    }
    Ok(all)
}
