//! How far a job is that copies a backup.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::Destination;
use crate::{AccountId, Fault, FaultKind, Place, Progress};

/// What a job remembers. `S` is what it remembers of a copy that it has started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct State<S> {
    /// What it does next.
    pub(super) phase: Phase<S>,
    /// The destinations that are left, the current one first.
    pub(super) left: Vec<Leg>,
    /// The key of the copy on the way, if there is one to be made with a key.
    pub(super) hop_key: Option<String>,
    /// The copy on the way. It is deleted in the end.
    pub(super) hop: Option<String>,
    /// The accounts that may use a part of the source for the time of the job only.
    pub(super) lent: BTreeMap<String, BTreeSet<AccountId>>,
    /// What was done, in words.
    pub(super) done: Vec<String>,
    /// What could not be done, and why.
    pub(super) failed: Vec<String>,
    /// The kind of the first fault.
    pub(super) fault: Option<FaultKind>,
}

/// What a job does next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase<S> {
    /// It starts the copy on the way.
    Hop,
    /// It waits for the copy on the way.
    Hopping(S),
    /// It shares the source with the first destination that is left, and starts the copy there.
    Copy,
    /// It waits for that copy; then it verifies it, tags the source, and shares the copy.
    Copying(S),
    /// It takes back what is temporary, and deletes the source if that is asked for.
    Clean,
}

/// A destination that is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Leg {
    /// Its place among the parameters.
    pub(super) to: usize,
    /// The ARN of its key, where the parameters name one.
    pub key: Option<String>,
    /// Whether the copy is made of the copy on the way.
    pub(super) by_hop: bool,
}

impl<S> State<S> {
    /// The place that a copy is started in or waited for in the next step.
    pub fn copies_to<D: Destination>(&self, to: &[D], here: &Place) -> Option<Place> {
        match self.phase {
            Phase::Hop | Phase::Hopping(_) => Some(here.clone()),
            Phase::Copy | Phase::Copying(_) => Some(to.get(self.left.first()?.to)?.place(here)),
            Phase::Clean => None,
        }
    }

    /// The state in which it serves what is left.
    pub(super) fn next(self) -> State<S> {
        let phase = match self.left.first() {
            Some(leg) if leg.by_hop && self.hop.is_none() => Phase::Hop,
            Some(_) => Phase::Copy,
            None => Phase::Clean,
        };
        State { phase, ..self }
    }

    /// The state after the current destination, with what was done.
    pub(super) fn arrived(mut self, done: String) -> State<S> {
        self.left.remove(0);
        self.done.push(done);
        self.next()
    }

    /// The state after what it is at has failed: without a copy on the way, nothing of what
    /// needs one can be done.
    pub(super) fn gave_up(mut self, kind: FaultKind, why: String) -> State<S> {
        match self.phase {
            Phase::Hop | Phase::Hopping(_) => self.left.retain(|leg| !leg.by_hop),
            _ => _ = self.left.remove(0),
        }
        self.fault.get_or_insert(kind);
        self.failed.push(why);
        self.next()
    }

    /// Goes on with the next step now.
    pub(super) fn at_once(self) -> Progress<State<S>> {
        Progress::Again { state: self, wait: Duration::ZERO }
    }

    /// Waits for the copy on the way.
    pub(super) fn hopping(self, (started, wait): (S, Duration)) -> Progress<State<S>> {
        Progress::Again { state: State { phase: Phase::Hopping(started), ..self }, wait }
    }

    /// Waits for the copy in the current destination.
    pub(super) fn copying(self, (started, wait): (S, Duration)) -> Progress<State<S>> {
        Progress::Again { state: State { phase: Phase::Copying(started), ..self }, wait }
    }

    /// How the job ends.
    pub(super) fn end(self) -> Result<Progress<State<S>>, Fault> {
        let done = self.done.join("; ");
        match self.fault {
            None => Ok(Progress::Done(done)),
            Some(kind) => {
                let also = if done.is_empty() { done } else { format!("; but {done}") };
                Err(Fault::new(kind, format!("{}{also}", self.failed.join("; "))))
            }
        }
    }
}
