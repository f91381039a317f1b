use lamplighter_core::{AccountPool, FaultKind, Place, cloud::Session, task::Regions};
use serde_json::{Value, json};

use super::*;
use crate::{
    Accounts, GroupSettings,
    wire::{Answer, Sent, Wire},
};

const UNIT: &str = "ou-ab12-11111111";
const ACTIVE: &str = "222200000001";
const CLOSED: &str = "222200000002";

fn group() -> Group {
    Group {
        name: "prod".to_owned(),
        units: [UNIT.to_owned()].into(),
        exclude: Default::default(),
        regions: Regions::Listed(vec!["eu-west-1".parse().unwrap()]),
    }
}

fn account(id: &str, state: &str) -> Value {
    json!({ "Id": id, "State": state })
}

/// A unit of two accounts: its first page is empty.
fn organized(sent: &Sent) -> Answer {
    let asked = sent.json();
    let body = match (sent.action(), asked["NextToken"].as_str()) {
        ("ListAccountsForParent", None) => json!({ "Accounts": [], "NextToken": "2" }),
        ("ListAccountsForParent", Some(_)) => {
            json!({ "Accounts": [account(ACTIVE, "ACTIVE"), account(CLOSED, "SUSPENDED")] })
        }
        _ => json!({ "OrganizationalUnits": [] }),
    };
    Answer::Http(200, body.to_string())
}

fn accounts(wire: &Wire, region: &'static str) -> Accounts {
    let (role, external_id) = ("member".to_owned(), None);
    let settings = GroupSettings { group: group(), role, external_id };
    Accounts::new(&wire.process(region), Vec::new()).unwrap().with_groups(vec![settings])
}

async fn listed(wire: &Wire) -> Result<Members, Fault> {
    accounts(wire, "eu-west-1").members(&group()).await
}

fn members() -> Members {
    Members {
        active: [ACTIVE.parse().unwrap()].into(),
        inactive: [(CLOSED.parse().unwrap(), "SUSPENDED".to_owned())].into(),
    }
}

#[tokio::test]
async fn accounts_are_listed_to_the_last_page_and_known_for_five_minutes() {
    let wire = Wire::new(organized);
    let accounts = accounts(&wire, "eu-west-1");
    let walk = ["ListAccountsForParent", "ListAccountsForParent"];
    let walk = [&walk[..], &["ListOrganizationalUnitsForParent"]].concat();
    for (after, walks) in [(0, 1), (299, 1), (1, 2)] {
        wire.advance(Duration::from_secs(after));
        assert_eq!(accounts.members(&group()).await.unwrap(), members());
        assert_eq!(wire.actions(), walk.repeat(walks));
    }
    for sent in wire.sent() {
        let asked = sent.json();
        assert_eq!((&asked["ParentId"], &asked["MaxResults"]), (&json!(UNIT), &json!(20)));
        let asked = (&sent.host[..], &sent.key[..]);
        assert_eq!(asked, ("organizations.us-east-1.amazonaws.com", "AKIAPROCESS"));
    }
}

#[tokio::test]
async fn each_partition_is_asked_at_its_home() {
    let wire = Wire::new(organized);
    accounts(&wire, "cn-north-1").members(&group()).await.unwrap();
    assert_eq!(wire.sent()[0].host, "organizations.cn-northwest-1.amazonaws.com.cn");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_fault_and_never_fewer_accounts() {
    let page = json!({ "Accounts": [account(ACTIVE, "ACTIVE"), { "Id": CLOSED }] });
    let fault = listed(&Wire::script([Answer::Http(200, page.to_string())])).await.unwrap_err();
    assert!(fault.chain().contains("an account without its state"), "{}", fault.chain());

    let denied = json!({ "__type": "AccessDeniedException", "Message": "no" }).to_string();
    let fault = listed(&Wire::script([Answer::Http(400, denied)])).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Permission);
    assert!(fault.chain().contains("delegated administrator"), "{}", fault.chain());
}

#[tokio::test]
async fn a_call_that_was_too_fast_is_made_again() {
    let slow = json!({ "__type": "TooManyRequestsException", "Message": "slow down" }).to_string();
    let slow = Answer::Http(400, slow);
    let done = |body: Value| Answer::Http(200, body.to_string());
    let wire = Wire::script([
        slow.clone(),
        slow.clone(),
        slow.clone(),
        slow,
        done(json!({ "Accounts": [account(ACTIVE, "ACTIVE")] })),
        done(json!({ "OrganizationalUnits": [] })),
    ]);
    assert_eq!(listed(&wire).await.unwrap().active, members().active);
}

#[tokio::test]
async fn only_active_accounts_are_entered() {
    let wire = Wire::new(organized);
    let accounts = accounts(&wire, "eu-west-1");
    let session = Session {
        task: "nightly".parse().unwrap(),
        occurrence: "2026-11-23T02:00:00Z".parse().unwrap(),
    };
    let place = Place { account: CLOSED.parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    let fault = accounts.scope(&place, &session).await.err().unwrap();
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(fault.chain().contains("no active account of an `organization`"), "{}", fault.chain());
}
