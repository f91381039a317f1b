//! `serve`: tasks at their times, until stopped.

use crate::{
    aws::Aws,
    cli::WorkArgs,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    local::{LocalHost, STOPPING, stop_signal},
    output,
    state::{self, State},
    worker::{Ticks, Worker},
};

pub(crate) async fn run(globals: &Globals, aws: &dyn Aws, work: WorkArgs) -> Result<Exit, Failure> {
    let config = configuration::load(&globals.config)?;
    let scheduled =
        config.tasks.iter().filter(|task| task.enabled && task.schedule.is_some()).count();
    let state = state::open(globals, aws, config).await?;
    let stop = stop_signal(STOPPING)?;
    output::note(&format!(
        "serving {scheduled} scheduled tasks; the journal is {}; stop with Ctrl-C",
        globals.journal
    ));
    match state {
        State::Local(local) => {
            let host = LocalHost::new(&local, work.concurrency);
            tokio::join!(host.tick(&stop), host.work(&stop));
        }
        State::Shared(shared) => {
            let host = Worker::new(shared.engine, shared.inbox, work.concurrency);
            host.run(&stop, Ticks::EachMinute).await?;
        }
    }
    Ok(Exit::Fine)
}
