//! The way into every account: with the process's own credentials, which must be those of the
//! account, or with a role assumed there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime::client::identity::IdentityCache;
use lamplighter_core::{
    AccountId, AccountPool, Fault, Place, Region, Scope,
    cloud::{self, Members, Session},
    pace::Share,
    task::Group,
};

use crate::{
    config::{check_endpoints, with_timeouts},
    ec2::Ec2Client,
    fault::{Call, shared},
    fresh::Fresh,
    instances::{Switchboard, switchboard},
    organization::Organization,
    pacing::Pacing,
    role::Role,
    scope::PlaceScope,
    settings::{AccountSettings, GroupSettings},
};

/// How long a session may be idle before it is forgotten. Sessions are per run: after that its
/// jobs are mostly done, and one more `AssumeRole` serves those that are not.
const IDLE_MAX: Duration = Duration::from_secs(900);

/// Every configured account.
pub struct Accounts {
    process: SdkConfig,
    process_region: Option<Region>,
    time: SharedTimeSource,
    accounts: BTreeMap<AccountId, AccountSettings>,
    groups: Vec<GroupSettings>,
    organization: Organization,
    /// The account of the process's own credentials.
    own: Fresh<AccountId>,
    sessions: Mutex<HashMap<(AccountId, Session), SignedIn>>,
    /// Where calls that start and stop instances meet.
    switchboard: Arc<Switchboard>,
    /// Whose turn it is.
    pacing: Arc<Pacing>,
}

/// One account's role, assumed for one session.
#[derive(Clone)]
struct SignedIn {
    role: Arc<Role>,
    config: SdkConfig,
    used_at: SystemTime,
}

impl Accounts {
    /// These accounts, reached from what [`process_config`](crate::process_config) found. An
    /// account given twice, or an endpoint that is not a URL, is a config fault. Calls nobody yet.
    pub fn new(process: &SdkConfig, settings: Vec<AccountSettings>) -> Result<Accounts, Fault> {
        let process_region = match process.region() {
            None => None,
            Some(region) => Some(region.as_ref().parse().map_err(|error| {
                Fault::config("reading the process's AWS region").caused_by(error)
            })?),
        };
        check_endpoints(process)?;
        let mut accounts = BTreeMap::new();
        for account in settings {
            let (id, name) = (account.id.clone(), account.name.clone());
            if let Some(other) = accounts.insert(id, account) {
                return Err(Fault::config(format!(
                    "accounts `{}` and `{name}` are both {}",
                    other.name, other.id
                )));
            }
        }
        let time = process.time_source().unwrap_or_default();
        let process = with_timeouts(process);
        Ok(Accounts {
            organization: Organization::new(&process, process_region.as_ref(), time.clone()),
            groups: Vec::new(),
            process,
            process_region,
            own: Fresh::new(time.clone()),
            time,
            accounts,
            sessions: Mutex::default(),
            switchboard: Arc::new(switchboard()),
            pacing: Arc::new(Pacing::new(Share::default())),
        })
    }

    /// Takes this share of the calls that AWS allows.
    #[must_use]
    pub fn with_share(self, share: Share) -> Accounts {
        Accounts { pacing: Arc::new(Pacing::new(share)), ..self }
    }

    /// And the accounts of these parts of the organization.
    #[must_use]
    pub fn with_groups(self, groups: Vec<GroupSettings>) -> Accounts {
        Accounts { groups, ..self }
    }

    /// How an account is entered: as it says itself, or as the first part of the organization
    /// that it is in.
    async fn account(&self, id: &AccountId) -> Result<AccountSettings, Fault> {
        if let Some(account) = self.accounts.get(id) {
            return Ok(account.clone());
        }
        for group in &self.groups {
            let members = self.organization.members(&group.group).await?;
            if members.active.contains(id) {
                return Ok(group.account(id));
            }
        }
        Err(cloud::organizations::not_a_member(id))
    }

    /// Where to ask for credentials of an account: in the process's own region if it is of the
    /// account's partition, or else at the account's home, or else `near`.
    fn sign_in_region<'a>(
        &'a self,
        account: &'a AccountSettings,
        near: Option<&'a Region>,
    ) -> Result<&'a Region, Fault> {
        let partition = account.partition().or(near.map(Region::partition));
        let fits = |region: &&Region| partition.is_none_or(|it| it == region.partition());
        let own = self.process_region.as_ref().filter(fits);
        own.or(account.home_region.as_ref()).or(near.filter(fits)).ok_or_else(|| {
            Fault::config(format!(
                "account `{}` has no region to sign in at: set `AWS_REGION`, or list its regions",
                account.name
            ))
        })
    }

    /// A configuration with credentials for the account, and who they are of, in words.
    async fn sign_in(
        &self,
        account: &AccountSettings,
        session: &Session,
        region: &Region,
    ) -> Result<(SdkConfig, String), Fault> {
        let Some(arn) = account.role_arn(region.partition()) else {
            self.check_own(account, region).await?;
            return Ok((self.process.clone(), "the process's own credentials".to_owned()));
        };
        let whom = format!("role `{arn}`");
        let signed_in = self.session(account, session, arn, region);
        signed_in.role.credentials().await?;
        Ok((signed_in.config, whom))
    }

    /// The role of this account and session: the one there is, or a new one.
    fn session(
        &self,
        account: &AccountSettings,
        session: &Session,
        arn: String,
        region: &Region,
    ) -> SignedIn {
        let now = self.time.now();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.id.clone(), session.clone());
        if let Some(known) = sessions.get_mut(&key) {
            known.used_at = now;
            return known.clone();
        }
        sessions.retain(|_, known| now < known.used_at + IDLE_MAX);
        let role = Arc::new(Role::new(&self.process, account, arn, session, region));
        // The role keeps its credentials itself, so the SDK need not, with its limit of 64.
        let provider: Arc<dyn ProvideCredentials> = role.clone();
        let config = self
            .process
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .identity_cache(IdentityCache::no_cache())
            .build();
        let new = SignedIn { role, config, used_at: now };
        sessions.insert(key, new.clone());
        new
    }

    /// Makes sure, once, that the process's credentials are those of this account: a backup of
    /// the wrong account would be the worst silent failure.
    async fn check_own(&self, account: &AccountSettings, region: &Region) -> Result<(), Fault> {
        let own = self.own.get(self.own_account(region)).await;
        let own = own.map_err(|fault| {
            shared(
                &format!("making sure that the credentials are of account `{}`", account.name),
                &fault,
            )
        })?;
        if own == account.id {
            return Ok(());
        }
        Err(Fault::config(format!(
            "account `{}` is {} but the process's credentials are for {own}: give the account a \
             `role`, or the process other credentials",
            account.name, account.id
        )))
    }

    async fn own_account(&self, region: &Region) -> Result<(AccountId, Option<SystemTime>), Fault> {
        let config = aws_sdk_sts::config::Builder::from(&self.process)
            .region(aws_types::region::Region::new(region.to_string()));
        let sts = aws_sdk_sts::Client::from_conf(config.build());
        let whom = format!("the process's own credentials in {region}");
        let call = Call {
            doing: "asking whose the process's credentials are",
            action: "sts:GetCallerIdentity",
            whom: &whom,
            cure: None,
        };
        let answer = call.answer(sts.get_caller_identity().send().await)?;
        let account = answer.account().and_then(|id| id.parse().ok());
        let account = account.ok_or_else(|| call.unreadable("no account", &answer))?;
        Ok((account, None))
    }
}

#[async_trait]
impl AccountPool for Accounts {
    async fn scope(&self, place: &Place, session: &Session) -> Result<Arc<dyn Scope>, Fault> {
        let account = self.account(&place.account).await?;
        let region = self.sign_in_region(&account, Some(&place.region))?;
        let (config, whom) = self.sign_in(&account, session, region).await?;
        let config = self.pacing.paced(&config, place, &session.task);
        Ok(Arc::new(PlaceScope::new(&config, place, session, &whom, &self.switchboard)))
    }

    async fn members(&self, group: &Group) -> Result<Members, Fault> {
        self.organization.members(group).await
    }

    async fn regions(&self, account: &AccountId, session: &Session) -> Result<Vec<Region>, Fault> {
        let account = self.account(account).await?;
        let region = self.sign_in_region(&account, None)?;
        let place = Place { account: account.id.clone(), region: region.clone() };
        let (config, whom) = self.sign_in(&account, session, region).await?;
        let config = self.pacing.paced(&config, &place, &session.task);
        Ec2Client::new(&config, &place, &whom).regions().await
    }
}

#[cfg(test)]
mod tests;
