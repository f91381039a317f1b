//! Application Auto Scaling in one account and region: which capacities of DynamoDB it sets.
//!
//! Nothing is scaled here: what is registered says only that somebody else sets the number.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamplighter_core::{
    Place,
    cloud::tables::{Dimension, Index, Table, Unit},
};
use serde::{Deserialize, Serialize};

use crate::{
    arn,
    buckets::Bucket,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    pages,
    refusal::Refusal,
    table::Entry,
    wire::time::epoch,
};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] = &[Entry::json::<DescribeScalableTargets>()];

/// Source: Application Auto Scaling User Guide, "Quotas", which names no rate: a low one.
const BUCKET: Bucket = Bucket::new(20.0, 10.0);
/// Most targets on a page, and resources that a call names.
/// Source: Application Auto Scaling API, `DescribeScalableTargets`.
const MOST: usize = 50;

/// What is registered.
#[derive(Default)]
pub(crate) struct Scaling {
    targets: BTreeMap<Dimension, Bounds>,
}

/// Between what a number is kept.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    least: u64,
    most: u64,
}

impl Scaling {
    /// A number is set by Application Auto Scaling from now on.
    pub(crate) fn register(&mut self, dimension: Dimension) {
        self.targets.insert(dimension, Bounds { least: 1, most: 40_000 });
    }

    /// A table is gone, and what was registered of it with it.
    pub(crate) fn forget(&mut self, table: &str) {
        self.targets.retain(|it, _| it.table != table);
    }
}

/// `table/orders` or `table/orders/index/by-date`.
fn resource_id(it: &Dimension) -> String {
    match &it.index {
        None => format!("table/{}", it.table),
        Some(index) => format!("table/{}/index/{index}", it.table),
    }
}

/// What a table and its indexes are called here.
pub(crate) fn resource_ids(table: &Table) -> Vec<String> {
    let id = |index: Option<&Index>| {
        let index = index.map(|it| it.name.clone());
        resource_id(&Dimension { table: table.id.clone(), index, unit: Unit::Reads })
    };
    [None].into_iter().chain(table.indexes.iter().map(Some)).map(id).collect()
}

/// Such as `dynamodb:table:ReadCapacityUnits`.
fn dimension_name(it: &Dimension) -> String {
    let of = if it.index.is_some() { "index" } else { "table" };
    let unit = match it.unit {
        Unit::Reads => "Read",
        Unit::Writes => "Write",
    };
    format!("dynamodb:{of}:{unit}CapacityUnits")
}

/// `DescribeScalableTargets`, of DynamoDB.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeScalableTargets {
    pub(crate) service_namespace: String,
    pub(crate) resource_ids: Vec<String>,
    pub(crate) scalable_dimension: Option<String>,
    pub(crate) max_results: Option<usize>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeScalableTargets` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Targets<'s> {
    pub(crate) scalable_targets: Vec<Target<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

/// A number that is scaled.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Target<'s> {
    #[serde(skip)]
    pub(crate) dimension: &'s Dimension,
    service_namespace: &'static str,
    resource_id: String,
    scalable_dimension: String,
    min_capacity: u64,
    max_capacity: u64,
    #[serde(rename = "RoleARN")]
    role_arn: String,
    #[serde(serialize_with = "epoch")]
    creation_time: Timestamp,
    suspended_state: Suspended,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Suspended {
    dynamic_scaling_in_suspended: bool,
    dynamic_scaling_out_suspended: bool,
    scheduled_scaling_suspended: bool,
}

impl<'s> Target<'s> {
    fn of(dimension: &'s Dimension, bounds: Bounds, place: &Place) -> Target<'s> {
        let role = "aws-service-role/dynamodb.application-autoscaling.amazonaws.com/\
                    AWSServiceRoleForApplicationAutoScaling_DynamoDBTable";
        Target {
            dimension,
            service_namespace: "dynamodb",
            resource_id: resource_id(dimension),
            scalable_dimension: dimension_name(dimension),
            min_capacity: bounds.least,
            max_capacity: bounds.most,
            role_arn: arn::of("iam", place, format_args!("role/{role}")).replacen(
                place.region.as_str(),
                "",
                1,
            ),
            creation_time: Timestamp::UNIX_EPOCH,
            suspended_state: Suspended::default(),
        }
    }
}

impl Operation for DescribeScalableTargets {
    const SPEC: Spec = Spec {
        service: "application-autoscaling",
        name: "DescribeScalableTargets",
        access: Access::Reads,
        bucket: BUCKET,
    };

    type Answer<'s> = Targets<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("application-autoscaling:DescribeScalableTargets")]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Targets<'s>, Refusal> {
        if self.service_namespace != "dynamodb" {
            return Err(validation(format!(
                "the service namespace '{}' is not simulated, only dynamodb",
                self.service_namespace
            )));
        }
        if self.resource_ids.len() > MOST {
            return Err(validation(format!("at most {MOST} resource IDs can be named")));
        }
        if self.scalable_dimension.is_some() && self.resource_ids.is_empty() {
            let message =
                "If you specify a scalable dimension, you must also specify a resource ID";
            return Err(validation(message));
        }
        let most = match self.max_results {
            None => MOST,
            Some(most @ 1..=MOST) => most,
            Some(_) => return Err(validation("MaxResults must be between 1 and 50")),
        };
        let most = cx.state.dials.page_size.map_or(most, |it| most.min(it));
        let question = (&self.resource_ids, &self.scalable_dimension);
        let listing = pages::listing(cx.place, Self::SPEC.name, &question);
        let after = pages::after(listing, self.next_token.as_deref());
        let after = after.map_err(|it| Refusal::new("InvalidNextTokenException", it.message))?;
        let shown = |it: &Dimension| {
            let named =
                self.resource_ids.is_empty() || self.resource_ids.contains(&resource_id(it));
            let wanted = self.scalable_dimension.as_ref();
            named && wanted.is_none_or(|wanted| *wanted == dimension_name(it))
        };
        let targets = cx.here().scaling.targets.iter().filter(|(it, _)| shown(it));
        let mut named: Vec<(String, (&'s Dimension, Bounds))> = targets
            .map(|(it, bounds)| {
                (format!("{} {}", resource_id(it), dimension_name(it)), (it, *bounds))
            })
            .collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named.retain(|(name, _)| after.as_deref().is_none_or(|after| **name > *after));
        let more = named.len() > most;
        named.truncate(most);
        let last = named.last().filter(|_| more).map(|(name, _)| name);
        let next_token = last.map(|name| pages::token(listing, name));
        let target = |(_, (it, bounds))| Target::of(it, bounds, cx.place);
        Ok(Targets { scalable_targets: named.into_iter().map(target).collect(), next_token })
    }
}

fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::bed::Bed;

    fn bed() -> Bed {
        let bed = Bed::new();
        bed.here(|it| {
            for (index, unit) in
                [(None, Unit::Reads), (None, Unit::Writes), (Some("x"), Unit::Reads)]
            {
                let (table, index) = ("orders".to_owned(), index.map(str::to_owned));
                it.scaling.register(Dimension { table, index, unit });
            }
        });
        bed
    }

    /// Resources and dimensions, and the token of the next page.
    fn list(bed: &Bed, request: Value) -> Result<(Vec<String>, Value), &'static str> {
        let request = serde_json::from_value::<DescribeScalableTargets>(request).unwrap();
        let answer = bed.ask(request)?;
        let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
        let targets = answer["ScalableTargets"].as_array().unwrap().iter();
        let names = targets.map(|it| text(it, "ResourceId") + " " + &text(it, "ScalableDimension"));
        Ok((names.collect(), answer["NextToken"].clone()))
    }

    #[test]
    fn what_is_registered_is_listed_in_pages() {
        let bed = bed();
        let all = [
            "table/orders dynamodb:table:ReadCapacityUnits",
            "table/orders dynamodb:table:WriteCapacityUnits",
            "table/orders/index/x dynamodb:index:ReadCapacityUnits",
        ];
        let dynamodb = || json!({ "ServiceNamespace": "dynamodb" });
        assert_eq!(list(&bed, dynamodb()), Ok((all.map(str::to_owned).to_vec(), Value::Null)));
        let mut first = dynamodb();
        first["MaxResults"] = json!(2);
        let (names, token) = list(&bed, first.clone()).unwrap();
        assert_eq!(names, all[..2]);
        first["NextToken"] = token;
        assert_eq!(list(&bed, first), Ok((vec![all[2].to_owned()], Value::Null)));
    }

    #[test]
    fn one_resource_can_be_asked_for_and_one_dimension_of_it() {
        let mut request =
            json!({ "ServiceNamespace": "dynamodb", "ResourceIds": ["table/orders"] });
        assert_eq!(list(&bed(), request.clone()).unwrap().0.len(), 2);
        request["ScalableDimension"] = json!("dynamodb:table:ReadCapacityUnits");
        assert_eq!(list(&bed(), request).unwrap().0.len(), 1);
        let alone = json!({
            "ServiceNamespace": "dynamodb",
            "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
        });
        assert_eq!(list(&bed(), alone), Err("ValidationException"));
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        for (key, value, code) in [
            ("ServiceNamespace", json!("ecs"), "ValidationException"),
            ("MaxResults", json!(51), "ValidationException"),
            ("MaxResults", json!(0), "ValidationException"),
            ("ResourceIds", json!(vec!["table/a"; 51]), "ValidationException"),
            ("NextToken", json!("wrong"), "InvalidNextTokenException"),
        ] {
            let mut request = json!({ "ServiceNamespace": "dynamodb" });
            request[key] = value;
            assert_eq!(list(&bed(), request), Err(code), "{key}");
        }
    }
}
