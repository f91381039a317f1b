//! `DeleteTable`. Source: DynamoDB API, `DeleteTable`.

use serde::Deserialize;

use super::{
    Happening, backups, bucket,
    create_table::{Changed, changed, check_at_work},
    find, in_use, on_table,
    table::Status,
    validation,
};
use crate::{
    cloud,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DeleteTable`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteTable {
    pub(crate) table_name: String,
}

impl Operation for DeleteTable {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "DeleteTable",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Changed<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:DeleteTable", &self.table_name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Changed<'s>, Refusal> {
        let table = find(cx, &self.table_name)?;
        let name = table.name.clone();
        if !table.is_settled() {
            return Err(in_use(format!(
                "Attempt to change a resource which is still in use: Table is being created, \
                 updated, or deleted: {name}"
            )));
        }
        if table.deletion_protection {
            return Err(validation(
                "Resource cannot be deleted as it is currently protected against deletion. \
                 Disable deletion protection first.",
            ));
        }
        if backups::is_being_backed_up(cx, &name) {
            return Err(in_use(format!(
                "Attempt to change a resource which is still in use: Table is being backed up: \
                 {name}"
            )));
        }
        check_at_work(cx)?;
        let (now, at) = (cx.now, cx.now + cx.state.dials.times.table);
        cx.here_mut().dynamodb.tables.change(&name, now, |it| {
            it.status = Status::Deleting;
            it.indexes.iter_mut().for_each(|it| it.status = Status::Deleting);
        });
        let gone = Happening::TableGone(name.as_str().into());
        cx.state.agenda.plan(at, cloud::Happening::DynamoDb(cx.place.clone(), gone));
        Ok(changed(cx, &name))
    }
}
