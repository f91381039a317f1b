//! `plan`: what would be done to which target and why, without one writing call.

use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
    sync::Arc,
};

use jiff::{Timestamp, tz::TimeZone};
use lamplighter_catalog::ACTIONS;
use lamplighter_core::{
    AccountId,
    engine::Planner,
    plan::{PlacePlan, Plan, Problem, TaskPlan, VerdictName},
    task::Task,
};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{find, instant, this_second};
use crate::{
    aws::Aws,
    cli::PlanArgs,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    output,
};

/// Places listed at the same time.
const CONCURRENCY: usize = 16;

pub(crate) async fn run(
    globals: &Globals,
    aws: &dyn Aws,
    args: &PlanArgs,
) -> Result<Exit, Failure> {
    let at = match &args.at {
        Some(text) => instant("--at", text, &TimeZone::UTC)?,
        None => this_second(),
    };
    let config = configuration::load(&globals.config)?;
    let planner = Planner::new(ACTIONS, aws.accounts(&config).await?);
    let planner = planner.knowing(&config.tasks);
    let chosen: Result<Vec<&Task>, Failure> =
        args.tasks.iter().map(|name| find(&config, name)).collect();
    let plan = make(&planner, &chosen?, at).await?;
    if let Some(path) = &args.out {
        save(&plan, path)?;
    }
    if globals.json {
        output::print_json(&plan)?;
    } else {
        output::print(&as_text(&plan))?;
        if let Some(path) = &args.out {
            let shown = path.display();
            output::print(&format!("\nsaved to {shown}; do it with: lamplighter apply {shown}"))?;
        }
    }
    Ok(Exit::of(plan.problems.iter().map(|problem| problem.kind)))
}

/// Plans tasks, for an occurrence.
pub(crate) async fn make(
    planner: &Planner,
    chosen: &[&Task],
    at: Timestamp,
) -> Result<Plan, Failure> {
    let mut tasks = Vec::new();
    let mut problems = Vec::new();
    for task in chosen {
        let places = survey(planner, task, at, &mut problems).await?;
        tasks.push(TaskPlan::new(&task.order, at, places, &mut problems));
    }
    Ok(Plan::new(at, tasks, problems))
}

/// Surveys every place of a task, some at a time. The result is in the order of the places.
pub(super) async fn survey(
    planner: &Planner,
    task: &Task,
    at: Timestamp,
    problems: &mut Vec<Problem>,
) -> Result<Vec<PlacePlan>, Failure> {
    let room = Arc::new(Semaphore::new(CONCURRENCY));
    let mut surveys = JoinSet::new();
    for place in planner.places(task, at).await {
        match place {
            Err((account, fault)) => problems.push(Problem {
                task: task.order.task.clone(),
                account,
                region: None,
                target: None,
                kind: fault.kind,
                message: fault.chain(),
            }),
            Ok(place) => {
                let (planner, order) = (planner.clone(), task.order.clone());
                let room = Arc::clone(&room);
                surveys.spawn(async move {
                    let _permit = room.acquire().await;
                    planner.place(&order, &place, at).await
                });
            }
        }
    }
    let mut places = Vec::new();
    while let Some(survey) = surveys.join_next().await {
        places.push(survey.map_err(|error| Failure::failed(format!("planning: {error}")))?);
    }
    places.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(places)
}

/// Writes the plan beside its place first, so that a full disk leaves no half of one.
fn save(plan: &Plan, path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let failed = |error| Failure::io(format_args!("saving the plan to `{shown}`"), &error);
    let beside = path.with_extension("partial");
    let written = fs::File::create(&beside)
        .and_then(|file| {
            let mut out = BufWriter::new(file);
            serde_json::to_writer_pretty(&mut out, plan)?;
            writeln!(out)?;
            out.into_inner()?.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // The partial file is of no use; that it could not be removed is not the news.
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// What a problem is about, when it is about a whole account or more.
pub(crate) fn whose(problem: &Problem) -> &str {
    problem.account.as_ref().map_or("organization", AccountId::as_str)
}

fn as_text(plan: &Plan) -> String {
    let mut text = String::new();
    for task in &plan.tasks {
        let acts = task.verdicts.iter().filter(|it| it.verdict == VerdictName::Act).count();
        text.push_str(&format!(
            "{} at {}: {} targets, {acts} to act on\n",
            task.task,
            task.occurrence,
            task.verdicts.len()
        ));
        let rows = task.verdicts.iter().map(|it| {
            let (verdict, what) = match it.verdict {
                VerdictName::Act => ("act", it.effect.clone().unwrap_or_default()),
                VerdictName::Leave => ("leave", String::new()),
            };
            let why = it.reason.clone().unwrap_or_default();
            let says = [what, why].into_iter().filter(|part| !part.is_empty());
            vec![
                it.account.to_string(),
                it.region.to_string(),
                it.target.clone(),
                verdict.to_owned(),
                says.collect::<Vec<_>>().join(": "),
            ]
        });
        if !task.verdicts.is_empty() {
            let headings = ["account", "region", "target", "verdict", "what and why"];
            text.push_str(&output::table(&headings, rows));
        }
        text.push('\n');
    }
    for it in &plan.problems {
        let region = it.region.as_ref().map(|region| format!("/{region}")).unwrap_or_default();
        let target = it.target.as_ref().map(|target| format!("/{target}")).unwrap_or_default();
        let message = output::printable(&it.message);
        text.push_str(&format!(
            "problem: {} in {}{region}{target}: {message}\n",
            it.task,
            whose(it)
        ));
    }
    text.trim_end().to_owned()
}
