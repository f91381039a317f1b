//! `run`: tasks now, to the end.

use jiff::tz::TimeZone;
use lamplighter_core::engine::Event;

use super::{find, instant, this_second};
use crate::{
    aws::Aws,
    cli::RunArgs,
    configuration,
    exit::{Exit, Failure},
    finish::finish,
    globals::Globals,
    state,
};

pub(crate) async fn run(globals: &Globals, aws: &dyn Aws, args: &RunArgs) -> Result<Exit, Failure> {
    let at = match &args.at {
        Some(text) => instant("--at", text, &TimeZone::UTC)?,
        None => this_second(),
    };
    let config = configuration::load(&globals.config)?;
    for name in &args.tasks {
        if !find(&config, name)?.enabled {
            return Err(Failure::usage(format!("task `{name}` says `enabled: false`")));
        }
    }
    let state = state::open(globals, aws, config).await?;
    let mut started = Vec::new();
    for task in &args.tasks {
        let event = Event::Run { task: task.clone(), at };
        started.extend(state.engine().event(event).await?);
    }
    finish(globals, &state, started, args.work).await
}
