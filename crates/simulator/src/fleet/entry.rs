//! What the entries of all kinds have in common.

use std::collections::{BTreeMap, BTreeSet};

use lamplighter_core::{
    AccountId, Place, Region,
    action::BadParams,
    tagging::{TAG_VALUE_MAX, TAGS_MAX, check_key},
};

use super::here::{self, Here};
use crate::{
    random::Random,
    words::{OneOrMore, Range, TagValue, Text, Time},
};

/// Most resources of one entry in one place.
const COUNT_MAX: u32 = 1_000_000;
/// What texts may name.
const NAMES: [&str; 4] = ["account", "at", "n", "region"];

/// One entry of one kind of resources.
pub(super) trait Entry {
    /// The kind's key in the file.
    const KEY: &'static str;
    /// How the ids begin that AWS makes, such as `vol`.
    const KIND: &'static str;
    /// How each id begins, such as `vol-`. Empty for what people name.
    const PREFIX: &'static str;
    /// Where no two may have one id.
    const UNIQUE: Unique = Unique::Everywhere;
    /// What texts may name beside what all may.
    const NAMES: &'static [&'static str] = &[];

    /// One resource.
    type Item;

    /// What all entries say.
    fn common(&self) -> Common<'_>;

    /// Says what else is wrong with it. `places` are those that it is about.
    fn check(&self, places: &[Place], bad: &mut Bad<'_>);

    /// Makes its resources in the place that is entered.
    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Self::Item)>;

    /// Puts the resources of all entries into the place that is entered.
    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Self::Item)>);
}

/// Where no two resources of a kind may have one id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unique {
    /// In all of AWS.
    Everywhere,
    /// In an account and region.
    InPlace,
}

/// What all entries say.
#[derive(Clone, Copy)]
pub(super) struct Common<'e> {
    pub(super) account: Option<&'e OneOrMore<AccountId>>,
    pub(super) region: Option<&'e OneOrMore<Region>>,
    pub(super) id: Option<&'e Text>,
    pub(super) count: Option<&'e Range<u32>>,
    pub(super) age: Option<&'e Range<Time>>,
    pub(super) tags: &'e BTreeMap<String, OneOrMore<TagValue>>,
}

/// Declares the entries of a kind: what all say, and what only these say, which may be left out.
macro_rules! entry {
    (
        $(#[$doc:meta])*
        pub struct $name:ident { $($(#[$about:meta])* pub $field:ident: $type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, Default, PartialEq,
            ::serde::Deserialize, ::serde::Serialize, ::schemars::JsonSchema,
        )]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub struct $name {
            /// The account, by its id, or several; by default all.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub account: Option<$crate::words::OneOrMore<::lamplighter_core::AccountId>>,
            /// The region, or several; by default all of each account.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub region: Option<$crate::words::OneOrMore<::lamplighter_core::Region>>,
            /// The id; `{n}` is the number of the resource in its entry and place. By default
            /// one as AWS makes it.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub id: Option<$crate::words::Text>,
            /// How many there are in each place; one by default.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub count: Option<$crate::words::Range<u32>>,
            /// How long ago each was made; `30d` by default.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub age: Option<$crate::words::Range<$crate::words::Time>>,
            /// The tags; `null` is no such tag.
            #[serde(skip_serializing_if = "::std::collections::BTreeMap::is_empty")]
            pub tags: ::std::collections::BTreeMap<
                String, $crate::words::OneOrMore<$crate::words::TagValue>,
            >,
            $(
                $(#[$about])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }

        impl $name {
            fn all_say(&self) -> $crate::fleet::entry::Common<'_> {
                $crate::fleet::entry::Common {
                    account: self.account.as_ref(),
                    region: self.region.as_ref(),
                    id: self.id.as_ref(),
                    count: self.count.as_ref(),
                    age: self.age.as_ref(),
                    tags: &self.tags,
                }
            }
        }
    };
}

pub(super) use entry;

/// The ids that were given to resources of a kind, each with its place when it may be in another,
/// too.
#[derive(Default)]
pub(super) struct Ids(BTreeSet<(Option<Place>, String)>);

/// Collects what is wrong with a part of the file.
pub(super) struct Bad<'f> {
    path: String,
    found: &'f mut Vec<BadParams>,
}

impl<'f> Bad<'f> {
    /// About the part at this path.
    pub(super) fn new(path: String, found: &'f mut Vec<BadParams>) -> Bad<'f> {
        Bad { path, found }
    }

    /// Says what is wrong with a key below the part, or with the part when it is empty.
    pub(super) fn say(&mut self, key: &str, message: impl Into<String>) {
        let dot = if key.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{key}", self.path);
        self.found.push(BadParams { path, message: message.into() });
    }
}

impl Common<'_> {
    /// Whether the entry is about a place.
    pub(super) fn is_at(&self, place: &Place) -> bool {
        self.account.is_none_or(|it| it.iter().any(|it| *it == place.account))
            && self.region.is_none_or(|it| it.iter().any(|it| *it == place.region))
    }

    /// The ids that it gives in a place; none when it leaves them to AWS.
    pub(super) fn ids(&self, place: &Place) -> impl Iterator<Item = String> {
        let count = self.count.map_or(1, |it| it.to);
        let id = self.id.into_iter();
        id.flat_map(move |id| (1..=count).map(move |n| (id, n)))
            .map(move |(id, n)| here::fill(id, &mut Random::default(), place, n, &[]))
    }

    /// Says what is wrong with what all entries say. `places` are those that it is about.
    pub(super) fn check<E: Entry>(&self, places: &[Place], ids: &mut Ids, bad: &mut Bad<'_>) {
        if self.count.is_some_and(|it| it.to > COUNT_MAX) {
            return bad.say("count", format!("an entry makes at most {COUNT_MAX} in a place"));
        }
        self.check_tags::<E>(bad);
        let Some(id) = self.id else { return };
        if let Some(why) = unsound::<E>(id) {
            return bad.say("id", why);
        }
        for place in places {
            for text in self.ids(place) {
                let within = (E::UNIQUE == Unique::InPlace).then(|| place.clone());
                if !ids.0.insert((within, text.clone())) {
                    let hint = "with `{n}` in it, each gets its own";
                    return bad.say("id", format!("two of them have the id `{text}`: {hint}"));
                }
            }
        }
    }

    fn check_tags<E: Entry>(&self, bad: &mut Bad<'_>) {
        if self.tags.len() > TAGS_MAX {
            bad.say("tags", format!("a resource has at most {TAGS_MAX} tags"));
        }
        for (key, values) in self.tags {
            let path = format!("tags.{key}");
            if let Err(why) = check_key(key) {
                bad.say(&path, why);
            }
            for value in values.iter().filter_map(|it| it.0.as_ref()) {
                if let Some(why) = unknown_name::<E>(value) {
                    bad.say(&path, why);
                } else if value.as_plain().is_some_and(|it| it.chars().count() > TAG_VALUE_MAX) {
                    bad.say(&path, format!("a tag's value has at most {TAG_VALUE_MAX} characters"));
                }
            }
        }
    }
}

/// Says which of these is no key: neither an alias that can be made here nor an ARN.
pub(super) fn check_keys<'k>(
    path: &str,
    keys: impl IntoIterator<Item = &'k String>,
    bad: &mut Bad<'_>,
) {
    let is_name =
        |it: &str| it.bytes().all(|it| it.is_ascii_alphanumeric() || b"/_-".contains(&it));
    let is_key = |it: &str| match it.strip_prefix("alias/") {
        Some(name) if name.starts_with("aws/") => ["aws/ebs", "aws/rds"].contains(&name),
        Some(name) => (1..=250).contains(&name.len()) && is_name(name),
        None => it.starts_with("arn:aws:kms:"),
    };
    if let Some(key) = keys.into_iter().find(|it| !is_key(it)) {
        let expected = "neither an alias, such as `alias/data`, nor the ARN of a key";
        bad.say(path, format!("`{key}` is {expected}"));
    }
}

/// Says which of these is no letter of an availability zone.
pub(super) fn check_zones(zones: Option<&OneOrMore<String>>, bad: &mut Bad<'_>) {
    let is_zone = |it: &String| matches!(it.as_bytes(), [b'a'..=b'f']);
    if let Some(zone) = zones.into_iter().flat_map(OneOrMore::iter).find(|it| !is_zone(it)) {
        bad.say("zone", format!("`{zone}` is not the letter of a zone, from `a` to `f`"));
    }
}

/// Why a text cannot be the id of a resource.
fn unsound<E: Entry>(id: &Text) -> Option<String> {
    let is_id = |it: char| it.is_ascii_alphanumeric() || "-_.{}".contains(it);
    let written = id.to_string();
    if id.draws() {
        return Some("an id is not drawn: `{n}` counts".to_owned());
    }
    if id.names().any(|it| it == "at") {
        return Some("an id does not say the time".to_owned());
    }
    if !written.starts_with(E::PREFIX) || written.len() == E::PREFIX.len() {
        return Some(format!("`{written}` does not begin like the id of one: `{}…`", E::PREFIX));
    }
    if !written.chars().all(is_id) {
        return Some(format!("`{written}` has more than letters, digits, `-`, `_` and `.` in it"));
    }
    unknown_name::<E>(id)
}

pub(super) fn unknown_name<E: Entry>(text: &Text) -> Option<String> {
    let known: Vec<&str> = NAMES.iter().chain(E::NAMES).copied().collect();
    let name = text.names().find(|it| !known.contains(it))?;
    let quoted: Vec<String> = known.iter().map(|it| format!("`{it}`")).collect();
    Some(format!("nothing here is called `{name}`; known: {}", quoted.join(", ")))
}
