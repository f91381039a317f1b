//! AWS in memory, behind the ports of the core: several accounts and regions, stricter than AWS
//! and never looser.
//!
//! What it is strict about, each proved by a test beside it: who may do what, paging, describes
//! that lag behind writes, limits of rate and number, and what AWS accepts as tags and texts.

mod ec2;
mod ec2_rules;
mod pages;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    AccountId, AccountPool, Clock, Fault, Place, Region, Scope,
    classify::{classify, minimum_wait},
    cloud::{Ec2, Session, ec2::Volume},
};

use crate::{
    Random, VirtualClock,
    faults::{Faults, To},
    lock,
};

pub(crate) use ec2_rules::SnapshotRecord;
use pages::Pages;

/// What the engine itself needs, beside what actions declare: to assume a role and to learn an
/// account's regions.
pub const ENGINE_PERMISSIONS: [&str; 2] = ["ec2:DescribeRegions", "sts:AssumeRole"];

/// A cloud. Clones share it.
#[derive(Clone)]
pub struct FakeCloud {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) faults: Faults,
    state: Arc<Mutex<State>>,
}

struct State {
    dials: Dials,
    accounts: BTreeMap<AccountId, Account>,
    ec2: BTreeMap<Place, Ec2State>,
    pages: Pages,
    calls: Vec<Call>,
    /// What is left in the bucket of each place and API, and when that was so.
    buckets: BTreeMap<(Place, &'static str), (f64, Timestamp)>,
    /// Luck for describes that lag.
    random: Random,
    /// How many things calls have made so far, whatever became of them.
    made: usize,
    broken: Vec<String>,
}

#[derive(Default)]
struct Account {
    regions: BTreeSet<Region>,
    entry: Entry,
    /// IAM actions the role has. `None`: all.
    allowed: Option<BTreeSet<String>>,
}

#[derive(Default, PartialEq)]
enum Entry {
    #[default]
    Open,
    /// The role cannot be assumed.
    Closed,
}

/// EC2 in one place.
#[derive(Default)]
struct Ec2State {
    volumes: BTreeMap<String, Volume>,
    snapshots: BTreeMap<String, SnapshotRecord>,
    /// Volumes whose snapshots end in `error`.
    failing: BTreeSet<String>,
}

/// How the cloud behaves.
#[derive(Clone, Debug)]
pub struct Dials {
    /// Resources that one page of a listing looks at. Those that the filter leaves out are
    /// missing on it, so pages may be short or empty and yet not the last.
    pub page_size: usize,
    /// How long a new snapshot is pending.
    pub snapshots_take: SignedDuration,
    /// How far describes lag behind writes.
    pub lag: Lag,
    /// The bucket of requests of each API in each place. `None`: no throttling.
    pub bucket: Option<Bucket>,
}

/// How far describes lag behind writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// Each shows what was so long ago.
    Always(SignedDuration),
    /// Each shows what was at some moment not longer ago than this: what one call has shown, the
    /// next one may not.
    UpTo(SignedDuration),
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The most calls in a burst.
    pub capacity: f64,
    /// Calls a second that it gains.
    pub per_second: f64,
}

impl Default for Dials {
    fn default() -> Dials {
        Dials {
            page_size: 2,
            snapshots_take: SignedDuration::from_mins(5),
            lag: Lag::Always(SignedDuration::ZERO),
            bucket: None,
        }
    }
}

/// One call, whatever came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Where.
    pub place: Place,
    /// The IAM actions it needs; the first is the call's own.
    pub actions: &'static [&'static str],
    /// Whether it writes.
    pub access: Access,
}

/// Whether a call writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Reads,
    /// It may change something.
    Writes,
}

impl FakeCloud {
    /// A cloud without accounts.
    pub fn new(clock: Arc<VirtualClock>, faults: Faults) -> FakeCloud {
        let state = State {
            dials: Dials::default(),
            accounts: BTreeMap::new(),
            ec2: BTreeMap::new(),
            pages: Pages::default(),
            calls: Vec::new(),
            buckets: BTreeMap::new(),
            random: Random::new(1),
            made: 0,
            broken: Vec::new(),
        };
        FakeCloud { clock, faults, state: Arc::new(Mutex::new(state)) }
    }

    /// Opens a region of an account, and the account with its first region.
    pub fn open(&self, place: &Place) {
        let mut state = lock(&self.state);
        let account = state.accounts.entry(place.account.clone()).or_default();
        account.regions.insert(place.region.clone());
        state.ec2.entry(place.clone()).or_default();
    }

    /// The role in this account cannot be assumed any more.
    pub fn close(&self, account: &AccountId) {
        lock(&self.state).accounts.entry(account.clone()).or_default().entry = Entry::Closed;
    }

    /// The roles in all accounts may do this and no more.
    pub fn allow_only(&self, actions: &[&str]) {
        let allowed: BTreeSet<String> = actions.iter().map(|it| (*it).to_owned()).collect();
        for account in lock(&self.state).accounts.values_mut() {
            account.allowed = Some(allowed.clone());
        }
    }

    /// Turns the dials.
    pub fn dial(&self, turn: impl FnOnce(&mut Dials)) {
        turn(&mut lock(&self.state).dials);
    }

    /// Draws the lag of describes from another seed.
    pub fn reseed(&self, seed: u64) {
        lock(&self.state).random = Random::new(seed);
    }

    /// Every place there is.
    pub fn places(&self) -> Vec<Place> {
        lock(&self.state).ec2.keys().cloned().collect()
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state).calls.clone()
    }

    /// How many things calls have made so far, whatever became of them.
    pub fn made(&self) -> usize {
        lock(&self.state).made
    }

    /// The laws of deletion that were broken: each with its name and how.
    pub fn broken_laws(&self) -> Vec<String> {
        lock(&self.state).broken.clone()
    }

    /// Passes one call: counts it, does to it what the faults say, and checks that the caller
    /// may and is not too fast.
    async fn call<T>(
        &self,
        place: &Place,
        actions: &'static [&'static str],
        access: Access,
        effect: impl FnOnce(&mut State, Timestamp) -> Result<T, Fault> + Send,
    ) -> Result<T, Fault> {
        self.faults
            .around(To::Cloud, async {
                let now = self.clock.now();
                let mut state = lock(&self.state);
                state.calls.push(Call { place: place.clone(), actions, access });
                state.spend(place, actions[0], now)?;
                state.permit(place, actions)?;
                effect(&mut state, now)
            })
            .await
    }
}

impl State {
    /// Takes a call out of the bucket.
    fn spend(&mut self, place: &Place, api: &'static str, now: Timestamp) -> Result<(), Fault> {
        let Some(Bucket { capacity, per_second }) = self.dials.bucket else { return Ok(()) };
        let (left, at) = self.buckets.entry((place.clone(), api)).or_insert((capacity, now));
        let gained = now.duration_since(*at).as_secs_f64() * per_second;
        (*left, *at) = ((*left + gained).min(capacity), now);
        if *left < 1.0 {
            return Err(refusal(
                "RequestLimitExceeded",
                format!("too many calls of `{api}` in {place}"),
            ));
        }
        *left -= 1.0;
        Ok(())
    }

    fn permit(&self, place: &Place, actions: &[&str]) -> Result<(), Fault> {
        let allowed = self.accounts.get(&place.account).and_then(|it| it.allowed.as_ref());
        let denied = actions.iter().find(|action| {
            !ENGINE_PERMISSIONS.contains(*action)
                && allowed.is_some_and(|allowed| !allowed.contains(**action))
        });
        match denied {
            None => Ok(()),
            Some(action) => Err(refusal(
                "UnauthorizedOperation",
                format!("the role in account `{}` lacks `{action}`", place.account),
            )),
        }
    }

    /// The instant that a describe shows.
    fn shown(&mut self, now: Timestamp) -> Timestamp {
        match self.dials.lag {
            Lag::Always(lag) => now - lag,
            Lag::UpTo(lag) => {
                let back = self.random.below(lag.as_secs().unsigned_abs() as usize + 1);
                now - SignedDuration::from_secs(back as i64)
            }
        }
    }
}

/// The fault that an adapter makes of AWS's code.
fn refusal(code: &str, message: impl Into<String>) -> Fault {
    let fault = Fault::new(classify(Some(code), None), message).with_code(code);
    match minimum_wait(code) {
        Some(wait) => fault.retry_after(wait),
        None => fault,
    }
}

/// One account in one region.
struct Door {
    cloud: FakeCloud,
    place: Place,
}

impl Scope for Door {
    fn place(&self) -> &Place {
        &self.place
    }

    fn ec2(&self) -> &dyn Ec2 {
        self
    }
}

impl FakeCloud {
    fn account<'a>(state: &'a State, id: &AccountId) -> Result<&'a Account, Fault> {
        let account = state
            .accounts
            .get(id)
            .ok_or_else(|| Fault::config(format!("account `{id}` is not configured")))?;
        if account.entry == Entry::Closed {
            let message = format!("the role in account `{id}` cannot be assumed");
            return Err(refusal("AccessDenied", message));
        }
        Ok(account)
    }
}

#[async_trait]
impl AccountPool for FakeCloud {
    async fn scope(&self, place: &Place, _: &Session) -> Result<Arc<dyn Scope>, Fault> {
        self.call(place, &["sts:AssumeRole"], Access::Reads, |state, _| {
            let account = FakeCloud::account(state, &place.account)?;
            if !account.regions.contains(&place.region) {
                let message = format!("{place} is not enabled");
                return Err(refusal("AuthFailure", message));
            }
            Ok(Arc::new(Door { cloud: self.clone(), place: place.clone() }) as Arc<dyn Scope>)
        })
        .await
    }

    async fn regions(&self, account: &AccountId, _: &Session) -> Result<Vec<Region>, Fault> {
        let region = "us-east-1".parse().expect("`us-east-1` is a region");
        let place = Place { account: account.clone(), region };
        self.call(&place, &["ec2:DescribeRegions"], Access::Reads, |state, _| {
            Ok(FakeCloud::account(state, account)?.regions.iter().cloned().collect())
        })
        .await
    }
}

#[cfg(test)]
mod tests;
