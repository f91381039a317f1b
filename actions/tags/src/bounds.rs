//! What all actions on tags have in common: whose tags are left alone, and AWS's limits.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use lamplighter_core::{
    Fault, StepCx, Tags, Verdict,
    action::BadParams,
    cloud::tagged::{Kind, Tagged},
    tagging::{Alphabet, TAG_VALUE_MAX, TAGS_MAX, check_key, is_reserved},
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

/// Checks the keys in a parameter: whether resources of these kinds can have such tags.
pub(crate) fn check_keys<'k>(
    path: &str,
    keys: impl Iterator<Item = &'k str>,
    kinds: &[Kind],
) -> Result<(), BadParams> {
    for key in keys {
        let bad = |message: String| BadParams { path: format!("{path}.{key}"), message };
        if is_reserved(key) {
            let owner = "AWS and Lamplighter set tags with this prefix themselves";
            return Err(bad(format!("`{key}` cannot be meant: {owner}")));
        }
        check_key(key).map_err(bad)?;
        for kind in kinds {
            kind.alphabet().check_key(key).map_err(bad)?;
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
    if GONE.contains(&it.state.as_str()) {
        return Some(format!("it is `{}`", it.state));
    }
    let is_database = it.kind.alphabet() == Alphabet::Rds;
    let service = it.managed_by.as_ref().filter(|_| is_database)?;
    Some(format!("it is of {service}, not of RDS"))
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
        let alphabet = it.kind.alphabet();
        let wanted = tags.iter().map(|(key, text)| {
            (key.clone(), alphabet.value(&text.render_within(TAG_VALUE_MAX, values)))
        });
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

    /// Says that there is no room for them, if there is none. Tags of AWS do not count.
    pub(crate) fn no_room(&self, it: &Tagged) -> Option<Verdict> {
        let own = it.tags.keys().filter(|key| !key.starts_with("aws:")).count();
        let more = self.tags.len() - self.before.len();
        (own + more > TAGS_MAX).then(|| Verdict::Fail {
            reason: format!(
                "it has {own} tags, and no room for {more} more: AWS allows {TAGS_MAX}"
            ),
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
