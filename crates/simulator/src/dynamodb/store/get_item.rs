//! `GetItem`. Source: DynamoDB API, `GetItem`.

use serde::{Deserialize, Serialize};

use super::{Names, key, spec, table};
use crate::{
    dynamodb::{
        expression::{Path, Placeholders},
        on_table,
        value::Item,
    },
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `GetItem`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct GetItem {
    pub(crate) table_name: String,
    pub(crate) key: Item,
    #[serde(default)]
    pub(crate) consistent_read: bool,
    #[serde(default)]
    pub(crate) projection_expression: Option<String>,
    #[serde(default)]
    pub(crate) expression_attribute_names: Names,
}

/// What `GetItem` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Got {
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Item>,
}

impl Operation for GetItem {
    const SPEC: Spec = spec("GetItem", Access::Reads);

    type Answer<'s> = Got;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:GetItem", &self.table_name)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Got, Refusal> {
        let at = if self.consistent_read { cx.now } else { cx.seen };
        let (table, items) = table(cx, &self.table_name)?;
        let values = Item::new();
        let placeholders = Placeholders::new(&self.expression_attribute_names, &values)?;
        let paths =
            self.projection_expression.map(|it| placeholders.projection(&it)).transpose()?;
        placeholders.check_used()?;
        let found = items.get_at(&key::of_request(table, &self.key)?, at);
        let show = |item: &Item| match &paths {
            None => item.clone(),
            Some(paths) => Path::project(paths, item),
        };
        Ok(Got { item: found.map(|it| show(&it)) })
    }
}
