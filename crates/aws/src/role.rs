//! An assumed role: credentials for one account and session, shared by all its regions and
//! services, and renewed before they end.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use aws_sdk_sts::{Client, operation::assume_role::AssumeRoleOutput};
use aws_smithy_runtime::client::retries::RetryPartition;
use lamplighter_core::{Fault, Region, cloud::Session};

use crate::{
    fault::{Call, plain, shared},
    fresh::Fresh,
    settings::AccountSettings,
};

/// What AWS allows to who has assumed a role itself, as in Lambda and ECS.
/// Source: IAM user guide, "Role chaining".
const LIFETIME: Duration = Duration::from_secs(3_600);
/// How long before their end credentials are renewed.
const RENEWED_BEFORE: Duration = Duration::from_secs(300);
/// AWS answers the same whether the role is missing, does not trust us, or we may not ask.
const DENIED_WITH_EXTERNAL_ID: &str = "check that the role exists, that its trust policy names the \
    identity below and asks for the same external id, and that this identity's own policy allows it";
const DENIED_WITHOUT_EXTERNAL_ID: &str = "check that the role exists, that its trust policy names \
    the identity below and asks for no external id, and that this identity's own policy allows it";

/// A role that is assumed when its credentials are first needed, and again before they end.
pub(crate) struct Role {
    sts: Client,
    arn: String,
    account: AccountSettings,
    session: String,
    doing: String,
    whom: String,
    credentials: Fresh<Credentials>,
}

impl Role {
    /// The role of this account, to be assumed at the STS endpoint of `region`. Regional, since
    /// tokens of the global endpoint do not work in opt-in regions.
    pub(crate) fn new(
        process: &SdkConfig,
        account: &AccountSettings,
        arn: String,
        session: &Session,
        region: &Region,
    ) -> Role {
        let config = aws_sdk_sts::config::Builder::from(process)
            .region(aws_types::region::Region::new(region.to_string()))
            .retry_partition(RetryPartition::new(format!("sts-{region}-{}", account.id)))
            .build();
        let external = if account.external_id.is_some() { "with" } else { "without" };
        Role {
            sts: Client::from_conf(config),
            doing: format!("signing in to account `{}`", account.name),
            whom: format!(
                "role `{arn}` of {}, asked {external} an external id in {region}",
                account.id
            ),
            arn,
            account: account.clone(),
            session: session.name(),
            credentials: Fresh::new(process.time_source().unwrap_or_default()),
        }
    }

    /// Its credentials, assumed now unless they are there.
    pub(crate) async fn credentials(&self) -> Result<Credentials, Fault> {
        self.shared().await.map_err(|fault| shared(&self.doing, &fault))
    }

    async fn shared(&self) -> Result<Credentials, Arc<Fault>> {
        self.credentials.get(self.assume()).await
    }

    async fn assume(&self) -> Result<(Credentials, Option<SystemTime>), Fault> {
        let cure = match self.account.external_id {
            Some(_) => DENIED_WITH_EXTERNAL_ID,
            None => DENIED_WITHOUT_EXTERNAL_ID,
        };
        let call = Call {
            doing: "assuming the role",
            action: "sts:AssumeRole",
            whom: &self.whom,
            cure: Some(cure),
        };
        let request = self
            .sts
            .assume_role()
            .role_arn(&self.arn)
            .role_session_name(&self.session)
            .set_external_id(self.account.external_id.clone())
            .duration_seconds(LIFETIME.as_secs() as i32);
        let answer = call.answer(request.send().await)?;
        self.check_account(&answer)?;
        let Some(given) = answer.credentials() else {
            return Err(call.unreadable("no credentials", &answer));
        };
        let end = SystemTime::try_from(*given.expiration())
            .map_err(|_| call.unreadable("no time at which the credentials end", &answer))?;
        let credentials = Credentials::builder()
            .access_key_id(given.access_key_id())
            .secret_access_key(given.secret_access_key())
            .session_token(given.session_token())
            .expiry(end)
            .account_id(self.account.id.as_str())
            .provider_name("lamplighter")
            .build();
        Ok((credentials, Some(end.checked_sub(RENEWED_BEFORE).unwrap_or(end))))
    }

    /// Working in the wrong account would be the worst silent failure.
    fn check_account(&self, answer: &AssumeRoleOutput) -> Result<(), Fault> {
        let arn = answer.assumed_role_user().map(|user| user.arn()).unwrap_or_default();
        if arn.split(':').nth(4) == Some(self.account.id.as_str()) {
            return Ok(());
        }
        Err(Fault::config(format!(
            "account `{}` is {}, but its role gave credentials of `{}`",
            self.account.name,
            self.account.id,
            plain(arn)
        )))
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let credentials = async { self.shared().await.map_err(CredentialsError::provider_error) };
        future::ProvideCredentials::new(credentials)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Role").field("arn", &self.arn).field("session", &self.session).finish()
    }
}
