//! `actions`: the catalog, or the reference of one action.

use lamplighter_catalog::ACTIONS;
use lamplighter_core::{action, events::Name};
use serde_json::{Value, json};

use crate::{
    exit::{Exit, Failure},
    output,
};

pub(crate) fn run(name: Option<&str>, as_json: bool) -> Result<Exit, Failure> {
    let Some(name) = name else {
        if as_json {
            let all: Vec<Value> = ACTIONS.iter().map(|it| summary(*it)).collect();
            output::print_json(&all)?;
        } else {
            let rows = ACTIONS.iter().map(|it| {
                let spec = it.spec();
                vec![spec.name.to_owned(), it.target_kind().to_owned(), spec.summary.to_owned()]
            });
            output::print(&output::table(&["action", "targets", "what it does"], rows))?;
        }
        return Ok(Exit::Fine);
    };
    let Some(found) = action::find(ACTIONS, name) else {
        let names: Vec<&str> = ACTIONS.iter().map(|it| it.spec().name).collect();
        return Err(Failure::usage(format!("no action `{name}`; there are {}", names.join(", "))));
    };
    if as_json {
        let mut all = summary(found);
        all["params"] = json!(found.params_schema());
        all["target"] = json!(found.target_schema());
        output::print_json(&all)?;
    } else {
        output::print(&lamplighter_catalog::reference(found))?;
    }
    Ok(Exit::Fine)
}

fn summary(it: &dyn action::AnyAction) -> Value {
    let spec = it.spec();
    json!({
        "name": spec.name,
        "summary": spec.summary,
        "targets": it.target_kind(),
        "effect": spec.effect,
        "events": Name::of(it),
        "permissions": it.permissions(),
    })
}
