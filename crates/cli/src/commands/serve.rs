//! `serve`: tasks at their times, until stopped.

use crate::{
    aws::Aws,
    cli::WorkArgs,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    local::{LocalHost, STOPPING, stop_signal},
    output, state,
};

pub(crate) async fn run(globals: &Globals, aws: &dyn Aws, work: WorkArgs) -> Result<Exit, Failure> {
    let config = configuration::load(&globals.config)?;
    let accounts = aws.accounts(&config).await?;
    let local = state::open(globals, config.tasks, accounts).await?;
    let stop = stop_signal(STOPPING)?;
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
