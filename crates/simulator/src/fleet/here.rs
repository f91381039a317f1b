//! Where resources are made, and what is drawn for each.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{Place, Tags};

use super::entry::{Common, Entry};
use crate::{
    cloud::{Services, State},
    random::Random,
    words::{Range, Text, Time},
};

/// How old resources are that do not say it.
const AGE: Time = Time(SignedDuration::from_hours(30 * 24));

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
}

/// What every resource has.
pub(super) struct One {
    pub(super) id: Box<str>,
    pub(super) created_at: Timestamp,
    pub(super) tags: Tags,
}

impl<'s> Here<'s> {
    pub(super) fn new(state: &'s mut State, now: Timestamp) -> Here<'s> {
        Here { state, now, place: None, random: Random::default(), texts: BTreeSet::new() }
    }

    /// Goes to a place, and opens it.
    pub(super) fn enter(&mut self, place: &Place) {
        self.state.services_mut(place);
        self.place = Some(place.clone());
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
                let one = self.one::<E>(&common, n, &[]);
                (one.id.clone(), make(one, self))
            })
            .collect()
    }

    /// What the resource with this number has. `names` are what texts may name, with what they
    /// stand for.
    pub(super) fn one<E: Entry>(
        &mut self,
        common: &Common<'_>,
        n: u32,
        names: &[(&str, &str)],
    ) -> One {
        let age = common.age.unwrap_or(&Range { from: AGE, to: AGE }).draw(&mut self.random);
        let place = self.place().clone();
        let mut tags = Tags::new();
        for (key, values) in common.tags {
            if let Some(value) = &values.draw(&mut self.random).0 {
                tags.insert(key.clone(), fill(value, &mut self.random, &place, n, names));
            }
        }
        let id = match common.id {
            Some(id) => fill(id, &mut self.random, &place, n, names),
            None => self.state.fresh_id(E::PREFIX.trim_end_matches('-')),
        };
        One { id: id.into(), created_at: self.now - age.0, tags }
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

    /// A new id of AWS's form.
    pub(super) fn fresh_id(&mut self, kind: &'static str) -> Box<str> {
        self.state.fresh_id(kind).into()
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
