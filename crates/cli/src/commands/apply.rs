//! `apply`: exactly what a saved plan says.

use std::{fs, path::Path};

use lamplighter_core::{engine::Event, plan::Plan};

use crate::{
    aws::Aws,
    cli::WorkArgs,
    configuration,
    exit::{Exit, Failure},
    finish::finish,
    globals::Globals,
    output, state,
};

pub(crate) async fn run(
    globals: &Globals,
    aws: &dyn Aws,
    file: &Path,
    work: WorkArgs,
) -> Result<Exit, Failure> {
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
    let config = configuration::load(&globals.config)?;
    let state = state::open(globals, aws, config).await?;
    let started = state.engine().event(Event::Apply(plan)).await?;
    finish(globals, &state, started, work).await
}
