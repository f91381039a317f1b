//! What a task can ask for, and the tags that come of it.

use std::collections::BTreeMap;

use lamplighter_core::{
    Tags,
    action::BadParams,
    cloud::{ec2::Volume, instances::Instance},
    tagging::{TAGS_MAX, TagNames, Wanted},
    template::{Template, Values},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    choice::Volumes,
    quiesce::{Otherwise, Quiesce},
    vss::TAGS_OF_AWS,
};

/// Task, job, source, taken-at, instance and consistency.
const OWNERSHIP_TAGS: usize = 6;
static NO_TAGS: BTreeMap<String, Template> = BTreeMap::new();

/// Parameters of `ec2.instance.snapshot`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Which volumes of each instance: all, unless this says otherwise.
    #[serde(default)]
    pub(super) volumes: Volumes,
    /// How a set becomes application-consistent. Without this it is crash-consistent: as after a
    /// loss of power.
    #[serde(default)]
    pub(super) quiesce: Option<Quiesce>,
    /// The description of the snapshots, with placeholders. A longer one than AWS's 255 characters
    /// is cut and ends in `…`.
    #[serde(default = "default_description")]
    pub(super) description: Template,
    /// Tags of the snapshots: names, and values with placeholders. They win over copied ones. A
    /// value that turns out longer than AWS's 256 characters is cut and ends in `…`.
    #[serde(default)]
    tags: BTreeMap<String, Template>,
    /// Names of the instance's tags to copy to the snapshots. `*` stands for any text and `?` for
    /// one character, so `"*"` alone copies all. Tags of AWS (`aws:…`) and of Lamplighter are
    /// never copied.
    #[serde(default)]
    copy_tags: TagNames,
    /// Names of each volume's tags to copy to its snapshot, in the same way. Those of the instance
    /// win over them.
    #[serde(default)]
    copy_volume_tags: TagNames,
}

fn default_description() -> Template {
    "lamplighter {task} of {target}".parse().expect("both are standard placeholders")
}

impl Params {
    pub(super) fn check(&self) -> Result<(), BadParams> {
        if !self.volumes.root && !self.volumes.data {
            let message = "neither `root` nor `data` volumes: nothing is left".to_owned();
            return Err(BadParams { path: "volumes".to_owned(), message });
        }
        if let Some(quiesce) = &self.quiesce {
            quiesce.check()?;
        }
        self.wanted_tags().check()
    }

    /// The tags that all snapshots of a set get.
    pub(super) fn wanted_tags(&self) -> Wanted<'_> {
        let ours = self.ownership_tags();
        Wanted { made: "snapshot", own: &self.tags, copied: &self.copy_tags, ours }
    }

    /// What is said of tags for which there is no room.
    pub(super) fn left_out(&self, instance: &Instance, volumes: &[&Volume]) -> Option<String> {
        let of_instance = self.wanted_tags().left_out(&instance.tags);
        let mut taken = self.copy_tags.of(&instance.tags);
        taken.extend(self.tags.keys().map(|key| (key.clone(), String::new())));
        let used = taken.len() + self.ownership_tags();
        let of_volumes = volumes.iter().filter_map(|volume| {
            let left = self.of_volume(used).left_out(&without(&volume.tags, &taken))?;
            Some(format!("`{}`: {left}", volume.id))
        });
        let all: Vec<String> = of_instance.into_iter().chain(of_volumes).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// The tags of a volume that its snapshot gets beside those that it has, of which ours may be
    /// missing so many.
    pub(super) fn volume_tags(
        &self,
        volume: &Tags,
        snapshot: &Tags,
        missing: usize,
        values: &Values<'_>,
    ) -> Tags {
        self.of_volume(snapshot.len() + missing).of(&without(volume, snapshot), values)
    }

    /// Whether it takes sets itself: Windows may take them all.
    pub(super) fn may_take(&self) -> bool {
        let others = |it: &Quiesce| it.scripts.is_some() || it.otherwise == Otherwise::Crash;
        self.quiesce.as_ref().is_none_or(others)
    }

    /// Whether a set that is not application-consistent is a failure.
    pub(super) fn must_be_consistent(&self) -> bool {
        self.quiesce.as_ref().is_some_and(|it| it.otherwise == Otherwise::Fail)
    }

    fn ownership_tags(&self) -> usize {
        let vss = self.quiesce.as_ref().is_some_and(|it| it.vss);
        OWNERSHIP_TAGS + if vss { TAGS_OF_AWS } else { 0 }
    }

    fn of_volume(&self, used: usize) -> Wanted<'_> {
        let ours = used.min(TAGS_MAX);
        Wanted { made: "snapshot", own: &NO_TAGS, copied: &self.copy_volume_tags, ours }
    }
}

fn without(tags: &Tags, taken: &Tags) -> Tags {
    let free = tags.iter().filter(|(key, _)| !taken.contains_key(*key));
    free.map(|(key, value)| (key.clone(), value.clone())).collect()
}
