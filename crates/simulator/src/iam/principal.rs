//! Who asks, and whom a policy of a resource or a role names.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use lamplighter_core::AccountId;

use super::context::Context;
use super::document::PrincipalDocument;

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A session of a role.
    Session {
        account: AccountId,
        /// The role's ARN, with its path: `arn:aws:iam::111122223333:role/ops/hub`.
        role: String,
        /// The session's ARN, which has no path:
        /// `arn:aws:sts::111122223333:assumed-role/hub/nightly`.
        arn: String,
    },
    /// A user: `arn:aws:iam::111122223333:user/ann`.
    User { account: AccountId, arn: String },
    /// A service of AWS: `ec2.amazonaws.com`.
    Service(String),
}

/// How closely a policy names a caller. The closer, the fewer of the caller's own policies count
/// within the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    /// By the account: everybody in it whom the account's own policies allow.
    Account,
    /// By the session's role: the session's policy still limits it.
    Role,
    /// By the session or user itself, or with everyone.
    Caller,
}

/// The principals of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Principals {
    These(Vec<Principal>),
    AllBut(Vec<Principal>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Principal {
    Everyone,
    Account(String),
    /// By its ARN, as those of sessions and users.
    Role(String),
    Session(String),
    User(String),
    Service(String),
    /// Of an identity provider: no caller in the simulated organization is.
    Federated,
}

impl Caller {
    /// The ARN, or the service's name, that AWS's messages have for this caller.
    pub(crate) fn name(&self) -> &str {
        match self {
            Caller::Session { arn, .. } | Caller::User { arn, .. } => arn,
            Caller::Service(name) => name,
        }
    }

    /// The account, unless it is a service of AWS.
    pub(crate) fn account(&self) -> Option<&AccountId> {
        match self {
            Caller::Session { account, .. } | Caller::User { account, .. } => Some(account),
            Caller::Service(_) => None,
        }
    }

    /// What conditions can ask about the caller: `aws:PrincipalArn` (of a session, the role's)
    /// and `aws:PrincipalAccount`, or the service's name.
    pub(crate) fn context(&self) -> Context {
        let context = Context::default();
        match self {
            Caller::Session { account, role: arn, .. } | Caller::User { account, arn } => context
                .with("aws:PrincipalArn", arn)
                .with("aws:PrincipalAccount", account.as_str())
                .with("aws:PrincipalIsAWSService", "false"),
            Caller::Service(name) => context
                .with("aws:PrincipalServiceName", name)
                .with("aws:PrincipalIsAWSService", "true"),
        }
    }
}

impl Principals {
    /// Understands `Principal` (`These`) or `NotPrincipal` (`AllBut`), whichever `make` is. The
    /// error names what is no principal.
    pub(super) fn parse(
        document: &PrincipalDocument,
        make: fn(Vec<Principal>) -> Principals,
    ) -> Result<Principals, String> {
        let PrincipalDocument::Listed(types) = document else {
            return Ok(make(vec![Principal::Everyone]));
        };
        let mut principals = Vec::new();
        for (kind, names) in &types.0 {
            for name in names.as_slice() {
                principals.push(Principal::parse(kind, name)?);
            }
        }
        Ok(make(principals))
    }

    /// Whether the statement is about `caller`, and by how close a name.
    pub(super) fn cover(&self, caller: &Caller) -> Option<Closeness> {
        match self {
            Principals::These(listed) => listed.iter().filter_map(|it| it.names(caller)).max(),
            // AWS checks the account, the role and the session one after the other: who is to be
            // left out must be listed with all of them.
            Principals::AllBut(listed) => {
                let closest = listed.iter().filter_map(|it| it.names(caller)).max();
                let has = |wanted| listed.iter().any(|it| it.names(caller) == Some(wanted));
                let left_out = match caller {
                    _ if listed.contains(&Principal::Everyone) => true,
                    Caller::Service(_) => closest.is_some(),
                    Caller::User { .. } => has(Closeness::Account) && has(Closeness::Caller),
                    Caller::Session { .. } => {
                        has(Closeness::Account) && has(Closeness::Role) && has(Closeness::Caller)
                    }
                };
                (!left_out).then_some(Closeness::Caller)
            }
        }
    }
}

impl Principal {
    fn parse(kind: &str, name: &str) -> Result<Principal, String> {
        let wrong = || format!("`{name}` is not a principal of the type `{kind}`");
        match kind {
            "AWS" if name == "*" => Ok(Principal::Everyone),
            _ if name.contains(['*', '?', '$']) => {
                Err(format!("`{name}`: a principal has no wildcards and no variables"))
            }
            "AWS" if is_account(name) => Ok(Principal::Account(name.to_owned())),
            "AWS" => {
                let parts: Vec<&str> = name.splitn(6, ':').collect();
                let ["arn", partition, service, "", account, resource] = parts[..] else {
                    return Err(wrong());
                };
                if !partition.starts_with("aws") || !is_account(account) {
                    return Err(wrong());
                }
                match (service, resource.split_once('/')) {
                    ("iam", None) if resource == "root" => {
                        Ok(Principal::Account(account.to_owned()))
                    }
                    ("iam", Some(("role", rest))) if !rest.is_empty() => {
                        Ok(Principal::Role(name.to_owned()))
                    }
                    ("iam", Some(("user", rest))) if !rest.is_empty() => {
                        Ok(Principal::User(name.to_owned()))
                    }
                    ("sts", Some(("assumed-role", rest)))
                        if rest.split('/').count() == 2 && !rest.split('/').any(str::is_empty) =>
                    {
                        Ok(Principal::Session(name.to_owned()))
                    }
                    _ => Err(wrong()),
                }
            }
            "Service" if name.contains(".amazonaws.") => Ok(Principal::Service(name.to_owned())),
            "Federated" if !name.is_empty() => Ok(Principal::Federated),
            "Service" | "Federated" => Err(wrong()),
            _ => Err(format!("`{kind}` is not a type of principal: `AWS`, `Service`, `Federated`")),
        }
    }

    fn names(&self, caller: &Caller) -> Option<Closeness> {
        let (same, closeness) = match (self, caller) {
            (Principal::Everyone, _) => (true, Closeness::Caller),
            (Principal::Account(id), _) => {
                (caller.account().is_some_and(|it| it.as_str() == id), Closeness::Account)
            }
            (Principal::Role(name), Caller::Session { role, .. }) => {
                (name == role, Closeness::Role)
            }
            (Principal::Session(name), Caller::Session { arn, .. })
            | (Principal::User(name), Caller::User { arn, .. })
            | (Principal::Service(name), Caller::Service(arn)) => (name == arn, Closeness::Caller),
            _ => return None,
        };
        same.then_some(closeness)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/ops/hub";
    const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/hub/nightly";
    const USER: &str = "arn:aws:iam::111122223333:user/ann";
    const ROOT: &str = "arn:aws:iam::111122223333:root";

    fn account() -> AccountId {
        "111122223333".parse().unwrap()
    }

    fn session() -> Caller {
        Caller::Session { account: account(), role: ROLE.into(), arn: SESSION.into() }
    }

    fn user() -> Caller {
        Caller::User { account: account(), arn: USER.into() }
    }

    fn service() -> Caller {
        Caller::Service("ec2.amazonaws.com".into())
    }

    fn parse(json: &str, make: fn(Vec<Principal>) -> Principals) -> Result<Principals, String> {
        Principals::parse(&serde_json::from_str(json).unwrap(), make)
    }

    #[track_caller]
    fn check(json: &str, caller: &Caller, wanted: Option<Closeness>) {
        let principals = parse(json, Principals::These).unwrap();
        assert_eq!(principals.cover(caller), wanted, "{json} and {}", caller.name());
    }

    #[test]
    fn the_closest_name_counts() {
        let everyone = Some(Closeness::Caller);
        for caller in [session(), user(), service()] {
            check(r#""*""#, &caller, everyone);
            check(r#"{"AWS":"*"}"#, &caller, everyone);
            check(r#"{"Federated":"www.amazon.com"}"#, &caller, None);
            check(r#"{"AWS":"444455556666"}"#, &caller, None);
        }
        for root in [r#"{"AWS":"111122223333"}"#, &format!(r#"{{"AWS":"{ROOT}"}}"#)] {
            check(root, &session(), Some(Closeness::Account));
            check(root, &user(), Some(Closeness::Account));
            check(root, &service(), None);
        }
        let listed = |names: &[&str]| serde_json::json!({ "AWS": names }).to_string();
        check(&listed(&[ROLE]), &session(), Some(Closeness::Role));
        check(&listed(&[ROLE]), &user(), None);
        check(&listed(&[SESSION]), &session(), Some(Closeness::Caller));
        check(&listed(&[ROOT, ROLE]), &session(), Some(Closeness::Role));
        check(&listed(&[SESSION, ROOT]), &session(), Some(Closeness::Caller));
        check(&listed(&[USER]), &user(), Some(Closeness::Caller));
        check(&listed(&["arn:aws:iam::111122223333:user/Ann"]), &user(), None);
        check(&listed(&["arn:aws:iam::111122223333:role/hub"]), &session(), None);
        let service_named = r#"{"AWS":"444455556666","Service":["ec2.amazonaws.com"]}"#;
        check(service_named, &service(), Some(Closeness::Caller));
        check(r#"{"Service":"rds.amazonaws.com"}"#, &service(), None);
    }

    #[test]
    fn who_is_left_out_is_listed_with_role_and_account() {
        let check = |names: &[&str], caller: &Caller, wanted: bool| {
            let json = serde_json::json!({ "AWS": names }).to_string();
            let left_out = parse(&json, Principals::AllBut).unwrap().cover(caller).is_none();
            assert_eq!(left_out, wanted, "{json} and {}", caller.name());
        };
        check(&[SESSION, ROLE, ROOT], &session(), true);
        check(&[SESSION, ROLE], &session(), false);
        check(&[ROLE, ROOT], &session(), false);
        check(&[SESSION, ROOT], &session(), false);
        check(&[USER, ROOT], &user(), true);
        check(&[USER], &user(), false);
        check(&[ROOT], &user(), false);
        check(&["*"], &session(), true);
        check(&[ROOT], &service(), false);
        let named = parse(r#"{"Service":"ec2.amazonaws.com"}"#, Principals::AllBut).unwrap();
        assert_eq!(named.cover(&service()), None);
    }

    #[test]
    fn what_is_no_principal_is_refused() {
        for (json, wanted) in [
            (
                r#"{"AWS":"arn:aws:iam::111122223333:role/*"}"#,
                "`arn:aws:iam::111122223333:role/*`: a principal has no wildcards and no variables",
            ),
            (r#"{"AWS":"1234"}"#, "`1234` is not a principal of the type `AWS`"),
            (r#"{"Service":"ec2"}"#, "`ec2` is not a principal of the type `Service`"),
            (
                r#"{"CanonicalUser":"79a5"}"#,
                "`CanonicalUser` is not a type of principal: `AWS`, `Service`, `Federated`",
            ),
        ] {
            assert_eq!(parse(json, Principals::These), Err(wanted.to_owned()), "{json}");
        }
        for name in [
            "arn:aws:iam::111122223333:group/g",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::1111:root",
            "arn:aws:iam:eu-west-1:111122223333:root",
            "arn:aws:sts::111122223333:assumed-role/hub",
            "arn:aws:sts::111122223333:assumed-role/ops/hub/nightly",
            "arn:aws:sts::111122223333:assumed-role/hub/",
            "AROAEXAMPLE",
        ] {
            let json = serde_json::json!({ "AWS": name }).to_string();
            let wanted = format!("`{name}` is not a principal of the type `AWS`");
            assert_eq!(parse(&json, Principals::These), Err(wanted));
        }
    }
}
