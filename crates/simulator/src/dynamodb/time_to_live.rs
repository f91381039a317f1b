//! When items expire. Source: DynamoDB API, `UpdateTimeToLive`.
//!
//! DynamoDB promises no time at which it takes expired items away, and readers must leave them
//! out themselves; here they stay.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{bucket, find, in_use, no_table, on_table, table::Status, table_name, validation};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// A change takes up to so long, and another one must wait for it.
const CHANGE_TAKES: SignedDuration = SignedDuration::from_hours(1);

/// Whether items of a table expire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeToLive {
    /// The attribute that says when. `None`: they do not.
    attribute: Option<String>,
    changed_at: Option<Timestamp>,
}

/// `UpdateTimeToLive`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct UpdateTimeToLive {
    pub(crate) table_name: String,
    pub(crate) time_to_live_specification: Specification,
}

/// What is asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Specification {
    pub(crate) enabled: bool,
    pub(crate) attribute_name: String,
}

/// What `UpdateTimeToLive` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Updated {
    time_to_live_specification: Specification,
}

/// `DescribeTimeToLive`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DescribeTimeToLive {
    pub(crate) table_name: String,
}

/// What `DescribeTimeToLive` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described<'s> {
    time_to_live_description: Description<'s>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description<'s> {
    time_to_live_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute_name: Option<&'s str>,
}

impl TimeToLive {
    fn is_changing(&self, now: Timestamp) -> bool {
        self.changed_at.is_some_and(|at| now < at + CHANGE_TAKES)
    }
}

impl Operation for UpdateTimeToLive {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "UpdateTimeToLive",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Updated;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:UpdateTimeToLive", &self.table_name)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Updated, Refusal> {
        let wanted = self.time_to_live_specification;
        let (now, table) = (cx.now, find(cx, &self.table_name)?);
        let (name, is) = (table.name.clone(), &table.time_to_live);
        if table.status != Status::Active {
            return Err(in_use(format!("Table is not active: {name}")));
        }
        if !(1..=255).contains(&wanted.attribute_name.len()) {
            return Err(validation("TimeToLive AttributeName must have 1 to 255 characters"));
        }
        if is.is_changing(now) {
            return Err(validation(
                "Time to live has been modified multiple times within a fixed interval",
            ));
        }
        match (&is.attribute, wanted.enabled) {
            (Some(_), true) => return Err(validation("TimeToLive is already enabled")),
            (None, false) => return Err(validation("TimeToLive is already disabled")),
            (Some(attribute), false) if *attribute != wanted.attribute_name => {
                return Err(validation(format!(
                    "TimeToLive is active on a different AttributeName: current AttributeName is \
                     {attribute}"
                )));
            }
            _ => {}
        }
        let attribute = wanted.enabled.then(|| wanted.attribute_name.clone());
        let new = TimeToLive { attribute, changed_at: Some(now) };
        cx.here_mut().dynamodb.tables.change(&name, now, |it| it.time_to_live = new);
        Ok(Updated { time_to_live_specification: wanted })
    }
}

impl Operation for DescribeTimeToLive {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "DescribeTimeToLive",
        access: Access::Reads,
        bucket: bucket::LIST_TAGS,
    };

    type Answer<'s> = Described<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:DescribeTimeToLive", &self.table_name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Described<'s>, Refusal> {
        let name = table_name(cx, &self.table_name);
        let table = cx.here().dynamodb.tables.get_at(name, cx.seen);
        let it = &table.ok_or_else(|| no_table(name))?.time_to_live;
        let time_to_live_status = match (&it.attribute, it.is_changing(cx.now)) {
            (Some(_), true) => "ENABLING",
            (Some(_), false) => "ENABLED",
            (None, true) => "DISABLING",
            (None, false) => "DISABLED",
        };
        let attribute_name = it.attribute.as_deref();
        let time_to_live_description = Description { time_to_live_status, attribute_name };
        Ok(Described { time_to_live_description })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bed::Bed, dynamodb::table::Table};

    #[test]
    fn a_change_takes_an_hour() {
        let bed = Bed::new();
        let table = Table::on_demand("orders", Vec::new(), Vec::new());
        bed.here(|it| it.dynamodb.tables.fill([("orders".into(), table)]));
        let update = |enabled, name: &str| {
            let attribute_name = name.to_owned();
            let time_to_live_specification = Specification { enabled, attribute_name };
            let table_name = "orders".to_owned();
            bed.ask(UpdateTimeToLive { table_name, time_to_live_specification }).map(|_| ())
        };
        let status = || {
            let described = bed.ask(DescribeTimeToLive { table_name: "orders".into() }).unwrap();
            described["TimeToLiveDescription"]["TimeToLiveStatus"].as_str().unwrap().to_owned()
        };
        assert_eq!(update(false, "ttl"), Err("ValidationException"));
        assert_eq!((update(true, "ttl"), status()), (Ok(()), "ENABLING".to_owned()));
        assert_eq!(update(false, "ttl"), Err("ValidationException"));
        bed.pass(3600);
        assert_eq!(status(), "ENABLED");
        assert_eq!(update(true, "ttl"), Err("ValidationException"));
        assert_eq!(update(false, "other"), Err("ValidationException"));
        assert_eq!((update(false, "ttl"), status()), (Ok(()), "DISABLING".to_owned()));
    }
}
