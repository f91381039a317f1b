use aws_credential_types::provider::error::CredentialsError;
use lamplighter_core::{FaultKind, select::ServerFilter};
use tokio::task::JoinSet;

use super::*;
use crate::wire::{Answer, START, Wire};

const HUB: &str = "111122223333";
const PROD: &str = "222233334444";
const ROLE: &str = "arn:aws:iam::222233334444:role/member";

fn account(name: &str, id: &str) -> AccountSettings {
    AccountSettings {
        name: name.to_owned(),
        id: id.parse().unwrap(),
        role: None,
        external_id: None,
        home_region: None,
    }
}

/// The hub, and an account with a role.
fn settings() -> Vec<AccountSettings> {
    let (role, external_id) = (Some("member".to_owned()), Some("7f3c:x".to_owned()));
    vec![account("hub", HUB), AccountSettings { role, external_id, ..account("prod", PROD) }]
}

fn session(task: &str) -> Session {
    Session { task: task.parse().unwrap(), occurrence: "2026-11-23T02:00:00Z".parse().unwrap() }
}

fn place(account: &str, region: &str) -> Place {
    Place { account: account.parse().unwrap(), region: region.parse().unwrap() }
}

/// STS as it is when all is well: the role's account is that of its ARN. Others get no volumes.
fn well(sent: &crate::wire::Sent, expires_in: u64) -> Answer {
    let body = match sent.action() {
        "AssumeRole" => {
            let arn = &sent.form["RoleArn"];
            let at = jiff::Timestamp::from_second((START + expires_in) as i64).unwrap();
            let arn = arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/");
            format!(
                "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>A:s\
                 </AssumedRoleId><Arn>{arn}/s</Arn></AssumedRoleUser><Credentials><AccessKeyId>\
                 ASIA{expires_in}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t\
                 </SessionToken><Expiration>{at}</Expiration></Credentials></AssumeRoleResult>\
                 </AssumeRoleResponse>"
            )
        }
        "GetCallerIdentity" => format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{HUB}</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        ),
        "DescribeRegions" => "<DescribeRegionsResponse><regionInfo><item><regionName>eu-west-1\
             </regionName></item></regionInfo></DescribeRegionsResponse>"
            .to_owned(),
        _ => "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>".to_owned(),
    };
    Answer::Http(200, body)
}

fn healthy() -> Wire {
    Wire::new(|sent| well(sent, 3_600))
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let answer = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
         </Error><RequestId>req-1</RequestId></ErrorResponse>"
    );
    Answer::Http(status, answer)
}

fn accounts(wire: &Wire) -> Accounts {
    Accounts::new(&wire.process("eu-west-1"), settings()).unwrap()
}

async fn list(scope: &dyn Scope) -> Result<(), Fault> {
    scope.ec2().volumes(&ServerFilter::default(), None).await.map(|_| ())
}

/// The fault of a scope in the account with the role.
async fn refused(wire: &Wire) -> Fault {
    let place = place(PROD, "eu-central-1");
    accounts(wire).scope(&place, &session("nightly")).await.err().unwrap()
}

#[tokio::test]
async fn a_role_is_assumed_for_the_session_and_signs_what_follows() {
    let wire = healthy();
    let scope = accounts(&wire).scope(&place(PROD, "eu-central-1"), &session("nightly")).await;
    list(&*scope.unwrap()).await.unwrap();
    let sent = wire.sent();
    assert_eq!(
        sent[0].parameters(),
        [
            "DurationSeconds=3600",
            "ExternalId=7f3c:x",
            &format!("RoleArn={ROLE}"),
            "RoleSessionName=lamplighter-nightly-20261123T020000Z",
        ]
    );
    let calls: Vec<_> =
        sent.iter().map(|sent| (sent.action(), &sent.host[..], &sent.key[..])).collect();
    assert_eq!(
        calls,
        [
            ("AssumeRole", "sts.eu-west-1.amazonaws.com", "AKIAPROCESS"),
            ("DescribeVolumes", "ec2.eu-central-1.amazonaws.com", "ASIA3600"),
        ]
    );
}

#[tokio::test]
async fn an_account_without_a_role_uses_the_credentials_of_the_process_checked_once() {
    let wire = healthy();
    let accounts = accounts(&wire);
    for _ in 0..3 {
        let scope = accounts.scope(&place(HUB, "eu-west-1"), &session("nightly")).await.unwrap();
        list(&*scope).await.unwrap();
    }
    assert_eq!(
        wire.actions(),
        ["GetCallerIdentity", "DescribeVolumes", "DescribeVolumes", "DescribeVolumes"]
    );
    assert!(wire.sent().iter().all(|sent| sent.key == "AKIAPROCESS"));
    assert_eq!(wire.sent()[0].host, "sts.eu-west-1.amazonaws.com");
}

#[tokio::test]
async fn credentials_of_another_account_are_not_used() {
    let wire = healthy();
    let other = vec![account("hub", "999900001111")];
    let accounts = Accounts::new(&wire.process("eu-west-1"), other).unwrap();
    let place = place("999900001111", "eu-west-1");
    let fault = accounts.scope(&place, &session("nightly")).await.err().unwrap();
    assert_eq!(fault.kind, FaultKind::Config);
    assert_eq!(
        fault.chain(),
        "account `hub` is 999900001111 but the process's credentials are for 111122223333: give \
         the account a `role`, or the process other credentials"
    );
}

#[tokio::test]
async fn a_role_that_leads_to_another_account_is_not_used() {
    let wire = Wire::new(|sent| match well(sent, 3_600) {
        Answer::Http(status, body) => Answer::Http(status, body.replace(PROD, "999900001111")),
        other => other,
    });
    let fault = refused(&wire).await;
    assert_eq!(fault.kind, FaultKind::Config);
    assert_eq!(
        fault.chain(),
        "signing in to account `prod`: account `prod` is 222233334444, but its role gave \
         credentials of `arn:aws:sts::999900001111:assumed-role/member/s`"
    );
}

#[tokio::test]
async fn two_hundred_at_once_assume_a_role_once() {
    let wire = healthy();
    let accounts = Arc::new(accounts(&wire));
    let mut scopes = JoinSet::new();
    for number in 0..200 {
        let accounts = accounts.clone();
        let region = ["eu-west-1", "us-east-1"][number % 2];
        scopes.spawn(async move {
            accounts.scope(&place(PROD, region), &session("nightly")).await.map(|_| ())
        });
    }
    assert!(scopes.join_all().await.iter().all(Result::is_ok));
    assert_eq!(wire.actions(), ["AssumeRole"]);
}

#[tokio::test]
async fn each_session_has_its_own_credentials() {
    let wire = healthy();
    let accounts = accounts(&wire);
    for task in ["nightly", "hourly", "nightly"] {
        accounts.scope(&place(PROD, "eu-west-1"), &session(task)).await.unwrap();
    }
    let names: Vec<String> =
        wire.sent().iter().map(|sent| sent.form["RoleSessionName"].clone()).collect();
    assert_eq!(
        names,
        ["lamplighter-nightly-20261123T020000Z", "lamplighter-hourly-20261123T020000Z"]
    );
}

#[tokio::test]
async fn credentials_are_renewed_five_minutes_before_they_end_even_in_a_scope_long_held() {
    let wire = Wire::new(|sent| well(sent, 3_600));
    let accounts = accounts(&wire);
    let scope = accounts.scope(&place(PROD, "eu-west-1"), &session("nightly")).await.unwrap();
    wire.advance(Duration::from_secs(3_299));
    list(&*scope).await.unwrap();
    assert_eq!(wire.actions(), ["AssumeRole", "DescribeVolumes"]);
    wire.advance(Duration::from_secs(1));
    list(&*scope).await.unwrap();
    assert_eq!(wire.actions()[2..], ["AssumeRole", "DescribeVolumes"]);
}

#[tokio::test]
async fn an_idle_session_is_forgotten() {
    let wire = healthy();
    let accounts = accounts(&wire);
    let held = || accounts.sessions.lock().unwrap().len();
    for (task, minutes) in [("a", 0), ("b", 10), ("a", 4), ("c", 14)] {
        wire.advance(Duration::from_secs(minutes * 60));
        accounts.scope(&place(PROD, "eu-west-1"), &session(task)).await.unwrap();
    }
    // `b` has been idle for 18 minutes, `a` for 14.
    assert_eq!(held(), 2);
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_says_what_to_check() {
    let denied = || error(403, "AccessDenied", "User: arn:aws:iam::111122223333:user/x is not");
    let fault = refused(&Wire::script([denied()])).await;
    assert_eq!((fault.kind, fault.code.as_deref()), (FaultKind::Permission, Some("AccessDenied")));
    assert_eq!(
        fault.chain(),
        "signing in to account `prod`: assuming the role: `sts:AssumeRole` denied for role \
         `arn:aws:iam::222233334444:role/member` of 222233334444, asked with an external id in \
         eu-west-1: check that the role exists, that its trust policy names the identity below \
         and asks for the same external id, and that this identity's own policy allows it: \
         `AccessDenied`: User: arn:aws:iam::111122223333:user/x is not (request req-1)"
    );
    assert!(!format!("{fault:?}").contains("7f3c"));

    let bare = AccountSettings { external_id: None, ..settings().remove(1) };
    let wire = Wire::script([denied()]);
    let accounts = Accounts::new(&wire.process("eu-west-1"), vec![bare]).unwrap();
    let fault = accounts.scope(&place(PROD, "eu-west-1"), &session("nightly")).await.err().unwrap();
    assert!(fault.chain().contains("asked without an external id"), "{}", fault.chain());
    assert!(fault.chain().contains("asks for no external id"), "{}", fault.chain());
    assert!(!wire.sent()[0].form.contains_key("ExternalId"));
}

#[tokio::test]
async fn trouble_of_sts_keeps_its_kind() {
    for (answer, kind) in [
        (error(400, "Throttling", "Rate exceeded"), FaultKind::Throttled),
        (error(500, "InternalFailure", "oops"), FaultKind::Transient),
        (Answer::Http(503, String::new()), FaultKind::Transient),
        (Answer::Reset, FaultKind::Transient),
        (Answer::Silence, FaultKind::Transient),
        (error(400, "ValidationError", "1 validation error"), FaultKind::Config),
        (error(403, "RegionDisabledException", "STS is not activated"), FaultKind::Permission),
    ] {
        let fault = refused(&Wire::script([answer.clone()])).await;
        assert_eq!(fault.kind, kind, "{answer:?}: {}", fault.chain());
    }
    let disabled = error(403, "RegionDisabledException", "STS is not activated");
    let chain = refused(&Wire::script([disabled])).await.chain();
    assert!(chain.contains("enable the region in the account"), "{chain}");
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_wait_and_forgotten_within_seconds() {
    let wire = Wire::script([error(403, "AccessDenied", "no"), error(403, "AccessDenied", "no")]);
    let accounts = Arc::new(accounts(&wire));
    let mut scopes = JoinSet::new();
    for _ in 0..200 {
        let accounts = accounts.clone();
        scopes.spawn(async move {
            accounts.scope(&place(PROD, "eu-west-1"), &session("nightly")).await.map(|_| ())
        });
    }
    assert!(scopes.join_all().await.iter().all(Result::is_err));
    wire.advance(Duration::from_secs(4));
    accounts.scope(&place(PROD, "eu-west-1"), &session("nightly")).await.err().unwrap();
    assert_eq!(wire.actions().len(), 1);
    wire.advance(Duration::from_secs(1));
    accounts.scope(&place(PROD, "eu-west-1"), &session("nightly")).await.err().unwrap();
    assert_eq!(wire.actions().len(), 2);
}

#[tokio::test]
async fn a_renewal_that_fails_within_a_call_is_told_as_what_it_is() {
    let calls = std::sync::atomic::AtomicU32::new(0);
    let wire =
        Wire::new(move |sent| match calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => well(sent, 3_600),
            _ => error(403, "AccessDenied", "no longer"),
        });
    let scope =
        accounts(&wire).scope(&place(PROD, "eu-west-1"), &session("nightly")).await.unwrap();
    wire.advance(Duration::from_secs(3_600));
    let fault = list(&*scope).await.unwrap_err();
    assert_eq!(wire.actions(), ["AssumeRole", "AssumeRole"]);
    assert_eq!((fault.kind, fault.code.as_deref()), (FaultKind::Permission, Some("AccessDenied")));
    let chain = fault.chain();
    assert!(
        chain.starts_with("listing volumes: assuming the role: `sts:AssumeRole` denied"),
        "{chain}"
    );
}

#[tokio::test]
async fn partitions_have_their_own_arns_and_endpoints() {
    for (process, home, region, arn, sts, ec2) in [
        (
            "eu-west-1",
            None,
            "us-east-1",
            "arn:aws:iam::222233334444:role/member",
            "sts.eu-west-1.amazonaws.com",
            "ec2.us-east-1.amazonaws.com",
        ),
        (
            "eu-west-1",
            Some("cn-north-1"),
            "cn-northwest-1",
            "arn:aws-cn:iam::222233334444:role/member",
            "sts.cn-north-1.amazonaws.com.cn",
            "ec2.cn-northwest-1.amazonaws.com.cn",
        ),
        (
            "us-gov-west-1",
            Some("us-gov-east-1"),
            "us-gov-east-1",
            "arn:aws-us-gov:iam::222233334444:role/member",
            "sts.us-gov-west-1.amazonaws.com",
            "ec2.us-gov-east-1.amazonaws.com",
        ),
        (
            "eu-west-1",
            None,
            "eusc-de-east-1",
            "arn:aws-eusc:iam::222233334444:role/member",
            "sts.eusc-de-east-1.amazonaws.eu",
            "ec2.eusc-de-east-1.amazonaws.eu",
        ),
    ] {
        let wire = healthy();
        let home_region = home.map(|it| it.parse().unwrap());
        let prod = AccountSettings { home_region, ..settings().remove(1) };
        let accounts = Accounts::new(&wire.process(process), vec![prod]).unwrap();
        let scope = accounts.scope(&place(PROD, region), &session("nightly")).await.unwrap();
        list(&*scope).await.unwrap();
        let sent = wire.sent();
        assert_eq!(
            (&sent[0].form["RoleArn"][..], &sent[0].host[..], &sent[1].host[..]),
            (arn, sts, ec2)
        );
    }
}

#[tokio::test]
async fn the_regions_of_an_account_are_asked_for_with_its_role() {
    let wire = healthy();
    let regions = accounts(&wire).regions(&PROD.parse().unwrap(), &session("nightly")).await;
    assert_eq!(regions.unwrap(), ["eu-west-1".parse().unwrap()]);
    let asked = &wire.sent()[1];
    assert_eq!((asked.action(), &asked.key[..]), ("DescribeRegions", "ASIA3600"));
    assert_eq!(asked.host, "ec2.eu-west-1.amazonaws.com");
}

#[tokio::test]
async fn an_account_that_is_not_configured_is_a_config_fault() {
    let wire = healthy();
    let accounts = accounts(&wire);
    let place = place("999900001111", "eu-west-1");
    let fault = accounts.scope(&place, &session("nightly")).await.err().unwrap();
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(fault.chain().starts_with("account 999900001111 is not configured"), "{fault}");
    assert!(wire.sent().is_empty());
}

#[tokio::test]
async fn without_any_region_there_is_nowhere_to_sign_in() {
    let process = healthy().process("eu-west-1").to_builder().region(None).build();
    let accounts = Accounts::new(&process, settings()).unwrap();
    let fault = accounts.regions(&PROD.parse().unwrap(), &session("nightly")).await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.chain()),
        (
            FaultKind::Config,
            "account `prod` has no region to sign in at: set `AWS_REGION`, or list its regions"
                .to_owned()
        )
    );
}

#[test]
fn an_account_given_twice_is_refused() {
    let twice = vec![account("a", HUB), account("b", HUB)];
    let fault = Accounts::new(&healthy().process("eu-west-1"), twice).err().unwrap();
    assert_eq!(fault.chain(), "accounts `a` and `b` are both 111122223333");
}

#[test]
fn a_process_with_a_bad_endpoint_is_refused() {
    let process = healthy().process("eu-west-1").to_builder().endpoint_url("").build();
    let fault = Accounts::new(&process, settings()).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Config);
}

/// The fault of a scope when the process's own credentials cannot be had.
async fn without_credentials(error: fn() -> CredentialsError) -> (FaultKind, String) {
    use aws_credential_types::credential_fn::provide_credentials_fn;

    let provider = provide_credentials_fn(move || async move { Err(error()) });
    let process = healthy()
        .process("eu-west-1")
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .build();
    let accounts = Accounts::new(&process, settings()).unwrap();
    let fault = accounts.scope(&place(PROD, "eu-west-1"), &session("nightly")).await.err().unwrap();
    let chain = fault.chain();
    let cause = chain.strip_prefix("signing in to account `prod`: assuming the role: ").unwrap();
    (fault.kind, cause.to_owned())
}

#[tokio::test]
async fn missing_credentials_have_a_cure() {
    assert_eq!(
        without_credentials(|| CredentialsError::not_loaded("nothing")).await,
        (
            FaultKind::Config,
            "no AWS credentials found (nothing): set `AWS_PROFILE` or `AWS_ACCESS_KEY_ID`, or run \
             where a role is attached"
                .to_owned()
        )
    );
    assert_eq!(
        without_credentials(|| CredentialsError::provider_error("the SSO token has expired")).await,
        (
            FaultKind::Permission,
            "the process's own credentials cannot be had: the SSO token has expired: sign in \
             again, such as with `aws sso login`, or check the profile"
                .to_owned()
        )
    );
    assert_eq!(
        without_credentials(|| CredentialsError::invalid_configuration("no such profile")).await,
        (FaultKind::Config, "no such profile: correct the profile in the AWS files".to_owned())
    );
    let timed_out = || CredentialsError::provider_timed_out(Duration::from_secs(5));
    assert_eq!(
        without_credentials(timed_out).await,
        (FaultKind::Transient, "credentials provider timed out after 5 seconds".to_owned())
    );
    let unreachable = || {
        use aws_smithy_runtime_api::client::result::ConnectorError;
        CredentialsError::provider_error(ConnectorError::io("connection refused".into()))
    };
    assert_eq!(
        without_credentials(unreachable).await,
        (FaultKind::Transient, "io error: connection refused".to_owned())
    );
}
