//! Where resources are made, and what is drawn for each.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{Place, Tags};

use super::entry::{Common, Entry};
use crate::{
    cloud::{Happening, Services, State},
    dials::Times,
    dynamodb, ec2,
    kms::{Key, Kms},
    random::Random,
    rds::{self, kind::Kind, status::Life},
    words::{OneOrMore, Range, Share, Text, Time},
};

/// How old resources are that do not say it.
pub(super) const AGE: Time = Time(SignedDuration::from_hours(30 * 24));

/// The place in which resources are being made.
pub(super) struct Here<'s> {
    state: &'s mut State,
    /// The begin of the simulation.
    pub(super) now: Timestamp,
    place: Option<Place>,
    /// The luck of the entry that is made.
    pub(super) random: Random,
    /// Texts that many resources share.
    texts: BTreeSet<Arc<str>>,
    /// Tags that many resources share.
    tags: BTreeSet<Arc<Tags>>,
    reserved: BTreeSet<String>,
}

/// What every resource has.
pub(super) struct One {
    pub(super) id: Box<str>,
    pub(super) created_at: Timestamp,
    pub(super) tags: Tags,
}

impl<'s> Here<'s> {
    pub(super) fn new(state: &'s mut State, now: Timestamp) -> Here<'s> {
        Here {
            state,
            now,
            place: None,
            random: Random::default(),
            texts: BTreeSet::new(),
            tags: BTreeSet::new(),
            reserved: BTreeSet::new(),
        }
    }

    /// Goes to a place, and opens it.
    pub(super) fn enter(&mut self, place: &Place) {
        self.state.services_mut(place);
        self.place = Some(place.clone());
        self.reserved.clear();
    }

    /// The place that was entered.
    ///
    /// # Panics
    ///
    /// When none was.
    pub(super) fn place(&self) -> &Place {
        self.place.as_ref().expect("a place is entered before anything is made")
    }

    /// What is there, to put something there.
    pub(super) fn services(&mut self) -> &mut Services {
        let place = self.place().clone();
        self.state.services_mut(&place)
    }

    /// The ids that entries give to resources of a kind here: nothing else gets one of them.
    pub(super) fn reserve<E: Entry>(&mut self, entries: &[E]) {
        let place = self.place().clone();
        for common in entries.iter().map(Entry::common).filter(|it| it.is_at(&place)) {
            self.reserved.extend(common.ids(&place));
        }
    }

    /// Makes as many as the entry says.
    pub(super) fn each<E: Entry>(
        &mut self,
        entry: &E,
        mut make: impl FnMut(One, &mut Here<'_>) -> E::Item,
    ) -> Vec<(Box<str>, E::Item)> {
        let common = entry.common();
        let count = common.count.map_or(1, |it| it.draw(&mut self.random));
        (1..=count)
            .map(|n| {
                let one = self.one::<E>(&common, n, SignedDuration::ZERO, &[]);
                (one.id.clone(), make(one, self))
            })
            .collect()
    }

    /// What the resource with this number has, that is so much older than the entry says. `names`
    /// are what texts may name beside what all may, with what they stand for.
    pub(super) fn one<E: Entry>(
        &mut self,
        common: &Common<'_>,
        n: u32,
        older: SignedDuration,
        names: &[(&str, &str)],
    ) -> One {
        let age = common.age.unwrap_or(&Range { from: AGE, to: AGE }).draw(&mut self.random);
        let created_at = self.now - age.0 - older;
        let place = self.place().clone();
        let at = created_at.to_string();
        let names = [&[("at", at.as_str())], names].concat();
        let mut tags = Tags::new();
        for (key, values) in common.tags {
            if let Some(value) = &values.draw(&mut self.random).0 {
                tags.insert(key.clone(), fill(value, &mut self.random, &place, n, &names));
            }
        }
        let id = match common.id {
            Some(id) => fill(id, &mut self.random, &place, n, &names),
            None => return One { id: self.fresh_id(E::KIND), created_at, tags },
        };
        One { id: id.into(), created_at, tags }
    }

    /// The ARN of the key with this alias or ARN. One of the account that is not there yet is
    /// made.
    pub(super) fn key(&mut self, named: &str) -> Arc<str> {
        let place = self.place().clone();
        let arn = Kms::resolve(self.state, &place, named);
        if arn.starts_with("arn:") {
            return self.shared(&arn);
        }
        let id = uuid(&mut Random::of(&(&place, named)));
        let key = Key::customer(&place, &id, Some(named), self.now - AGE.0);
        let arn = key.arn.clone();
        self.services().kms.put(key);
        arn
    }

    /// Plans what happens by itself later in EC2 here.
    pub(super) fn plan(&mut self, at: Timestamp, happening: ec2::Happening) {
        let place = self.place().clone();
        self.state.agenda.plan(at, Happening::Ec2(place, happening));
    }

    /// Plans that the state of a database here changes, if it does by itself.
    pub(super) fn plan_change(&mut self, kind: Kind, name: &str, life: Life) {
        if let Some(at) = life.changes_at {
            let place = self.place().clone();
            let happening = rds::Happening::Database(kind, name.into());
            self.state.agenda.plan(at, Happening::Rds(place, happening));
        }
    }

    /// Plans that a snapshot of a database here is taken.
    pub(super) fn plan_snapshot(&mut self, kind: Kind, name: &str, at: Timestamp) {
        let place = self.place().clone();
        let happening = rds::Happening::Snapshot(kind, name.into());
        self.state.agenda.plan(at, Happening::Rds(place, happening));
    }

    /// Plans what happens by itself later in DynamoDB here.
    pub(super) fn plan_table(&mut self, at: Timestamp, happening: dynamodb::Happening) {
        let place = self.place().clone();
        self.state.agenda.plan(at, Happening::DynamoDb(place, happening));
    }

    /// How long things take.
    pub(super) fn times(&self) -> &Times {
        &self.state.dials.times
    }

    /// A text that many resources share.
    pub(super) fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(shared) = self.texts.get(text) {
            return shared.clone();
        }
        let shared: Arc<str> = text.into();
        self.texts.insert(shared.clone());
        shared
    }

    /// Tags that many resources share.
    pub(super) fn shared_tags(&mut self, tags: Tags) -> Arc<Tags> {
        if let Some(shared) = self.tags.get(&tags) {
            return shared.clone();
        }
        let shared = Arc::new(tags);
        self.tags.insert(shared.clone());
        shared
    }

    /// A new id of AWS's form, which no entry gives.
    pub(super) fn fresh_id(&mut self, kind: &'static str) -> Box<str> {
        loop {
            let id = self.state.fresh_id(kind);
            if !self.reserved.contains(&id) {
                return id.into();
            }
        }
    }

    /// Draws an availability zone from their letters; `a` when there are none.
    pub(super) fn zone(&mut self, letters: Option<&OneOrMore<String>>) -> Arc<str> {
        let letter = letters.map_or("a", |it| it.draw(&mut self.random));
        let zone = format!("{}{letter}", self.place().region);
        self.shared(&zone)
    }

    /// Draws the key of something, if it is encrypted: all are when only keys are said, and the
    /// key is `default` when only that is.
    pub(super) fn key_of(
        &mut self,
        encrypted: Option<Share>,
        keys: Option<&OneOrMore<String>>,
        default: &str,
    ) -> Option<Arc<str>> {
        let encrypted = match encrypted {
            Some(share) => share.draw(&mut self.random),
            None => keys.is_some(),
        };
        encrypted.then(|| {
            let key = keys.map_or(default, |it| it.draw(&mut self.random));
            self.key(key)
        })
    }
}

/// A text with everything filled in.
pub(super) fn fill(
    text: &Text,
    random: &mut Random,
    place: &Place,
    n: u32,
    names: &[(&str, &str)],
) -> String {
    text.fill(random, |name| match name {
        "n" => Some(Cow::Owned(n.to_string())),
        "account" => Some(Cow::Borrowed(place.account.as_str())),
        "region" => Some(Cow::Borrowed(place.region.as_str())),
        _ => names.iter().find(|(it, _)| *it == name).map(|(_, text)| Cow::Borrowed(*text)),
    })
}

/// An id as keys and tables have them.
pub(super) fn uuid(random: &mut Random) -> String {
    let (high, low) = (random.next_number(), random.next_number());
    let (time, middle, version) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
    let (variant, node) = (low >> 52, low & 0xffff_ffff_ffff);
    format!("{time:08x}-{middle:04x}-4{version:03x}-8{variant:03x}-{node:012x}")
}
