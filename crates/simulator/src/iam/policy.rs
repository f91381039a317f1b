//! The three kinds of policies, each with its own rules of what it must and must not contain.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::Deserialize;

use super::document::{Document, Effect};
use super::pattern::Version;
use super::principal::Principals;
use super::statement::Statement;

/// Characters of all inline policies of one role together.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const ROLE_INLINE_CHARACTERS: usize = 10_240;
/// Characters of a trust policy. AWS raises it to 4,096 on request; it was not asked here.
const TRUST_CHARACTERS: usize = 2_048;
/// Characters of a key policy.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html>
const KEY_POLICY_CHARACTERS: usize = 32_768;

/// Why a policy was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(String);

#[derive(Clone, Debug, PartialEq)]
struct Policy {
    statements: Vec<Statement>,
    characters: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Identity,
    Trust,
    Resource,
}

/// Declares a kind of policy that is read from JSON, or as a part of a larger document.
macro_rules! policy {
    ($(#[$doc:meta])* $name:ident, $kind:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(try_from = "Document")]
        pub struct $name(Policy);

        impl $name {
            /// Its size as AWS counts it, in characters without white space between elements.
            pub fn characters(&self) -> usize {
                self.0.characters
            }

            pub(super) fn statements(&self) -> &[Statement] {
                &self.0.statements
            }
        }
        impl TryFrom<Document> for $name {
            type Error = PolicyError;
            fn try_from(document: Document) -> Result<Self, PolicyError> {
                Policy::parse(&document, $kind).map(Self)
            }
        }
        impl FromStr for $name {
            type Err = PolicyError;
            fn from_str(json: &str) -> Result<Self, PolicyError> {
                serde_json::from_str(json).map_err(|error| PolicyError(error.to_string()))
            }
        }
    };
}

policy!(
    /// What a role may do: an inline policy of it, or the policy of a session. Names no
    /// principal. At most 10,240 characters, which is what all of a role's may have together.
    IdentityPolicy,
    Kind::Identity
);
policy!(
    /// Who may assume a role. Names principals and actions of STS, and no resource: that is the
    /// role. At most 2,048 characters.
    TrustPolicy,
    Kind::Trust
);
policy!(
    /// Who may use a resource: the policy of a KMS key. Names principals and resources. At most
    /// 32,768 characters.
    ResourcePolicy,
    Kind::Resource
);

impl Policy {
    fn parse(document: &Document, kind: Kind) -> Result<Policy, PolicyError> {
        let version = match document.version.as_deref() {
            None | Some("2008-10-17") => Version::V2008,
            Some("2012-10-17") => Version::V2012,
            Some(other) => {
                let message = format!("`{other}` is not a version: `2012-10-17` or `2008-10-17`");
                return Err(PolicyError(message));
            }
        };
        if kind == Kind::Identity && document.id.is_some() {
            return Err(PolicyError("an identity-based policy has no `Id`".to_owned()));
        }
        let characters = document.characters();
        let most = match kind {
            Kind::Identity => ROLE_INLINE_CHARACTERS,
            Kind::Trust => TRUST_CHARACTERS,
            Kind::Resource => KEY_POLICY_CHARACTERS,
        };
        if characters > most {
            let message = format!("the policy has {characters} characters, of at most {most}");
            return Err(PolicyError(message));
        }
        let mut statements = Vec::new();
        let mut sids = BTreeSet::new();
        for (index, statement) in document.statement.as_slice().iter().enumerate() {
            let sid = statement.sid.as_deref().filter(|sid| !sid.is_empty());
            let place = || format!("statement {}", index + 1);
            let label = sid.map_or_else(place, |sid| format!("`{sid}`"));
            let checked = check_sid(kind, sid, &mut sids)
                .and_then(|()| Statement::parse(statement, label.clone(), version))
                .and_then(|parsed| check_elements(kind, &parsed).map(|()| parsed));
            statements.push(checked.map_err(|error| PolicyError(format!("{label}: {error}")))?);
        }
        Ok(Policy { statements, characters })
    }
}

fn check_sid<'a>(
    kind: Kind,
    sid: Option<&'a str>,
    sids: &mut BTreeSet<&'a str>,
) -> Result<(), String> {
    let Some(sid) = sid else { return Ok(()) };
    if kind != Kind::Resource && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("a `Sid` has letters and digits only".to_owned());
    }
    if !sids.insert(sid) {
        return Err("another statement has the same `Sid`".to_owned());
    }
    Ok(())
}

fn check_elements(kind: Kind, statement: &Statement) -> Result<(), String> {
    let problem = match (kind, &statement.principals) {
        (Kind::Identity, Some(_)) => "an identity-based policy names no principal",
        (Kind::Trust | Kind::Resource, None) => "it needs `Principal`",
        (Kind::Trust, Some(Principals::AllBut(_))) => "a trust policy has no `NotPrincipal`",
        (Kind::Resource, Some(Principals::AllBut(_))) if statement.effect == Effect::Allow => {
            "`NotPrincipal` needs the effect `Deny`"
        }
        (Kind::Trust, _) if statement.has_resources() => {
            "a trust policy names no resource: that is the role"
        }
        (Kind::Trust, _) if !statement.has_actions_of("sts") => {
            "a trust policy has actions of STS only"
        }
        (Kind::Identity | Kind::Resource, _) if !statement.has_resources() => {
            "it needs `Resource` or `NotResource`"
        }
        _ => return Ok(()),
    };
    Err(problem.to_owned())
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<P: FromStr<Err = PolicyError>>(json: &str) -> Option<String> {
        json.parse::<P>().err().map(|error| error.to_string())
    }

    /// What each kind says of a policy of this one statement: identity, trust, resource.
    #[track_caller]
    fn check(statement: &str, wanted: [Option<&str>; 3]) {
        let json = format!(r#"{{"Version":"2012-10-17","Statement":[{{{statement}}}]}}"#);
        let found = [
            refused::<IdentityPolicy>(&json),
            refused::<TrustPolicy>(&json),
            refused::<ResourcePolicy>(&json),
        ];
        let wanted = wanted.map(|it| it.map(|message| format!("statement 1: {message}")));
        assert_eq!(found, wanted, "{statement}");
    }

    /// What every kind says of a policy of this one statement.
    #[track_caller]
    fn check_all(statement: &str, wanted: &str) {
        check(statement, [Some(wanted); 3]);
    }

    #[test]
    fn each_kind_has_its_own_elements() {
        let no_principal = Some("an identity-based policy names no principal");
        let needs_principal = Some("it needs `Principal`");
        let no_resource = Some("a trust policy names no resource: that is the role");
        let needs_resource = Some("it needs `Resource` or `NotResource`");
        let sts_only = Some("a trust policy has actions of STS only");
        check(
            r#""Effect":"Allow","Action":"sts:AssumeRole","Resource":"*""#,
            [None, needs_principal, needs_principal],
        );
        check(
            r#""Effect":"Allow","Action":"sts:AssumeRole""#,
            [needs_resource, needs_principal, needs_principal],
        );
        check(
            r#""Effect":"Allow","Action":["sts:AssumeRole","STS:TagSession"],"Principal":"*""#,
            [no_principal, None, needs_resource],
        );
        check(
            r#""Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","NotResource":"*""#,
            [no_principal, no_resource, None],
        );
        check(
            r#""Effect":"Allow","Action":["sts:AssumeRole","*"],"Principal":"*""#,
            [no_principal, sts_only, needs_resource],
        );
        check(
            r#""Effect":"Allow","Action":"kms:Decrypt","Principal":"*""#,
            [no_principal, sts_only, needs_resource],
        );
        let no_not = Some("a trust policy has no `NotPrincipal`");
        check(
            r#""Effect":"Deny","Action":"sts:*","NotPrincipal":{"AWS":"*"},"Resource":"*""#,
            [no_principal, no_not, None],
        );
        check(
            r#""Effect":"Allow","Action":"sts:*","NotPrincipal":{"AWS":"*"},"Resource":"*""#,
            [no_principal, no_not, Some("`NotPrincipal` needs the effect `Deny`")],
        );
    }

    #[test]
    fn exactly_one_of_each_pair_is_there() {
        check_all(
            r#""Effect":"Deny","Action":"a:B","NotAction":"a:C","Resource":"*""#,
            "`Action` and `NotAction` exclude each other",
        );
        check_all(r#""Effect":"Deny","Resource":"*""#, "it needs `Action` or `NotAction`");
        check_all(
            r#""Effect":"Deny","Action":"a:B","Resource":"*","NotResource":"*""#,
            "`Resource` and `NotResource` exclude each other",
        );
        check_all(
            r#""Effect":"Deny","Action":"a:B","Principal":"*","NotPrincipal":"*""#,
            "`Principal` and `NotPrincipal` exclude each other",
        );
    }

    #[test]
    fn actions_and_resources_have_their_form() {
        for action in
            ["ec2", "ec2:", ":x", "*:x", "e*:x", "**", "ec2:Create Snapshot", "ec2:${a:b}"]
        {
            check_all(
                &format!(r#""Effect":"Deny","NotAction":"{action}","Resource":"*""#),
                &format!("`{action}` is not an action, such as `ec2:CreateSnapshot` or `ec2:*`"),
            );
        }
        let check_resource = |resource: &str, wanted: &str| {
            check_all(
                &format!(r#""Effect":"Deny","Action":"a:B","NotResource":["*","{resource}"]"#),
                &format!("`{resource}`{wanted}"),
            );
        };
        let no_arn = " is not `*` and not an ARN of six parts between colons";
        for resource in ["", "**", "snap-1", "arn:aws:ec2:*", "arx:aws:ec2:::x"] {
            check_resource(resource, no_arn);
        }
        let no_wildcards = ": partition and service of an ARN have no wildcards";
        for resource in ["arn:*:ec2:::x", "arn:aws:*:::x", "arn:aws:${a:b}:::x", "arn::ec2:::x"] {
            check_resource(resource, no_wildcards);
        }
        let no_variables = ": only the last part of an ARN has variables";
        check_resource("arn:aws:ec2::${aws:PrincipalAccount}:x", no_variables);
        check_all(
            r#""Effect":"Deny","Action":"a:B","Resource":"arn:aws:ec2:::${x}""#,
            "`${x}` in `arn:aws:ec2:::${x}` is not a policy variable",
        );
    }

    #[test]
    fn an_error_names_the_statement_and_the_condition() {
        let statement = |sid: &str, condition: &str| {
            format!(
                r#"{{{sid}"Effect":"Allow","Action":"a:B","Resource":"*","Condition":{condition}}}"#
            )
        };
        let good = statement(r#""Sid":"Good","#, r#"{"Null":{"a:b":"true"}}"#);
        for (bad, wanted) in [
            (
                statement("", r#"{"StringEqual":{"a:b":"c"}}"#),
                "statement 2: `StringEqual` of `a:b`: `StringEqual` is not a condition operator",
            ),
            (
                statement(r#""Sid":"Bad","#, r#"{"Bool":{"a:b":"yes"}}"#),
                "`Bad`: `Bool` of `a:b`: `yes` is not `true` or `false`",
            ),
            (
                statement(r#""Sid":"Good","#, r#"{"Null":{"a:b":"true"}}"#),
                "`Good`: another statement has the same `Sid`",
            ),
            (
                statement(r#""Sid":"not good","#, r#"{"Null":{"a:b":"true"}}"#),
                "`not good`: a `Sid` has letters and digits only",
            ),
        ] {
            let json = format!(r#"{{"Statement":[{good},{bad}]}}"#);
            assert_eq!(refused::<IdentityPolicy>(&json).as_deref(), Some(wanted), "{json}");
        }
    }

    #[test]
    fn a_key_policy_may_have_words_as_sids_and_an_id() {
        let json = r#"{"Id":"key-policy","Statement":{"Sid":"Enable IAM policies",
            "Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}}"#;
        assert_eq!(refused::<ResourcePolicy>(json), None);
        let json = r#"{"Id":"x","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let wanted = "an identity-based policy has no `Id`";
        assert_eq!(refused::<IdentityPolicy>(json).as_deref(), Some(wanted));
    }

    #[test]
    fn the_version_is_one_of_two() {
        let json = r#"{"Version":"2012-10-18","Statement":
            {"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let wanted = "`2012-10-18` is not a version: `2012-10-17` or `2008-10-17`";
        assert_eq!(refused::<IdentityPolicy>(json).as_deref(), Some(wanted));
    }

    #[test]
    fn a_policy_has_its_size() {
        let (head, tail) = (
            r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"a:b":""#,
            r#""}}}}"#,
        );
        let of = |size: usize| {
            let filler = "x".repeat(size - head.len() - tail.len());
            format!(" {head}{filler}{tail}\n").parse::<TrustPolicy>()
        };
        assert_eq!(of(2_048).map(|policy| policy.characters()), Ok(2_048));
        let wanted = "the policy has 2049 characters, of at most 2048";
        assert_eq!(of(2_049), Err(PolicyError(wanted.to_owned())));
    }
}
