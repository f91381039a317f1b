//! The cloud: all accounts, and the one way in which every call passes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{AccountId, Clock, Place, Region};

use crate::{
    access,
    agenda::Agenda,
    buckets::{Bucket, Buckets, Throttling},
    dials::{Dials, Lag},
    dynamodb, ec2,
    events::{self, Bus, Event, Events},
    faults::{Faults, Mishap, MishapKind},
    iam::Need,
    kms,
    laws::Laws,
    operation::{Access, Cx, Operation, Spec},
    organization::{Account, Caller, Organization, Stranger},
    random::Random,
    rds,
    refusal::Refusal,
    scaling, sqs, ssm,
    trail::{Call, Outcome, Trail},
    wire::answer::RequestId,
};

/// A simulated cloud. Clones share it.
#[derive(Clone)]
pub struct Cloud {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

/// All that the cloud is.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) dials: Dials,
    pub(crate) organization: Organization,
    pub(crate) services: BTreeMap<Place, Services>,
    pub(crate) agenda: Agenda<Happening>,
    pub(crate) buckets: Buckets,
    pub(crate) faults: Faults,
    pub(crate) trail: Trail,
    pub(crate) events: Events,
    pub(crate) laws: Laws,
    random: Random,
    requests: u64,
    /// How many ids of each kind were handed out.
    ids: BTreeMap<&'static str, u64>,
}

/// The services of one account in one region.
#[derive(Default)]
pub(crate) struct Services {
    pub(crate) ec2: ec2::Ec2,
    pub(crate) dynamodb: dynamodb::DynamoDb,
    pub(crate) sqs: sqs::Sqs,
    pub(crate) bus: Bus,
    pub(crate) kms: kms::Kms,
    pub(crate) rds: rds::Rds,
    pub(crate) ssm: ssm::Ssm,
    pub(crate) scaling: scaling::Scaling,
}

impl Services {
    /// What is there in a place from the beginning.
    fn at(place: &Place) -> Services {
        Services { kms: kms::Kms::at(place), ..Services::default() }
    }
}

/// What happens by itself later.
#[derive(Debug)]
pub(crate) enum Happening {
    /// Something in EC2.
    Ec2(Place, ec2::Happening),
    /// Something in DynamoDB.
    DynamoDb(Place, dynamodb::Happening),
    /// The schedule of a rule has come round.
    Rule(Place, events::Due),
    /// Something in RDS.
    Rds(Place, rds::Happening),
    /// An instance takes snapshots of itself, as it was told.
    Shadows(Place, ssm::Shadows),
}

/// What came of a call, and what the edge has to make of it.
#[derive(Debug)]
pub(crate) struct Performed<R> {
    /// How long the answer takes.
    pub(crate) delay: SignedDuration,
    /// The answer is that there is nothing yet, and the caller wants to wait until then: the
    /// edge asks again now and then, and sends the first answer that does not say so.
    pub(crate) retry_until: Option<Timestamp>,
    /// The answer. `None`: the connection is closed without one.
    pub(crate) answer: Option<Result<R, Refusal>>,
}

impl Cloud {
    /// A cloud without accounts.
    pub fn new(clock: Arc<dyn Clock>) -> Cloud {
        Cloud { clock, state: Arc::default() }
    }

    /// Opens a region of an account, and the account with its first region. The first account
    /// is the hub: callers without credentials that are known belong to it.
    pub fn open(&self, place: &Place) {
        let state = &mut *self.lock();
        let organization = &mut state.organization;
        organization.hub.get_or_insert_with(|| place.account.clone());
        let account = organization.accounts.entry(place.account.clone()).or_default();
        account.regions.insert(place.region.clone());
        state.services.entry(place.clone()).or_insert_with(|| Services::at(place));
    }

    /// Every place there is.
    pub fn places(&self) -> Vec<Place> {
        self.lock().services.keys().cloned().collect()
    }

    /// The account that callers without known credentials belong to.
    pub fn hub(&self) -> Option<AccountId> {
        self.lock().organization.hub.clone()
    }

    /// Whether the account has this region enabled.
    pub fn is_open(&self, place: &Place) -> bool {
        self.lock().services.contains_key(place)
    }

    /// Turns the dials.
    pub fn dial(&self, turn: impl FnOnce(&mut Dials)) {
        turn(&mut self.lock().dials);
    }

    /// Draws all luck from another seed.
    pub fn reseed(&self, seed: u64) {
        self.lock().random = Random::new(seed);
    }

    /// The newest calls, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().trail.calls().cloned().collect()
    }

    /// The IAM actions that services have asked for on behalf of callers, with the callers'
    /// accounts: EBS, that uses their keys.
    pub fn on_behalf(&self) -> BTreeSet<(AccountId, &'static str)> {
        self.look(|state, _| state.trail.on_behalf.clone())
    }

    /// The newest events of all places, in order, as EventBridge delivers them.
    pub fn events(&self) -> Vec<Event> {
        self.look(|state, _| state.events.log().cloned().collect())
    }

    /// The events that came after the first so many, in order; counts them in `seen`. Whoever
    /// asks seldom misses the oldest: the newest 100,000 are kept.
    pub fn events_after(&self, seen: &mut u64) -> Vec<Event> {
        let (count, new) = self.look(|state, _| state.events.after(*seen));
        *seen = count;
        new
    }

    /// Takes the calls out of the trail: those since the last time, in order.
    pub fn take_calls(&self) -> Vec<Call> {
        self.lock().trail.take()
    }

    /// The time there.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Who has these credentials. See `Organization::caller`.
    pub(crate) fn caller(&self, access_key: &str, token: Option<&str>) -> Result<Caller, Stranger> {
        self.lock().organization.caller(access_key, token, self.clock.now())
    }

    /// What the next request is known by.
    pub(crate) fn request_id(&self) -> RequestId {
        let mut state = self.lock();
        state.requests += 1;
        RequestId(u128::from(state.requests) << 64 | u128::from(state.requests))
    }

    /// The cloud up to the present, to look into it or change it past all rules.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut State, Timestamp) -> R) -> R {
        let now = self.clock.now();
        let mut state = self.lock();
        state.advance(now);
        look(&mut state, now)
    }

    /// Passes one call: records it, does to it what the rules of mishaps say, checks that the
    /// caller is not too fast and may, and then does it. `use_answer` is given the answer while
    /// the cloud stands still.
    pub(crate) fn perform<O: Operation, R>(
        &self,
        caller: &Caller,
        place: &Place,
        operation: O,
        dry_run: bool,
        use_answer: impl FnOnce(O::Answer<'_>) -> R,
    ) -> Performed<R> {
        let mut state = self.lock();
        let mut cx = self.arrive(&mut state, caller, place);
        let needs = operation.needs(&cx);
        let Begun { delay, lost, may } = cx.begin(&O::SPEC, needs, operation.bucket(), dry_run);
        let answer = may.and_then(|()| operation.run(&mut cx).map(use_answer));
        // Whose connection is closed waits for nothing.
        let retry_until = cx.retry_until.filter(|_| lost.is_none());
        let outcome = lost.unwrap_or(match &answer {
            Ok(_) => Outcome::Done,
            Err(refusal) => Outcome::Refused(refusal.code),
        });
        state.trail.ended(outcome);
        Performed { delay, retry_until, answer: lost.is_none().then_some(answer) }
    }

    /// Asks once more what [`perform`](Cloud::perform) had no answer to yet, on behalf of the same
    /// call: it is recorded, paid and permitted already.
    pub(crate) fn ask_again<O: Operation, R>(
        &self,
        caller: &Caller,
        place: &Place,
        operation: O,
        use_answer: impl FnOnce(O::Answer<'_>) -> R,
    ) -> Performed<R> {
        let mut state = self.lock();
        let mut cx = self.arrive(&mut state, caller, place);
        let answer = Some(operation.run(&mut cx).map(use_answer));
        Performed { delay: SignedDuration::ZERO, retry_until: cx.retry_until, answer }
    }

    /// A call comes in, and the cloud is brought up to the present.
    fn arrive<'c>(&self, state: &'c mut State, caller: &'c Caller, place: &'c Place) -> Cx<'c> {
        let now = self.clock.now();
        state.advance(now);
        let seen = Cx::lagging(now, state.lag());
        Cx { state, caller, place, now, seen, retry_until: None }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that failed while it held the lock has left nothing half done that matters.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What is decided about a call before its operation is asked.
struct Begun {
    /// How long the answer takes.
    delay: SignedDuration,
    /// Why nobody hears the answer, if so.
    lost: Option<Outcome>,
    /// Whether it takes effect.
    may: Result<(), Refusal>,
}

impl Cx<'_> {
    /// Records a call, does to it what the rules of mishaps say, and checks that the caller is not
    /// too fast and may. Not generic, since every operation comes through here.
    fn begin(&mut self, spec: &Spec, needs: Vec<Need>, bucket: Bucket, dry_run: bool) -> Begun {
        let mut actions: Vec<_> = needs.iter().map(|it| it.action).collect();
        actions.dedup();
        let is_named = |it: &&Need| spec.access == Access::Writes && !it.resource.ends_with('*');
        let about = needs.iter().filter(is_named).map(|it| it.resource.clone()).collect();
        let call = Call {
            at: self.now,
            caller: self.caller.clone(),
            place: self.place.clone(),
            service: spec.service,
            operation: spec.name,
            actions,
            access: spec.access,
            about,
            outcome: Outcome::Done,
        };
        let Mishap { delay, kind } = self.state.faults.strike(&call);
        self.state.trail.push(call);
        let lost = match kind {
            Some(MishapKind::Drop) => Some(Outcome::Dropped),
            Some(MishapKind::LoseAnswer) => Some(Outcome::AnswerLost),
            Some(MishapKind::Refuse(_)) | None => None,
        };
        let may = match kind {
            Some(MishapKind::Refuse(refusal)) => Err(refusal),
            // Nobody hears it.
            Some(MishapKind::Drop) => Err(Refusal::new("Dropped", "the connection is closed")),
            Some(MishapKind::LoseAnswer) | None => {
                let may = self.spend_request(spec, bucket);
                may.and_then(|()| access::check(self, spec.service, &needs))
                    .and_then(|()| if dry_run { Err(access::dry_run()) } else { Ok(()) })
            }
        };
        Begun { delay, lost, may }
    }

    /// Pays for the call itself.
    fn spend_request(&mut self, spec: &Spec, bucket: Bucket) -> Result<(), Refusal> {
        let bucket = match self.state.dials.throttling {
            Throttling::Off => return Ok(()),
            Throttling::Aws => bucket,
            Throttling::All(bucket) => bucket,
        };
        match self.state.buckets.take(self.place, spec.name, bucket, 1.0, self.now) {
            true => Ok(()),
            false => Err(Refusal::throttled(spec.service, spec.name)),
        }
    }
}

impl State {
    /// Lets everything happen that happens by itself until now.
    fn advance(&mut self, now: Timestamp) {
        loop {
            // What happened emits events, and rules bring them to queues before anything else.
            events::deliver(self);
            let Some((at, happening)) = self.agenda.next(now) else { return };
            match happening {
                Happening::Ec2(place, it) => ec2::happen(self, &place, it, at),
                Happening::DynamoDb(place, it) => dynamodb::happen(self, &place, it, at),
                Happening::Rule(place, it) => events::fire(self, &place, it, at),
                Happening::Rds(place, it) => rds::happen(self, &place, it, at),
                Happening::Shadows(place, it) => ssm::take(self, &place, it, at),
            }
        }
    }

    /// How far this describe lags.
    fn lag(&mut self) -> SignedDuration {
        match self.dials.lag {
            Lag::Always(lag) => lag,
            Lag::UpTo(most) => {
                let most = most.as_secs().unsigned_abs() as usize;
                SignedDuration::from_secs(self.random.below(most + 1) as i64)
            }
        }
    }

    /// The services of a place.
    ///
    /// # Panics
    ///
    /// When the place is not open: whoever calls there was let in, so it is.
    pub(crate) fn services(&self, place: &Place) -> &Services {
        self.services.get(place).expect("a call only reaches places that are open")
    }

    /// The services of a place, to change them. Opens the place.
    pub(crate) fn services_mut(&mut self, place: &Place) -> &mut Services {
        self.services.entry(place.clone()).or_insert_with(|| Services::at(place))
    }

    /// The services of a place, if it is open.
    pub(crate) fn services_of(&self, place: &Place) -> Option<&Services> {
        self.services.get(place)
    }

    /// The places that are open in a region, in the order of their accounts.
    pub(crate) fn places_in(&self, region: &Region) -> impl Iterator<Item = &Place> {
        self.services.keys().filter(move |it| it.region == *region)
    }

    /// An account.
    pub(crate) fn account(&self, id: &AccountId) -> Option<&Account> {
        self.organization.accounts.get(id)
    }

    /// A new UUID.
    pub(crate) fn fresh_uuid(&mut self) -> String {
        let count = self.ids.entry("uuid").or_default();
        *count += 1;
        let (high, low) = match self.dials.short_ids {
            true => (0, *count),
            false => (
                count.wrapping_mul(0x9e37_79b9_7f4a_7c15),
                count.wrapping_mul(0xbf58_476d_1ce4_e5b9),
            ),
        };
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    /// A new id: `snap-` and 17 hexadecimal digits.
    pub(crate) fn fresh_id(&mut self, kind: &'static str) -> String {
        let count = self.ids.entry(kind).or_default();
        *count += 1;
        match self.dials.short_ids {
            true => format!("{kind}-{count}"),
            // An odd factor: different for each count, and not in order.
            false => format!("{kind}-0{:016x}", count.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        }
    }

    /// The id of a request, as events have it.
    pub(crate) fn request_id(&mut self) -> String {
        let count = self.ids.entry("request").or_default();
        *count += 1;
        format!("01234567-0123-0123-0123-{count:012x}")
    }

    /// The id of something that has a UUID.
    pub(crate) fn uuid(&mut self, kind: &'static str) -> String {
        let count = self.ids.entry(kind).or_default();
        *count += 1;
        format!("89abcdef-0123-4567-89ab-{count:012x}")
    }

    /// How many ids of a kind were handed out.
    pub(crate) fn made(&self, kind: &str) -> u64 {
        self.ids.get(kind).copied().unwrap_or_default()
    }
}
