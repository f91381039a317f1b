//! What all actions on tags have in common: whose tags are left alone, and AWS's limits.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use lamplighter_core::{
    Fault, StepCx, Tags,
    action::{BadParams, PlanCx},
    cloud::tagged::{Kind, Tagged},
    tagging::{TAG_KEY_MAX, TAG_VALUE_MAX, TAGS_MAX, is_reserved},
    template::{Names, Template, Values},
};

/// Resources in these states are gone, or go.
const GONE: [&str; 7] = [
    "DELETING",
    "deleted",
    "deleting",
    "deregistered",
    "recoverable",
    "shutting-down",
    "terminated",
];

/// Checks the kinds that a task names.
pub(crate) fn check_kinds(kinds: &[Kind]) -> Result<(), BadParams> {
    let bad = |message: String| Err(BadParams { path: "kinds".to_owned(), message });
    let mut seen = BTreeSet::new();
    if kinds.is_empty() {
        return bad("name at least one kind of resources".to_owned());
    }
    match kinds.iter().find(|it| !seen.insert(**it)) {
        Some(twice) => bad(format!("`{}` is here twice", twice.name())),
        None => Ok(()),
    }
}

/// Checks the keys of the parameter `tags`.
pub(crate) fn check_keys<'k>(
    path: &str,
    keys: impl Iterator<Item = &'k str>,
) -> Result<(), BadParams> {
    for key in keys {
        let bad = |message: String| Err(BadParams { path: format!("{path}.{key}"), message });
        if is_reserved(key) {
            let owner = "AWS and Lamplighter set tags with this prefix themselves";
            return bad(format!("`{key}` cannot be meant: {owner}"));
        }
        let length = key.chars().count();
        if !(1..=TAG_KEY_MAX).contains(&length) {
            return bad(format!("a tag's name has 1 to {TAG_KEY_MAX} characters, not {length}"));
        }
    }
    Ok(())
}

/// Each of these for each of the kinds, sorted.
pub(crate) fn each(kinds: &[Kind], of: impl Fn(Kind) -> Vec<&'static str>) -> Vec<&'static str> {
    let all: BTreeSet<&str> = kinds.iter().flat_map(|it| of(*it)).collect();
    all.into_iter().collect()
}

/// Why a resource's tags are left alone, whatever they are.
pub(crate) fn out_of_bounds(it: &Tagged) -> Option<String> {
    GONE.contains(&it.state.as_str()).then(|| format!("it is `{}`", it.state))
}

/// The values of placeholders in a text about a resource, while it is planned.
pub(crate) fn values_of_plan<'v>(
    cx: &PlanCx<'v>,
    it: &'v Tagged,
    extra: &'v BTreeMap<&'static str, String>,
) -> Values<'v> {
    Values {
        task: cx.task,
        occurrence: cx.occurrence,
        time_zone: cx.time_zone,
        place: cx.place,
        target: &it.id,
        target_tags: &it.tags,
        extra,
    }
}

/// The values of placeholders in a text about a resource, in a step.
pub(crate) fn values_of_step<'v>(
    cx: &'v StepCx<'_>,
    it: &'v Tagged,
    extra: &'v BTreeMap<&'static str, String>,
) -> Values<'v> {
    Values {
        task: &cx.session.task,
        occurrence: cx.session.occurrence,
        time_zone: cx.time_zone,
        place: cx.here.place(),
        target: &it.id,
        target_tags: &it.tags,
        extra,
    }
}

/// Tags to be set: those of `tags`, filled in, that a resource does not have so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) tags: Tags,
    /// The values that they have now.
    before: Tags,
}

impl Changes {
    /// What is different from what a resource has.
    pub(crate) fn of<N: Names>(
        tags: &BTreeMap<String, Template<N>>,
        it: &Tagged,
        values: &Values<'_>,
    ) -> Changes {
        let wanted =
            tags.iter().map(|(key, text)| (key.clone(), text.render_within(TAG_VALUE_MAX, values)));
        let tags: Tags = wanted.filter(|(key, value)| it.tags.get(key) != Some(value)).collect();
        let before = it.tags.iter().filter(|(key, _)| tags.contains_key(*key));
        let before = before.map(|(key, value)| (key.clone(), value.clone())).collect();
        Changes { tags, before }
    }

    /// Only the tags that are not there at all.
    pub(crate) fn missing(mut self) -> Changes {
        self.tags.retain(|key, _| !self.before.contains_key(key));
        self.before.clear();
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// Why there is no room for them, if there is none. Those of AWS do not count.
    pub(crate) fn no_room(&self, it: &Tagged) -> Option<String> {
        let own = it.tags.keys().filter(|key| !key.starts_with("aws:")).count();
        let more = self.tags.len() - self.before.len();
        (own + more > TAGS_MAX).then(|| {
            format!("it has {own} tags, and no room for {more} more: AWS allows {TAGS_MAX}")
        })
    }

    /// Sets them.
    pub(crate) async fn make(&self, cx: &StepCx<'_>, it: &Tagged) -> Result<(), Fault> {
        it.tag(cx.here, &self.tags).await
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.tags.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}`{key}` to `{value}`")?;
            if let Some(before) = self.before.get(key) {
                write!(f, ", instead of `{before}`")?;
            }
        }
        Ok(())
    }
}
