//! `serve`: tasks at their times, until stopped.

use super::Globals;
use crate::{
    cli::WorkArgs,
    configuration,
    exit::{Exit, Failure},
    local::{LocalHost, stop_signal},
    output, state,
};

pub(crate) async fn run(globals: &Globals, work: WorkArgs) -> Result<Exit, Failure> {
    let local = state::open(globals, configuration::load(&globals.config)?).await?;
    let stop = stop_signal()?;
    let scheduled =
        local.engine.tasks().filter(|task| task.enabled && task.schedule.is_some()).count();
    output::note(&format!(
        "serving {scheduled} scheduled tasks; the journal is {}; stop with Ctrl-C",
        globals.journal
    ));
    let host = LocalHost::new(&local, work.concurrency);
    tokio::join!(host.tick(&stop), host.work(&stop));
    Ok(Exit::Fine)
}
