//! A catalog of two actions on things that do not exist.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use async_trait::async_trait;
use lamplighter_config::{Config, Problem, Source, load};
use lamplighter_core::{
    AccountId, Action, Catalog, Fault, Progress, Resource, Scope, Spec, StepCx, Tags, Verdict,
    action::{BadParams, Effect, Permissions, PlanCx},
    cloud::{Page, PageToken},
    retention::Keep,
    schedule::Days,
    select::ServerFilter,
    template::Template,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All actions of the tests.
pub(crate) static ACTIONS: Catalog = &[&CreateThing, &DeleteThing];

/// A thing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Thing {
    /// Its id.
    pub(crate) id: String,
    /// Its size.
    pub(crate) size_gib: u32,
    /// Its state.
    pub(crate) state: State,
    /// Its tags.
    pub(crate) tags: Tags,
}

/// What a thing is doing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It is used.
    InUse,
    /// It is not.
    Available,
}

#[async_trait]
impl Resource for Thing {
    const KIND: &'static str = "volumes";
    const PERMISSIONS: &'static [&'static str] = &["thing:DescribeThings"];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    async fn list(
        _: &dyn Scope,
        _: &ServerFilter,
        _: Option<PageToken>,
    ) -> Result<Page<Thing>, Fault> {
        Ok(Page { items: Vec::new(), next: None })
    }
}

/// Makes copies of things.
#[derive(Debug)]
pub(crate) struct CreateThing;

/// What to make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct CreateParams {
    /// Tags that are copied from the thing.
    #[serde(default)]
    pub(crate) copy_tags: Vec<String>,
    /// What is written on the copy.
    pub(crate) description: Option<Template>,
    /// More tags.
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, Template>,
    /// Who may use it.
    #[serde(default)]
    pub(crate) share: Vec<Share>,
    /// How fast.
    pub(crate) pace: Option<Pace>,
    /// How it is locked.
    pub(crate) lock: Option<Lock>,
    /// The account that gets a copy.
    pub(crate) copy_to: Option<AccountId>,
    /// Accounts that may use it.
    #[serde(default)]
    pub(crate) lend_to: Vec<AccountId>,
    /// When nothing is made.
    pub(crate) breaks: Option<Breaks>,
}

/// Days of rest.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Breaks {
    /// The days.
    #[serde(default)]
    pub(crate) days: Days,
}

/// Somebody who may use a copy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Share {
    /// Their account.
    pub(crate) account: String,
    /// For how many days.
    pub(crate) days: Option<NonZeroU32>,
}

/// How fast a copy is made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pace {
    /// At once.
    Fast,
    /// Some time.
    Slow,
}

/// How a copy is locked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Lock {
    /// For ever.
    Forever,
    /// For some days.
    #[serde(rename_all = "kebab-case")]
    Until {
        /// How many.
        day_count: u32,
    },
}

#[async_trait]
impl Action for CreateThing {
    type Params = CreateParams;
    type Target = Thing;
    type State = ();
    type Known = ();

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.create",
        summary: "Makes a copy of each thing.",
        permissions: &["thing:CopyThing"],
        elsewhere: &[],
        effect: Effect::Creates,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn check(params: &CreateParams) -> Result<(), BadParams> {
        match params.share.iter().position(|it| it.account.is_empty()) {
            Some(index) => Err(BadParams {
                path: format!("share[{index}].account"),
                message: "an account is not empty".to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn permissions(params: &CreateParams) -> Permissions {
        let mut needs = Permissions::here(&["thing:CopyThing"]);
        assert!(params.lend_to.iter().all(|it| it.as_str() != "000000000000"));
        if let Some(account) = &params.copy_to {
            needs = needs.and_in(account, &["thing:CopyThing"]);
        }
        needs
    }

    fn plan(_: &CreateParams, _: &PlanCx<'_>, _: &[Thing], _: &()) -> Vec<Verdict> {
        Vec::new()
    }

    async fn step(
        &self,
        _: &StepCx<'_>,
        _: &CreateParams,
        _: &Thing,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        Ok(Progress::Done(String::new()))
    }
}

/// Deletes things.
#[derive(Debug)]
pub(crate) struct DeleteThing;

/// What to keep.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct DeleteParams {
    /// What to keep.
    pub(crate) keep: Keep,
    /// How many to keep in any case.
    pub(crate) floor: Option<NonZeroU32>,
}

#[async_trait]
impl Action for DeleteThing {
    type Params = DeleteParams;
    type Target = Thing;
    type State = ();
    type Known = ();

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.delete",
        summary: "Deletes things.",
        permissions: &["thing:DeleteThing"],
        elsewhere: &[],
        effect: Effect::Deletes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    const COMPARES_TARGETS: bool = true;

    fn check(params: &DeleteParams) -> Result<(), BadParams> {
        if params.keep.is_empty() {
            let message = "`keep` needs at least one rule".to_owned();
            return Err(BadParams { path: "keep".to_owned(), message });
        }
        Ok(())
    }

    fn plan(_: &DeleteParams, _: &PlanCx<'_>, _: &[Thing], _: &()) -> Vec<Verdict> {
        Vec::new()
    }

    async fn step(
        &self,
        _: &StepCx<'_>,
        _: &DeleteParams,
        _: &Thing,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        Ok(Progress::Done(String::new()))
    }
}

/// A calendar file of the tests.
pub(crate) const HOLIDAYS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n\
    DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// Reads the calendar files of the tests.
pub(crate) fn read_file(path: &str) -> Result<String, String> {
    match path {
        "holidays.ics" => Ok(HOLIDAYS.to_owned()),
        "broken.ics" => Ok(HOLIDAYS.replace("UID:1", "RRULE:FREQ=YEARLY;BYDAY=4TH")),
        _ => Err("no such file".to_owned()),
    }
}

/// Loads one file.
pub(crate) fn load_one(text: &str) -> Result<Config, Vec<Problem>> {
    load(&[Source::new("lamplighter.yaml", text)], ACTIONS, &read_file)
}

/// The configuration of the documentation.
pub(crate) const DESIGN: &str = r#"accounts:
  hub:       { id: "111122223333", regions: [eu-west-1, us-east-1] }
  prod-data: { id: "222233334444", role: lamplighter-member, external-id: 7f3c, regions: [eu-west-1], labels: { stage: prod } }
  vault:     { id: "999900001111", role: lamplighter-member, external-id: 7f3c, regions: [eu-central-1] }

calendars:
  holidays: { dates: [2026-12-25, 2027-01-01], files: [holidays.ics] }

tasks:
  nightly-backup:
    description: Snapshots of every volume tagged for daily backup
    action: ebs.snapshot.create
    schedule: { cron: "0 2 * * *", time-zone: Europe/Madrid, spread: 20m, except: [holidays] }
    accounts: [{ labels: { stage: prod } }]
    regions: [eu-west-1]              # default: each account's own list; `all` = every enabled region
    select:
      tags: { backup: daily, stage: [prod, preprod], team: "plat*", ignore: null }
      where: target.size_gib >= 10 && target.state == "in-use"
      expect: 1                       # fewer targets than this in a place is a failure, not silence
      limit: { targets: 2000, percent: 60 }   # more than this acts on nothing and fails
    with: { copy-tags: [team, cost-center], description: "nightly of {target}" }
    max-concurrent: 50                # open jobs of this task in one place
    timeout: 6h                       # per job; default is the action's
    stop-after: { failed: 20% }       # give up the rest of this run
"#;
