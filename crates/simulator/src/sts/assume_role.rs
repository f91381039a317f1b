//! `AssumeRole`. Source: STS API, `AssumeRole`.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::AccountId;
use serde::{Deserialize, Serialize};

use crate::{
    arn,
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    organization::{Caller, Session},
    refusal::Refusal,
    wire::time::millis,
};

/// The shortest session.
const SHORTEST: SignedDuration = SignedDuration::from_mins(15);
/// The longest session of a caller that is in a role itself.
const LONGEST_CHAINED: SignedDuration = SignedDuration::from_hours(1);

/// `AssumeRole`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct AssumeRole {
    pub(crate) role_arn: String,
    pub(crate) role_session_name: String,
    #[serde(default)]
    pub(crate) external_id: Option<String>,
    #[serde(default)]
    pub(crate) duration_seconds: Option<u32>,
}

/// What `AssumeRole` answers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Assumed {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    #[serde(skip)]
    pub(crate) caller: Caller,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    #[serde(serialize_with = "millis")]
    expiration: Timestamp,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

impl Operation for AssumeRole {
    const SPEC: Spec =
        Spec { service: "sts", name: "AssumeRole", access: Access::Reads, bucket: super::BUCKET };

    type Answer<'s> = Assumed;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        let mut context =
            Context::default().with("sts:RoleSessionName", self.role_session_name.as_str());
        if let Some(id) = &self.external_id {
            context = context.with("sts:ExternalId", id.as_str());
        }
        vec![Need::on("sts:AssumeRole", self.role_arn.as_str()).with(context)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Assumed, Refusal> {
        check_text("roleSessionName", &self.role_session_name, 2..=64, "+=,.@-_")?;
        if let Some(id) = &self.external_id {
            check_text("externalId", id, 2..=1224, "+=,.@:/-_")?;
        }
        let wanted = self.duration_seconds;
        let wanted = wanted.map_or(LONGEST_CHAINED, |it| SignedDuration::from_secs(it.into()));
        let Some((account, name)) = find(cx, &self.role_arn) else {
            // Whoever may not know is told the same as whoever may not.
            let message = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
                cx.caller.arn(),
                self.role_arn
            );
            return Err(Refusal::new("AccessDenied", message).status(403));
        };
        let caller = Caller { account, role: Some((name, self.role_session_name)) };
        let longest =
            cx.state.organization.role(&caller).map_or(LONGEST_CHAINED, |it| it.longest_session);
        let chained = cx.caller.role.is_some();
        if wanted < SHORTEST || wanted > longest || chained && wanted > LONGEST_CHAINED {
            let message = match chained && wanted > LONGEST_CHAINED {
                true => {
                    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
                }
                false => {
                    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
                }
            };
            return Err(Refusal::new("ValidationError", message));
        }
        let key = cx.state.fresh_id("ASIA0").replace('-', "").to_uppercase();
        let expires = cx.now + wanted.mul_f64(cx.state.dials.clock_speed.max(1.0));
        let token = format!("token-of-{key}");
        let session = Session { caller: caller.clone(), token: token.clone(), expires };
        cx.state.organization.sessions.add(key.clone(), session, cx.now);
        Ok(Assumed {
            credentials: Credentials {
                secret_access_key: format!("secret-of-{key}"),
                session_token: token,
                access_key_id: key,
                expiration: cx.now + wanted,
            },
            assumed_role_user: AssumedRoleUser {
                assumed_role_id: caller.user_id(),
                arn: caller.arn(),
            },
            caller,
        })
    }
}

/// The account and the name of a role that exists, by its ARN with its path. Nobody gets into an
/// account that was closed. Source: AWS Account Management Reference Guide, "Close an account".
fn find(cx: &Cx<'_>, role_arn: &str) -> Option<(AccountId, String)> {
    let (account, name) = arn::read_role(role_arn)?;
    let role = cx.state.account(&account).filter(|it| !it.suspended)?.roles.get(name)?;
    (arn::role(&account, &role.path, name) == role_arn).then(|| (account, name.to_owned()))
}

/// Refuses a text of the wrong length or with characters other than letters, digits and `more`.
fn check_text(
    name: &str,
    text: &str,
    length: std::ops::RangeInclusive<usize>,
    more: &str,
) -> Result<(), Refusal> {
    let allowed = |it: char| it.is_ascii_alphanumeric() || more.contains(it);
    if length.contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    let message =
        format!("1 validation error detected: Value at '{name}' failed to satisfy constraint");
    Err(Refusal::new("ValidationError", message))
}
