//! `ListTables`, `DescribeTable`, `DescribeLimits`.

use serde::{Deserialize, Serialize};

use super::{
    bucket,
    capacity::{MOST_OF_ACCOUNT, MOST_OF_TABLE},
    no_table, on_table,
    schema::check_name,
    table::Shown,
    table_name, validation,
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// The longest page of a listing.
const LONGEST_PAGE: usize = 100;

/// `ListTables`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ListTables {
    pub(crate) exclusive_start_table_name: Option<String>,
    pub(crate) limit: Option<usize>,
}

/// What `ListTables` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Names<'s> {
    pub(crate) table_names: Vec<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_evaluated_table_name: Option<&'s str>,
}

impl Operation for ListTables {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "ListTables",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Names<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("dynamodb:ListTables")]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Names<'s>, Refusal> {
        let most = page_length(self.limit)?;
        let most = cx.state.dials.page_size.map_or(most, |it| most.min(it));
        let start = self.exclusive_start_table_name;
        if let Some(start) = &start {
            check_name("exclusiveStartTableName", start)?;
        }
        let mut names: Vec<&str> =
            cx.here().dynamodb.tables.after(None, cx.seen).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.retain(|name| start.as_deref().is_none_or(|start| *name > start));
        let more = names.len() > most;
        names.truncate(most);
        let last_evaluated_table_name = names.last().copied().filter(|_| more);
        Ok(Names { table_names: names, last_evaluated_table_name })
    }
}

/// The length of a page that was asked for.
pub(super) fn page_length(limit: Option<usize>) -> Result<usize, Refusal> {
    match limit {
        None => Ok(LONGEST_PAGE),
        Some(limit @ 1..=LONGEST_PAGE) => Ok(limit),
        Some(other) => Err(validation(format!(
            "1 validation error detected: Value '{other}' at 'limit' failed to satisfy \
             constraint: Member must have value between 1 and {LONGEST_PAGE}"
        ))),
    }
}

/// `DescribeTable`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DescribeTable {
    pub(crate) table_name: String,
}

/// What `DescribeTable` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described<'s> {
    pub(crate) table: Shown<'s>,
}

impl Operation for DescribeTable {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "DescribeTable",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Described<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:DescribeTable", &self.table_name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Described<'s>, Refusal> {
        let here = &cx.here().dynamodb;
        let name = table_name(cx, &self.table_name);
        // `DescribeTable` is eventually consistent: a new table may not be known yet.
        let table = here.tables.get_at(name, cx.seen).ok_or_else(|| no_table(name))?;
        Ok(Described { table: Shown::of(table, here.size(name), cx.place, cx.now) })
    }
}

/// `DescribeLimits`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescribeLimits {}

/// What `DescribeLimits` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Limits {
    account_max_read_capacity_units: u64,
    account_max_write_capacity_units: u64,
    table_max_read_capacity_units: u64,
    table_max_write_capacity_units: u64,
}

impl Operation for DescribeLimits {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "DescribeLimits",
        access: Access::Reads,
        bucket: bucket::LIMITS,
    };

    type Answer<'s> = Limits;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("dynamodb:DescribeLimits")]
    }

    fn run(self, _: &mut Cx<'_>) -> Result<Limits, Refusal> {
        Ok(Limits {
            account_max_read_capacity_units: MOST_OF_ACCOUNT,
            account_max_write_capacity_units: MOST_OF_ACCOUNT,
            table_max_read_capacity_units: MOST_OF_TABLE,
            table_max_write_capacity_units: MOST_OF_TABLE,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        bed::Bed,
        dynamodb::{delete_table::DeleteTable, table::Table, update_table::UpdateTable},
    };

    fn bed(names: &[&str]) -> Bed {
        let bed = Bed::new();
        let table = |name: &&str| ((*name).into(), Table::on_demand(name, Vec::new(), Vec::new()));
        bed.here(|it| it.dynamodb.tables.fill(names.iter().map(table)));
        bed
    }

    #[test]
    fn tables_are_listed_by_name_in_pages() {
        let bed = bed(&["ccc", "aaa", "bbb"]);
        let list = |start: Option<&str>, limit| {
            let exclusive_start_table_name = start.map(str::to_owned);
            bed.ask(ListTables { exclusive_start_table_name, limit })
        };
        assert_eq!(list(None, None), Ok(json!({"TableNames": ["aaa", "bbb", "ccc"]})));
        let first = json!({"TableNames": ["aaa", "bbb"], "LastEvaluatedTableName": "bbb"});
        assert_eq!(list(None, Some(2)), Ok(first));
        assert_eq!(list(Some("bbb"), Some(1)), Ok(json!({"TableNames": ["ccc"]})));
        assert_eq!(list(None, Some(101)), Err("ValidationException"));
        assert_eq!(list(None, Some(0)), Err("ValidationException"));
    }

    #[test]
    fn a_table_is_described_by_name_or_arn() {
        let bed = bed(&["orders"]);
        let describe = |name: &str| bed.ask(DescribeTable { table_name: name.to_owned() });
        assert_eq!(describe("orders").unwrap()["Table"]["TableName"], "orders");
        let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";
        assert_eq!(describe(arn).unwrap()["Table"]["TableArn"], arn);
        assert_eq!(describe("other"), Err("ResourceNotFoundException"));
        let elsewhere = arn.replace("eu-west-1", "eu-west-2");
        assert_eq!(describe(&elsewhere), Err("ResourceNotFoundException"));
    }

    #[test]
    fn a_table_is_deleting_and_then_gone() {
        let bed = bed(&["orders"]);
        let delete = || bed.ask(DeleteTable { table_name: "orders".into() });
        let protect = |enabled| {
            let deletion_protection_enabled = Some(enabled);
            let table_name = "orders".to_owned();
            let default = UpdateTable::default();
            bed.ask(UpdateTable { table_name, deletion_protection_enabled, ..default }).unwrap()
        };
        let protected = protect(true);
        assert_eq!(protected["TableDescription"]["DeletionProtectionEnabled"], Value::Bool(true));
        assert_eq!(delete(), Err("ValidationException"));
        protect(false);
        assert_eq!(delete().unwrap()["TableDescription"]["TableStatus"], "DELETING");
        assert_eq!(delete(), Err("ResourceInUseException"));
        bed.pass(10);
        assert_eq!(delete(), Err("ResourceNotFoundException"));
        assert_eq!(bed.ask(ListTables::default()), Ok(json!({"TableNames": []})));
    }
}
