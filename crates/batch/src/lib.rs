//! Joins calls that come at the same time into one, where the other side takes many ids at once
//! and refuses all of them because of one.
//!
//! Whoever comes first waits a moment for others, and then makes the call for all. When it is
//! refused, those at fault are left out or looked for by halves, so that in the end everybody has
//! the answer to their own id. If the one who makes the call gives up, the others begin anew; so
//! the call must be one that may be made twice.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

/// Why a call for several ids was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused<E> {
    /// Because of these, which it names; nothing was done for any.
    Named {
        /// The ids.
        ids: Vec<String>,
        /// Why.
        why: E,
    },
    /// Because of one or several, and it is not known which.
    Someone(E),
    /// For a reason that has nothing to do with the ids: smaller calls would fare no better.
    Everyone(E),
}

/// Where calls meet. Those with the same key are joined.
#[derive(Debug)]
pub struct Desk<K, E> {
    open: Mutex<HashMap<K, Arc<Gathering<E>>>>,
    window: Duration,
    most: usize,
}

/// Calls that wait for others.
#[derive(Debug)]
struct Gathering<E> {
    members: Mutex<Vec<Member<E>>>,
    full: Notify,
}

/// One who waits for an answer.
#[derive(Debug)]
struct Member<E> {
    id: String,
    tell: oneshot::Sender<Result<(), E>>,
}

impl<K: Clone + Eq + Hash, E: Clone> Desk<K, E> {
    /// Whoever comes first waits so long for others, or until there are `most` of them.
    pub fn new(window: Duration, most: usize) -> Desk<K, E> {
        Desk { open: Mutex::default(), window, most: most.max(1) }
    }

    /// Makes `call` for `id` and for all who join meanwhile with the same key; or waits for
    /// somebody else who does. Returns the answer for `id`.
    pub async fn join<F, R>(&self, key: K, id: &str, call: F) -> Result<(), E>
    where
        F: Fn(Vec<String>) -> R,
        R: Future<Output = Result<(), Refused<E>>>,
    {
        loop {
            let (tell, told) = oneshot::channel();
            if let Some(lead) = self.add(&key, Member { id: id.to_owned(), tell }) {
                // Nobody waits any longer once there are as many as one call takes.
                let _ = timeout(self.window, lead.gathering.full.notified()).await;
                let members = std::mem::take(&mut *lock(&lead.close().members));
                carry_out(members, &call).await;
            }
            if let Ok(answer) = told.await {
                return answer;
            }
            // Who was to make the call has given up.
        }
    }

    /// Joins those who wait. `Some`: nobody does yet.
    fn add(&self, key: &K, member: Member<E>) -> Option<Lead<'_, K, E>> {
        let mut open = lock(&self.open);
        let known = open.get(key).cloned();
        let is_first = known.is_none();
        let gathering = known.unwrap_or_else(|| {
            Arc::new(Gathering { members: Mutex::default(), full: Notify::new() })
        });
        let count = {
            let mut members = lock(&gathering.members);
            members.push(member);
            members.len()
        };
        if count >= self.most {
            open.remove(key);
            gathering.full.notify_one();
        } else if is_first {
            open.insert(key.clone(), gathering.clone());
        }
        is_first.then(|| Lead { desk: self, key: key.clone(), gathering })
    }
}

/// The one who makes the call. When it gives up, the others hear so and begin anew.
struct Lead<'d, K: Eq + Hash, E> {
    desk: &'d Desk<K, E>,
    key: K,
    gathering: Arc<Gathering<E>>,
}

impl<K: Eq + Hash, E> Lead<'_, K, E> {
    /// Nobody joins any longer.
    fn close(&self) -> &Gathering<E> {
        let mut open = lock(&self.desk.open);
        if open.get(&self.key).is_some_and(|it| Arc::ptr_eq(it, &self.gathering)) {
            open.remove(&self.key);
        }
        &self.gathering
    }
}

impl<K: Eq + Hash, E> Drop for Lead<'_, K, E> {
    fn drop(&mut self) {
        lock(&self.close().members).clear();
    }
}

/// Makes calls until every member has an answer.
async fn carry_out<E, F, R>(members: Vec<Member<E>>, call: &F)
where
    E: Clone,
    F: Fn(Vec<String>) -> R,
    R: Future<Output = Result<(), Refused<E>>>,
{
    let mut waiting: BTreeMap<String, Vec<oneshot::Sender<Result<(), E>>>> = BTreeMap::new();
    for Member { id, tell } in members {
        waiting.entry(id).or_default().push(tell);
    }
    let mut parts: Vec<Vec<String>> = vec![waiting.keys().cloned().collect()];
    let mut tell = |ids: &[String], answer: Result<(), E>| {
        for teller in ids.iter().filter_map(|id| waiting.remove(id)).flatten() {
            // Who does not listen any longer has given up.
            let _ = teller.send(answer.clone());
        }
    };
    while let Some(ids) = parts.pop() {
        match call(ids.clone()).await {
            Ok(()) => tell(&ids, Ok(())),
            Err(Refused::Everyone(why)) => {
                parts.push(ids);
                for ids in parts.drain(..) {
                    tell(&ids, Err(why.clone()));
                }
            }
            Err(Refused::Named { ids: bad, why }) if bad.iter().any(|id| ids.contains(id)) => {
                let (bad, rest): (Vec<String>, Vec<String>) =
                    ids.into_iter().partition(|id| bad.contains(id));
                tell(&bad, Err(why));
                parts.extend(Some(rest).filter(|it| !it.is_empty()));
            }
            Err(Refused::Named { why, .. } | Refused::Someone(why)) => match ids.len() {
                0 | 1 => tell(&ids, Err(why)),
                count => {
                    let (first, second) = ids.split_at(count / 2);
                    parts.extend([second.to_vec(), first.to_vec()]);
                }
            },
        }
    }
}

/// Locks, even after somebody who held the lock has panicked: nothing is left half done in it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
