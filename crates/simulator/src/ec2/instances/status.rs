//! `DescribeInstanceStatus`. Source: EC2 API, `DescribeInstanceStatus`; EC2 User Guide, "Status
//! checks for Amazon EC2 instances".

use serde::{Deserialize, Serialize};

use super::{Instance, Power, describe::is_shown, power::ShownPower};
use crate::{
    buckets::Bucket,
    ec2::{
        bucket,
        filter::Filter,
        ids,
        listing::{self, Question},
    },
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wildcard,
};

/// Instances that one call may name.
const MOST_IDS: usize = 100;
/// The filters on what the checks found. The others are those of an instance.
const FILTERS: [&str; 5] = [
    "attached-ebs-status.status",
    "instance-status.reachability",
    "instance-status.status",
    "system-status.reachability",
    "system-status.status",
];
/// The filters on instances that there are here too.
const OF_INSTANCES: [&str; 5] = [
    "availability-zone",
    "instance-state-code",
    "instance-state-name",
    "operator.managed",
    "operator.principal",
];

/// `DescribeInstanceStatus`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeInstanceStatus {
    pub(crate) filter: Vec<Filter>,
    pub(crate) instance_id: Vec<String>,
    /// Those too that are not running.
    pub(crate) include_all_instances: bool,
    pub(crate) include_managed_resources: bool,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeInstanceStatus` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Statuses<'s> {
    pub(crate) instance_status_set: Vec<Status<'s>>,
    pub(crate) next_token: Option<String>,
}

/// The status of an instance.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status<'s> {
    instance_id: &'s str,
    availability_zone: &'s str,
    instance_state: ShownPower,
    system_status: Checks,
    instance_status: Checks,
    attached_ebs_status: Checks,
}

impl Status<'_> {
    /// What all checks have found: they find the same here.
    pub(crate) fn found(&self) -> &'static str {
        self.instance_status.status
    }
}

#[derive(Serialize)]
struct Checks {
    status: &'static str,
    details: Vec<Detail>,
}

#[derive(Serialize)]
struct Detail {
    name: &'static str,
    status: &'static str,
}

/// What the checks of an instance have found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// It does not run.
    Nothing,
    /// It has booted a moment ago.
    Initializing,
    Ok,
}

impl Found {
    fn status(self) -> &'static str {
        match self {
            Found::Nothing => "not-applicable",
            Found::Initializing => "initializing",
            Found::Ok => "ok",
        }
    }

    fn reachability(self) -> Option<&'static str> {
        match self {
            Found::Nothing => None,
            Found::Initializing => Some("initializing"),
            Found::Ok => Some("passed"),
        }
    }

    fn checks(self) -> Checks {
        let detail = |status| Detail { name: "reachability", status };
        Checks {
            status: self.status(),
            details: self.reachability().map(detail).into_iter().collect(),
        }
    }

    /// Whether one of [`FILTERS`] admits it.
    fn passes(self, filter: &Filter) -> bool {
        let text = match filter.name.as_str() {
            name if name.ends_with(".reachability") => self.reachability(),
            _ => Some(self.status()),
        };
        text.is_some_and(|text| filter.value.iter().any(|it| wildcard::matches(it, text)))
    }
}

impl Operation for DescribeInstanceStatus {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeInstanceStatus",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Statuses<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeInstanceStatus")]
    }

    fn bucket(&self) -> Bucket {
        let all =
            self.filter.is_empty() && self.instance_id.is_empty() && self.max_results.is_none();
        if all { bucket::READS_ALL } else { bucket::READS }
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Statuses<'s>, Refusal> {
        let cx = &*cx;
        ids::check(cx, "i", "InvalidInstanceID.Malformed", &self.instance_id)?;
        if self.instance_id.len() > MOST_IDS {
            let message = format!("{} ids are more than {MOST_IDS}", self.instance_id.len());
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let (of_checks, of_instances): (Vec<Filter>, Vec<Filter>) =
            self.filter.iter().cloned().partition(|it| FILTERS.contains(&it.name.as_str()));
        if let Some(other) =
            of_instances.iter().find(|it| !OF_INSTANCES.contains(&it.name.as_str()))
        {
            let message = format!("The filter '{}' is invalid", other.name);
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        if let Some(empty) = of_checks.iter().find(|it| it.value.is_empty()) {
            let message = format!("The filter '{}' has no values", empty.name);
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let question = Question {
            operation: Self::SPEC.name,
            filters: &of_instances,
            ids: &self.instance_id,
            not_found: "InvalidInstanceID.NotFound",
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
        };
        let booting = cx.state.dials.times.status_checks;
        let shows = |_, it: &'s Instance| {
            let found = match it.power {
                Power::Running if cx.seen < it.booted_at + booting => Found::Initializing,
                Power::Running => Found::Ok,
                _ => Found::Nothing,
            };
            let shown = (self.include_all_instances || it.power == Power::Running)
                && is_shown(it, self.include_managed_resources)
                && of_checks.iter().all(|filter| found.passes(filter));
            shown.then(|| Status {
                instance_id: &it.id,
                availability_zone: &it.zone,
                instance_state: ShownPower::of(it),
                system_status: found.checks(),
                instance_status: found.checks(),
                attached_ebs_status: found.checks(),
            })
        };
        let (instance_status_set, next_token) =
            listing::answer(cx, &question, &cx.here().ec2.instances, shows)?;
        Ok(Statuses { instance_status_set, next_token })
    }
}
