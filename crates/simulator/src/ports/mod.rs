//! The cloud behind the ports of the core: no wire, no waiting, the same rules.

mod copies;
mod ec2;
mod fast_restores;
mod images;
mod instances;
mod kms;
mod locks;
mod organizations;
mod rds;
mod sets;
mod ssm;
mod tables;
mod tiers;
mod volumes;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::SignedDuration;
use lamplighter_core::{
    AccountId, AccountPool, Fault, FaultKind, Place, Region, Scope,
    classify::{classify, minimum_wait},
    cloud::{Ec2, Instances, Kms, Members, Rds, Session, Ssm, Tables, organizations::not_a_member},
    task::Group,
};
use lamplighter_rehearsal::VirtualClock;

use crate::{
    cloud::{Cloud, Performed},
    ec2::regions::DescribeRegions,
    operation::Operation,
    organization::Caller,
    refusal::Refusal,
    sts::AssumeRole,
};

/// How an account is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// The role that is assumed, by its name and path. `None`: as the account's administrator,
    /// which only the hub can be.
    pub role: Option<String>,
    /// What the role's trust policy asks for.
    pub external_id: Option<String>,
}

/// What surrounds calls beyond the cloud's own mishaps: whoever drives the engine may break
/// them, and lets time pass while they take long.
#[async_trait]
pub trait Weather: Send + Sync {
    /// Before a call. An error is its answer, without an effect; one that never returns is the
    /// death of the worker.
    async fn before(&self) -> Result<After, Fault>;

    /// A worker that took effect dies now: never returns.
    async fn die(&self);

    /// The answer takes so long.
    async fn pass(&self, time: SignedDuration);
}

/// What becomes of a call that takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Its answer arrives.
    Answers,
    /// Its answer is lost.
    AnswerLost,
    /// The worker dies before it hears the answer.
    Dies,
}

/// Nothing happens around calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calm;

#[async_trait]
impl Weather for Calm {
    async fn before(&self) -> Result<After, Fault> {
        Ok(After::Answers)
    }

    async fn die(&self) {
        std::future::pending().await
    }

    async fn pass(&self, _: SignedDuration) {}
}

/// Nothing goes wrong but what the cloud does itself; a late answer lets time go by.
#[derive(Clone, Debug)]
pub struct Passing(pub Arc<VirtualClock>);

#[async_trait]
impl Weather for Passing {
    async fn before(&self) -> Result<After, Fault> {
        Ok(After::Answers)
    }

    async fn die(&self) {
        std::future::pending().await
    }

    async fn pass(&self, time: SignedDuration) {
        self.0.advance(time);
    }
}

/// The configured accounts of a simulated cloud.
#[derive(Clone)]
pub struct Accounts {
    cloud: Cloud,
    doors: Arc<BTreeMap<AccountId, Door>>,
    weather: Arc<dyn Weather>,
    /// What the hub runs as.
    hub_role: Option<String>,
    /// Parts of the organization, each with the way into its accounts.
    groups: Arc<[(Group, Door)]>,
    /// What was learned of parts of the organization.
    learned: Arc<Mutex<Vec<organizations::Learned>>>,
}

impl Accounts {
    /// The accounts that are configured, each with the way into it.
    pub fn new(
        cloud: Cloud,
        doors: BTreeMap<AccountId, Door>,
        weather: Arc<dyn Weather>,
    ) -> Accounts {
        let (doors, groups, learned) = (Arc::new(doors), Arc::default(), Arc::default());
        Accounts { cloud, doors, weather, hub_role: None, groups, learned }
    }

    /// The same, and the accounts of parts of the organization, each with the way into them.
    #[must_use]
    pub fn with_groups(self, groups: Vec<(Group, Door)>) -> Accounts {
        Accounts { groups: groups.into(), ..self }
    }

    /// The same, but the hub is not its account's administrator: it runs as this role of it, by
    /// its name without a path, and may do what the role may.
    #[must_use]
    pub fn run_as(self, role: &str) -> Accounts {
        Accounts { hub_role: Some(role.to_owned()), ..self }
    }

    /// What the hub's own credentials are.
    fn hub(&self, place: &Place) -> Caller {
        let account = self.cloud.hub().unwrap_or_else(|| place.account.clone());
        let role = self.hub_role.clone().map(|role| (role, "lamplighter".to_owned()));
        Caller { account, role }
    }

    /// The way into an account: its own, or that of the first part of the organization that it is
    /// in.
    async fn door(&self, account: &AccountId) -> Result<Door, Fault> {
        if let Some(door) = self.doors.get(account) {
            return Ok(door.clone());
        }
        for (group, door) in self.groups.iter() {
            if self.members_of(group).await?.active.contains(account) {
                return Ok(door.clone());
            }
        }
        Err(not_a_member(account))
    }

    /// Enters an account, as whoever the hub's own credentials are.
    async fn enter(&self, place: &Place, session: &Session) -> Result<Caller, Fault> {
        let door = self.door(&place.account).await?;
        let hub = self.hub(place);
        let Some(role) = &door.role else {
            // As an adapter does: a backup of the wrong account would be a silent failure.
            return match hub.account == place.account {
                true => Ok(hub),
                false => Err(Fault::config(format!(
                    "account `{}` has no role, and the credentials are for {}: give the \
                     account a `role`",
                    place.account, hub.account
                ))),
            };
        };
        let request = AssumeRole {
            role_arn: format!("arn:aws:iam::{}:role/{role}", place.account),
            role_session_name: session.name(),
            external_id: door.external_id.clone(),
            duration_seconds: None,
        };
        let call = Call { cloud: &self.cloud, caller: &hub, place, weather: &*self.weather };
        let assumed = call.make(request, DryRun::No, |it| it.caller).await;
        assumed.map_err(|fault| {
            let message = format!("the role in account `{}` cannot be assumed", place.account);
            match fault.kind {
                FaultKind::Permission => Fault::new(fault.kind, message).with_code("AccessDenied"),
                _ => fault,
            }
        })
    }
}

#[async_trait]
impl AccountPool for Accounts {
    async fn scope(&self, place: &Place, session: &Session) -> Result<Arc<dyn Scope>, Fault> {
        let caller = self.enter(place, session).await?;
        if !self.cloud.is_open(place) {
            let message = format!("{place} is not enabled");
            return Err(as_fault(&Refusal::new("AuthFailure", message)));
        }
        let inside = Inside {
            cloud: self.cloud.clone(),
            caller,
            place: place.clone(),
            weather: self.weather.clone(),
        };
        Ok(Arc::new(inside))
    }

    async fn members(&self, group: &Group) -> Result<Members, Fault> {
        self.members_of(group).await
    }

    async fn can_enter(&self, place: &Place, session: &Session) -> Result<(), Fault> {
        self.enter(place, session).await.map(drop)
    }

    async fn regions(&self, account: &AccountId, session: &Session) -> Result<Vec<Region>, Fault> {
        let region: Region = "us-east-1".parse().expect("`us-east-1` is a region");
        let place = Place { account: account.clone(), region };
        let caller = self.enter(&place, session).await?;
        let call =
            Call { cloud: &self.cloud, caller: &caller, place: &place, weather: &*self.weather };
        let named = call.make(DescribeRegions::default(), DryRun::No, |it| {
            it.region_info.into_iter().filter_map(|it| it.region_name.parse().ok()).collect()
        });
        named.await
    }
}

/// Inside of an account, in one region.
struct Inside {
    cloud: Cloud,
    caller: Caller,
    place: Place,
    weather: Arc<dyn Weather>,
}

impl Scope for Inside {
    fn place(&self) -> &Place {
        &self.place
    }

    fn ec2(&self) -> &dyn Ec2 {
        self
    }

    fn kms(&self) -> &dyn Kms {
        self
    }

    fn instances(&self) -> &dyn Instances {
        self
    }

    fn rds(&self) -> &dyn Rds {
        self
    }

    fn ssm(&self) -> &dyn Ssm {
        self
    }

    fn tables(&self) -> &dyn Tables {
        self
    }
}

impl Inside {
    async fn make<O: Operation + Send, R: Send>(
        &self,
        operation: O,
        use_answer: impl FnOnce(O::Answer<'_>) -> R + Send,
    ) -> Result<R, Fault> {
        let Inside { cloud, caller, place, weather } = self;
        let call = Call { cloud, caller, place, weather: &**weather };
        call.make(operation, DryRun::No, use_answer).await
    }

    /// Whether a call would be allowed.
    async fn try_out<O: Operation + Send>(&self, operation: O) -> Result<(), Fault> {
        let Inside { cloud, caller, place, weather } = self;
        let call = Call { cloud, caller, place, weather: &**weather };
        match call.make(operation, DryRun::Yes, |_| ()).await {
            Err(fault) if fault.code.as_deref() == Some("DryRunOperation") => Ok(()),
            answer => answer,
        }
    }
}

/// Whether a call is only tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DryRun {
    Yes,
    No,
}

/// A call that is being made.
struct Call<'c> {
    cloud: &'c Cloud,
    caller: &'c Caller,
    place: &'c Place,
    weather: &'c dyn Weather,
}

impl Call<'_> {
    async fn make<O: Operation + Send, R: Send>(
        self,
        operation: O,
        dry_run: DryRun,
        use_answer: impl FnOnce(O::Answer<'_>) -> R + Send,
    ) -> Result<R, Fault> {
        let after = self.weather.before().await?;
        let dry_run = dry_run == DryRun::Yes;
        let Performed { delay, answer, .. } =
            self.cloud.perform(self.caller, self.place, operation, dry_run, use_answer);
        if delay.is_positive() {
            self.weather.pass(delay).await;
        }
        match (after, answer) {
            (After::Dies, _) => {
                self.weather.die().await;
                Err(Fault::transient("the worker died"))
            }
            (After::AnswerLost, _) => Err(Fault::transient("the answer was lost")),
            (After::Answers, Some(answer)) => answer.map_err(|refusal| as_fault(&refusal)),
            (After::Answers, None) => {
                Err(Fault::transient("the connection was closed before an answer came"))
            }
        }
    }
}

/// The fault that an adapter makes of AWS's answer.
fn as_fault(refusal: &Refusal) -> Fault {
    let kind = classify(Some(refusal.code), Some(refusal.status));
    let fault = Fault::new(kind, refusal.message.clone()).with_code(refusal.code);
    match minimum_wait(refusal.code) {
        Some(wait) => fault.retry_after(wait),
        None => fault,
    }
}
