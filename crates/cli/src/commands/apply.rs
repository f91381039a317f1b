//! `apply`: exactly what a saved plan says.

use std::{fs, path::Path};

use lamplighter_core::{engine::Event, plan::Plan};

use super::Globals;
use crate::{
    cli::WorkArgs,
    configuration,
    exit::{Exit, Failure},
    finish::finish,
    output, state,
};

pub(crate) async fn run(globals: &Globals, file: &Path, work: WorkArgs) -> Result<Exit, Failure> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("reading the plan `{shown}`: {error}")))?;
    let plan = Plan::parse(&text).map_err(|error| Failure::usage(format!("`{shown}`: {error}")))?;
    if !plan.problems.is_empty() {
        output::note(&format!(
            "the plan has {} problems: nothing is done where they are",
            plan.problems.len()
        ));
    }
    let local = state::open(globals, configuration::load(&globals.config)?).await?;
    let started = local.engine.event(Event::Apply(plan)).await?;
    finish(globals, &local, started, work).await
}
