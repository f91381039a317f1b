//! `worker`: takes messages of a queue that other hosts share, until stopped.

use crate::{
    aws::Aws,
    cli::WorkerArgs,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    local::{STOPPING, stop_signal},
    output, state,
    worker::Worker,
};

pub(crate) async fn run(
    globals: &Globals,
    aws: &dyn Aws,
    args: WorkerArgs,
) -> Result<Exit, Failure> {
    let config = configuration::load(&globals.config)?;
    let shared = state::open(globals, aws, config).await?.shared("worker")?;
    output::note(&format!("working from {}; stop with Ctrl-C", globals.queue));
    let worker = Worker::new(shared.engine, shared.inbox, args.work.concurrency);
    worker.run(&stop_signal(STOPPING)?, args.ticks()).await?;
    Ok(Exit::Fine)
}
