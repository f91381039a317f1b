//! `simulate`: the user's own configuration in virtual time, on a simulated organization.

use std::{
    fs::File,
    io::{BufWriter, IsTerminal, Write, stderr},
    path::Path,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lamplighter_simulator::{Call, EndPoint};

use super::instant;
use crate::{
    aftermath::{Ledger, trail_line},
    cli::SimulateArgs,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    local::stop_signal,
    output,
    stage::{self, Scene, Stage},
};

/// What is played between two looks at it.
const STRIDE: SignedDuration = SignedDuration::from_hours(6);

pub(crate) async fn run(globals: &Globals, args: &SimulateArgs) -> Result<Exit, Failure> {
    if args.days == 0 && args.serve.is_none() {
        return Err(Failure::usage("`--days 0` runs nothing: it goes with `--serve`"));
    }
    let config = configuration::load(&globals.config)?;
    let fleet = args.fleet.as_deref().map(stage::source).transpose()?;
    let fleet = fleet.map(|it| stage::read_fleet(&it, &config)).transpose()?;
    let faults = args.faults.as_deref().map(stage::source).transpose()?;
    let faults = faults.as_ref().map(stage::read_faults).transpose()?;
    let scene = Scene::new(config, fleet, faults);
    for (account, why) in scene.closed_accounts() {
        let (name, id) = (&account.name, &account.id);
        output::note(&format!("nobody can enter account `{name}` ({id}): {why}"));
    }
    let begin = match &args.from {
        Some(text) => instant("--from", text, &TimeZone::UTC)?,
        None => scene.begin().unwrap_or_else(this_minute),
    };
    // Before the work: a port that is taken is known at once.
    let end_point = match args.serve {
        Some(port) => Some(EndPoint::bind(port).await.map_err(|error| {
            Failure::io(format_args!("listening on port {port} of 127.0.0.1"), &error)
        })?),
        None => None,
    };
    let mut trail = args.trail.as_deref().map(Trail::create).transpose()?;
    let mut stage = Stage::set(&scene, begin, args.seed)?;
    let mut exit = Exit::Fine;
    if args.days > 0 {
        stage.employ(&scene.config.tasks, args.workers.into());
        exit = play(globals, args, &scene, &mut stage, trail.as_mut()).await?;
    }
    if let Some(end_point) = end_point {
        serve(globals, args, &stage, end_point).await?;
        if let Some(trail) = &mut trail {
            trail.write(&stage.cloud.take_calls())?;
        }
    }
    trail.map_or(Ok(()), Trail::end)?;
    Ok(exit)
}

/// Plays the days, and tells what became of them.
async fn play(
    globals: &Globals,
    args: &SimulateArgs,
    scene: &Scene,
    stage: &mut Stage,
    mut trail: Option<&mut Trail>,
) -> Result<Exit, Failure> {
    let started = Instant::now();
    let begin = stage.cloud.now();
    let end = begin
        .checked_add(SignedDuration::from_hours(24 * i64::from(args.days)))
        .map_err(|_| Failure::usage("`--from` and `--days`: no calendar goes so far"))?;
    let mut ledger = Ledger::new(&scene.config.tasks, begin);
    let progress = progress(begin, end);
    while stage.cloud.now() < end {
        let next = stage.cloud.now().saturating_add(STRIDE).unwrap_or(end).min(end);
        let played = stage.rehearsal.run_until(next);
        played.map_err(|stuck| Failure::failed(format!("simulating: {stuck}")))?;
        let calls = ledger.note(stage).await?;
        if let Some(trail) = trail.as_deref_mut() {
            trail.write(&calls)?;
        }
        let journal = stage.rehearsal.journal();
        progress.set_position(next.duration_since(begin).as_secs().unsigned_abs());
        let date = next.to_zoned(TimeZone::UTC).strftime("%a %Y-%m-%d");
        progress.set_message(format!("{date} · {} jobs, {} open", journal.len(), journal.open()));
    }
    progress.finish_and_clear();
    let aftermath = ledger.close(scene, stage).await?;
    if globals.json {
        output::print_json(&aftermath)?;
    } else {
        let (accounts, tasks) = (scene.fleet.accounts.len(), scene.config.tasks.len());
        let places = stage.cloud.places().len();
        let (from, to) = (output::time(begin), output::time(end));
        output::print(&format!(
            "{} days, from {from} to {to}: {accounts} accounts, {places} places, {tasks} tasks\n\n{}",
            args.days,
            aftermath.as_text()
        ))?;
    }
    let took = started.elapsed().as_secs_f64();
    output::note(&format!("{} days took {took:.1} s", args.days));
    Ok(aftermath.exit)
}

/// The present full minute.
fn this_minute() -> Timestamp {
    let second = Timestamp::now().as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A bar of virtual time on a terminal, and nothing elsewhere.
fn progress(begin: Timestamp, end: Timestamp) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(end.duration_since(begin).as_secs().unsigned_abs());
    let style = ProgressStyle::with_template("{bar:24} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Every call, as lines of JSON.
struct Trail {
    file: BufWriter<File>,
    shown: String,
}

impl Trail {
    fn create(path: &Path) -> Result<Trail, Failure> {
        let shown = path.display().to_string();
        let file = File::create(path)
            .map_err(|error| Failure::io(format_args!("writing the trail to `{shown}`"), &error))?;
        Ok(Trail { file: BufWriter::new(file), shown })
    }

    fn write(&mut self, calls: &[Call]) -> Result<(), Failure> {
        for call in calls {
            writeln!(self.file, "{}", trail_line(call)).map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), Failure> {
        self.file.flush().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::io(format_args!("writing the trail to `{}`", self.shown), error)
    }
}

/// Is AWS until it is stopped.
async fn serve(
    globals: &Globals,
    args: &SimulateArgs,
    stage: &Stage,
    end_point: EndPoint,
) -> Result<(), Failure> {
    let url = format!("http://{}", end_point.local_addr());
    let stop = stop_signal("stopping; once more to stop at once")?;
    let places = stage.cloud.places();
    let hub = stage.cloud.hub();
    let home = places.iter().find(|it| Some(&it.account) == hub.as_ref()).or(places.first());
    let region = home.map(|it| it.region.to_string()).unwrap_or_default();
    let hub = hub.map(|it| it.to_string()).unwrap_or_default();
    stage.cloud.dial(|it| it.endpoint = Some(url.clone()));
    let speed = match args.speed {
        1.0 => "as fast as here".to_owned(),
        speed => format!("{speed} times as fast as here"),
    };
    let text = format!(
        "An AWS end point listens on {url}\n\
         It is {} there, and time goes on {speed}. In another terminal:\n\n\
         export AWS_ENDPOINT_URL={url}\n\
         export AWS_ACCESS_KEY_ID={hub} AWS_SECRET_ACCESS_KEY=any\n\
         export AWS_REGION={region} AWS_DEFAULT_REGION={region} NO_PROXY=127.0.0.1\n\
         unset AWS_SESSION_TOKEN AWS_PROFILE\n\n\
         aws ec2 describe-volumes\n\
         lamplighter --journal sqlite:simulated.db run TASK\n\n\
         An account's id as the access key is its administrator. Ctrl-C stops it.",
        output::time(stage.cloud.now()),
    );
    match globals.json {
        true => output::note(&text),
        false => output::print(&text)?,
    }
    stage.cloud.dial(|it| it.clock_speed = args.speed);
    stage.clock.go_on(args.speed);
    let served = end_point.serve(stage.cloud.clone(), stop.cancelled()).await;
    served.map_err(|error| Failure::io("serving the simulated AWS", &error))
}
