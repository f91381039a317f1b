//! Resources by id, with what they were a while ago, for describes that lag behind writes.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
};

use jiff::{SignedDuration, Timestamp};

/// The longest that a describe may lag behind a write. What is older is forgotten.
pub(crate) const LONGEST_LAG: SignedDuration = SignedDuration::from_mins(10);

/// Resources of one kind in one place, in the order of their ids.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    items: BTreeMap<Box<str>, Kept<T>>,
    /// Those that are gone, in the order in which they went.
    gone: VecDeque<(Timestamp, Box<str>)>,
}

/// One resource and its past.
#[derive(Debug)]
struct Kept<T> {
    /// What it is now. `None`: it is gone.
    now: Option<T>,
    since: Timestamp,
    /// What it was before, each with the time since when; the newest last.
    before: Vec<(Timestamp, Option<T>)>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf { items: BTreeMap::new(), gone: VecDeque::new() }
    }
}

impl<T: Clone> Shelf<T> {
    /// Puts a resource there, which nobody has seen before `since`.
    pub(crate) fn put(&mut self, id: &str, item: T, since: Timestamp) {
        self.forget(since);
        match self.items.get_mut(id) {
            Some(kept) => kept.become_(Some(item), since),
            None => {
                let kept = Kept { now: Some(item), since, before: Vec::new() };
                self.items.insert(id.into(), kept);
            }
        }
    }

    /// Puts many resources there that have always been there. Takes little more memory than
    /// they do when they come in the order of their ids.
    pub(crate) fn fill(&mut self, items: impl IntoIterator<Item = (Box<str>, T)>) {
        let kept = |item| Kept { now: Some(item), since: Timestamp::MIN, before: Vec::new() };
        let mut new: BTreeMap<_, _> = items.into_iter().map(|(id, it)| (id, kept(it))).collect();
        self.items.append(&mut new);
    }

    /// The resource as it is.
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.items.get(id)?.now.as_ref()
    }

    /// The resource as it was at an instant.
    pub(crate) fn get_at(&self, id: &str, at: Timestamp) -> Option<&T> {
        self.items.get(id)?.at(at)
    }

    /// The id, as it is kept here.
    pub(crate) fn key(&self, id: &str) -> Option<&str> {
        self.items.get_key_value(id).map(|(key, _)| &**key)
    }

    /// Changes a resource, if it is there. `None`: it is not.
    pub(crate) fn change<R>(
        &mut self,
        id: &str,
        now: Timestamp,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let kept = self.items.get_mut(id)?;
        let mut item = kept.now.clone()?;
        let result = change(&mut item);
        kept.become_(Some(item), now);
        Some(result)
    }

    /// Takes a resource away, and returns it.
    pub(crate) fn remove(&mut self, id: &str, now: Timestamp) -> Option<T> {
        self.forget(now);
        let kept = self.items.get_mut(id)?;
        let item = kept.now.clone()?;
        kept.become_(None, now);
        self.gone.push_back((now, id.into()));
        Some(item)
    }

    /// All as they are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.items.iter().filter_map(|(id, kept)| Some((&**id, kept.now.as_ref()?)))
    }

    /// All that were there at an instant, as they were, from after an id on. Backwards, because
    /// AWS promises no order and ids often grow with time.
    pub(crate) fn after<'s>(
        &'s self,
        after: Option<&str>,
        at: Timestamp,
    ) -> impl Iterator<Item = (&'s str, &'s T)> + use<'s, T> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.items
            .range::<str, _>((Bound::Unbounded, from))
            .rev()
            .filter_map(move |(id, kept)| Some((&**id, kept.at(at)?)))
    }

    /// Forgets what is gone for so long that no describe can show it.
    fn forget(&mut self, now: Timestamp) {
        while let Some((since, id)) = self.gone.front() {
            if *since > now - LONGEST_LAG {
                return;
            }
            if self.items.get(id).is_some_and(|it| it.now.is_none() && it.since <= *since) {
                self.items.remove(id);
            }
            self.gone.pop_front();
        }
    }
}

impl<T> Kept<T> {
    fn at(&self, at: Timestamp) -> Option<&T> {
        if self.since <= at {
            return self.now.as_ref();
        }
        let then = self.before.iter().rev().find(|(since, _)| *since <= at);
        then.and_then(|(_, item)| item.as_ref())
    }

    fn become_(&mut self, item: Option<T>, since: Timestamp) {
        let before = (self.since, std::mem::replace(&mut self.now, item));
        if since > self.since {
            let oldest = since.checked_sub(LONGEST_LAG).unwrap_or(Timestamp::MIN);
            // The one that was there at `oldest` is still needed.
            let keep = self.before.iter().rposition(|(since, _)| *since <= oldest).unwrap_or(0);
            self.before.drain(..keep);
            self.before.push(before);
            self.since = since;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What there is of `a`, as it was at each of these seconds.
    fn seen(shelf: &Shelf<u8>, seconds: [i64; 4]) -> [Option<u8>; 4] {
        seconds.map(|second| shelf.get_at("a", at(second)).copied())
    }

    #[test]
    fn shows_what_was_at_an_instant() {
        let mut shelf = Shelf::default();
        shelf.put("a", 1, at(10));
        assert_eq!(shelf.change("a", at(20), |it| std::mem::replace(it, 2)), Some(1));
        assert_eq!(shelf.remove("a", at(30)), Some(2));
        assert_eq!(seen(&shelf, [9, 10, 20, 30]), [None, Some(1), Some(2), None]);
        assert_eq!(shelf.get("a"), None);
        assert_eq!(shelf.change("a", at(40), |_| ()), None);
        assert_eq!(shelf.remove("a", at(40)), None);
        shelf.put("a", 3, at(50));
        assert_eq!(seen(&shelf, [29, 30, 49, 50]), [Some(2), None, None, Some(3)]);
    }

    #[test]
    fn changes_within_one_instant_are_one() {
        let mut shelf = Shelf::default();
        shelf.put("a", 1, at(10));
        shelf.change("a", at(10), |it| *it = 2);
        assert_eq!(seen(&shelf, [9, 10, 11, 12]), [None, Some(2), Some(2), Some(2)]);
    }

    #[test]
    fn forgets_what_no_describe_can_show() {
        let mut shelf = Shelf::default();
        for second in 0..10_000 {
            shelf.put(&format!("b{second}"), 0, at(second));
            shelf.change("a", at(second), |it| *it += 1);
            shelf.remove(&format!("b{second}"), at(second));
        }
        let lag = LONGEST_LAG.as_secs() as usize;
        assert!(shelf.items.len() <= lag + 1, "{}", shelf.items.len());
        shelf.put("a", 0, at(0));
        for second in 1..10_000 {
            shelf.change("a", at(second), |it| *it = 1);
        }
        assert!(shelf.items["a"].before.len() <= lag + 1);
        assert_eq!(shelf.get_at("a", at(9_999) - LONGEST_LAG), Some(&1));
    }

    #[test]
    fn goes_on_after_an_id_even_when_it_is_gone() {
        let mut shelf = Shelf::default();
        shelf.fill([("a".into(), 1), ("c".into(), 3), ("b".into(), 2)]);
        shelf.remove("b", at(5));
        let after = |id, second| shelf.after(id, at(second)).map(|(id, _)| id).collect::<String>();
        assert_eq!((after(None, 4).as_str(), after(None, 5).as_str()), ("cba", "ca"));
        assert_eq!(after(Some("b"), 5), "a");
        assert_eq!(shelf.iter().map(|(_, it)| *it).collect::<Vec<_>>(), [1, 3]);
    }
}
