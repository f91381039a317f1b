//! Where a backup comes from and where its copies are, by their tags alone.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use lamplighter_catalog::ACTIONS;
use lamplighter_core::{
    AccountPool, AnyAction, Fault, Place, Tags,
    action::{COPIED_FROM_TAG, COPIED_TO_TAG, HOP_TAG},
    cloud::Session,
    select::ServerFilter,
};
use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet};

use super::subject::Subject;

/// Places looked at at the same time.
const CONCURRENCY: usize = 16;

/// A resource that is there.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    /// In the plural: `snapshots`.
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) tags: Tags,
    pub(super) facts: Value,
}

/// A resource, and what was copied from it.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) found: Found,
    pub(super) copies: Vec<Branch>,
    /// Copies that its tags name and that are not there: where, and their ids.
    pub(super) gone: Vec<(Place, String)>,
}

/// All that hangs together with what somebody asks about.
#[derive(Clone, Debug, Default)]
pub(super) struct Lineage {
    /// What nothing else that is there was copied to. Empty: it is nowhere.
    pub(super) roots: Vec<Branch>,
    /// Where nobody could look, and why.
    pub(super) unseen: BTreeMap<Place, String>,
}

/// Looks for resources in the places of an organization.
pub(super) struct Search {
    pub(super) accounts: Arc<dyn AccountPool>,
    pub(super) places: BTreeSet<Place>,
    pub(super) session: Session,
}

impl Search {
    /// The lineage of a resource: up to where it comes from, and down to all copies.
    pub(super) async fn lineage(&self, subject: &Subject) -> Result<Lineage, Fault> {
        let mut lineage = Lineage::default();
        let mut known = Known::default();
        known.extend(self.find(subject, &mut lineage.unseen).await?);
        let asked: Vec<Found> = known.all.values().cloned().collect();
        let mut open: VecDeque<Found> = asked.into();
        while let Some(it) = open.pop_front() {
            for relative in relatives(&it) {
                let found = self.find(&relative, &mut lineage.unseen).await?;
                let same_kind = found.into_iter().filter(|other| other.kind == it.kind);
                open.extend(known.extend(same_kind));
            }
        }
        lineage.roots = tree(known.all.into_values());
        Ok(lineage)
    }

    /// The resources that may be meant, in all places where they may be.
    async fn find(
        &self,
        subject: &Subject,
        unseen: &mut BTreeMap<Place, String>,
    ) -> Result<Vec<Found>, Fault> {
        let permits = Arc::new(Semaphore::new(CONCURRENCY));
        let mut looks = JoinSet::new();
        for place in self.places.iter().filter(|it| subject.may_be_in(it)) {
            let (permits, accounts) = (Arc::clone(&permits), Arc::clone(&self.accounts));
            let (place, session) = (place.clone(), self.session.clone());
            let (id, kinds) = (subject.id.clone(), subject.kinds(ACTIONS));
            looks.spawn(async move {
                let _permit = permits.acquire_owned().await;
                let found = look(&*accounts, &place, &session, &id, &kinds).await;
                (place, found)
            });
        }
        let mut all = Vec::new();
        while let Some(look) = looks.join_next().await {
            let (place, found) =
                look.map_err(|error| Fault::permanent(format!("a look ended: {error}")))?;
            match found {
                Ok(found) => all.extend(found),
                Err(fault) => drop(unseen.insert(place, fault.chain())),
            }
        }
        Ok(all)
    }
}

/// The resources of an id in one place.
async fn look(
    accounts: &dyn AccountPool,
    place: &Place,
    session: &Session,
    id: &str,
    kinds: &[&'static dyn AnyAction],
) -> Result<Vec<Found>, Fault> {
    let scope = accounts.scope(place, session).await?;
    let filter = ServerFilter::of_ids([id.to_owned()]);
    let mut all = Vec::new();
    for action in kinds {
        let mut page = None;
        loop {
            let listed = action.list_kind(&*scope, &filter, page).await?;
            all.extend(listed.items.into_iter().filter(|it| it.id == id).map(|it| Found {
                place: place.clone(),
                kind: action.target_kind(),
                id: it.id,
                tags: it.tags,
                facts: it.facts,
            }));
            page = listed.next;
            if page.is_none() {
                break;
            }
        }
    }
    // What others share with an account shows there as well.
    all.retain(|it| it.facts["owner"].as_str().is_none_or(|it| it == place.account.as_str()));
    Ok(all)
}

/// What a resource was copied from, and its copies, as its tags name them.
fn relatives(it: &Found) -> Vec<Subject> {
    let from = [COPIED_FROM_TAG, HOP_TAG].into_iter().filter_map(|tag| it.tags.get(tag));
    let to = copies(&it.tags).map(|(_, id)| id);
    from.chain(to).filter_map(|text| text.parse().ok()).collect()
}

/// The copies that tags name: where, and their ids.
fn copies(tags: &Tags) -> impl Iterator<Item = (Place, &String)> {
    tags.iter().filter_map(|(name, id)| {
        let (account, region) = name.strip_prefix(COPIED_TO_TAG)?.split_once('/')?;
        Some((Place { account: account.parse().ok()?, region: region.parse().ok()? }, id))
    })
}

/// Hangs each copy below what it was copied from. What hangs below nothing that is there comes
/// first, in the order of places and ids.
pub(super) fn tree(all: impl IntoIterator<Item = Found>) -> Vec<Branch> {
    let mut known = Known::default();
    known.extend(all);
    known.tree()
}

/// The resources that were found so far.
#[derive(Default)]
struct Known {
    all: BTreeMap<(Place, String), Found>,
}

impl Known {
    /// Adds those that are new, and returns them.
    fn extend(&mut self, found: impl IntoIterator<Item = Found>) -> Vec<Found> {
        let mut new = Vec::new();
        for it in found {
            let key = (it.place.clone(), it.id.clone());
            if self.all.insert(key, it.clone()).is_none() {
                new.push(it);
            }
        }
        new
    }

    fn tree(mut self) -> Vec<Branch> {
        let parents: BTreeMap<_, _> =
            self.all.iter().filter_map(|(key, it)| Some((key.clone(), self.parent(it)?))).collect();
        let keys: Vec<_> = self.all.keys().cloned().collect();
        // What is its own ancestor, by tags that somebody has set, has none.
        let is_root = |key: &(Place, String)| {
            let mut seen = BTreeSet::from([key]);
            let mut at = key;
            while let Some(parent) = parents.get(at) {
                if !seen.insert(parent) {
                    return parent == key;
                }
                at = parent;
            }
            at == key
        };
        let roots: Vec<_> = keys.iter().filter(|it| is_root(it)).cloned().collect();
        roots.into_iter().filter_map(|key| self.branch(&key, &parents)).collect()
    }

    /// What it was copied from. The same id may be in two places; the one is meant whose tags name
    /// the copy, or else any.
    fn parent(&self, it: &Found) -> Option<(Place, String)> {
        let from = it.tags.get(COPIED_FROM_TAG).or_else(|| it.tags.get(HOP_TAG))?;
        let from = from.parse::<Subject>().ok()?;
        let names_it = |other: &Found| {
            copies(&other.tags).any(|(place, id)| place == it.place && *id == it.id)
        };
        let is_it = |other: &&Found| {
            other.kind == it.kind && other.id == from.id && from.may_be_in(&other.place)
        };
        let mut fitting = self.all.values().filter(is_it).peekable();
        let any = fitting.peek().copied();
        let parent = fitting.find(|other| names_it(other)).or(any)?;
        Some((parent.place.clone(), parent.id.clone()))
    }

    /// Takes a resource out, with all that was copied from it.
    fn branch(
        &mut self,
        key: &(Place, String),
        parents: &BTreeMap<(Place, String), (Place, String)>,
    ) -> Option<Branch> {
        let found = self.all.remove(key)?;
        let children = parents.iter().filter(|(_, parent)| *parent == key).map(|(child, _)| child);
        let copies_there: Vec<_> = children.filter_map(|it| self.branch(it, parents)).collect();
        let is_there = |place: &Place, id: &str| {
            copies_there.iter().any(|it| it.found.place == *place && it.found.id == id)
        };
        let named = copies(&found.tags).map(|(place, id)| (place, short(id)));
        let gone = named.filter(|(place, id)| !is_there(place, id)).collect();
        Some(Branch { found, copies: copies_there, gone })
    }
}

/// The id in a text that may be an ARN.
fn short(text: &str) -> String {
    text.parse::<Subject>().map_or_else(|_| text.to_owned(), |it| it.id)
}
