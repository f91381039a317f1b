//! One invocation: what it asks for, in the time that it has.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lamplighter_core::{
    Doing, Engine, TaskName,
    engine::{Event, Planner, Started, Write},
    task::Task,
};
use serde_json::{Value, json};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tracing::warn;

use super::payload::{self, Payload, Record, Tasks};
use crate::{
    asked::{self, Asked},
    commands::{plan, this_second},
    exit::Failure,
};

/// Messages that are worked on at the same time.
const CONCURRENCY: usize = 32;
/// What is left of the time when work is cut off, to answer in.
const TO_ANSWER: Duration = Duration::from_secs(2);
/// With less time than this left, nothing more is begun: a step takes seconds, but AWS may be
/// slow. In a function with a short time-out: with less than half of it.
const FOR_A_STEP: Duration = Duration::from_secs(30);
/// More than this cannot be answered: 6 MB is the limit of Lambda, for the answer as it is sent.
/// See "Lambda quotas" in the AWS Lambda Developer Guide.
const ANSWER_MAX: usize = 5_900_000;

/// The time that an invocation has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    /// From here on nothing is begun.
    last_begin: Instant,
    /// Here everything is cut off.
    end: Instant,
}

impl Time {
    /// Until this many milliseconds after the Unix epoch.
    pub(super) fn until(deadline: u64) -> Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::of(Duration::from_millis(deadline).saturating_sub(now))
    }

    /// From now on, this long.
    pub(super) fn of(left: Duration) -> Time {
        let now = Instant::now();
        let for_a_step = FOR_A_STEP.min(left / 2);
        Time {
            last_begin: now + left.saturating_sub(for_a_step),
            end: now + left.saturating_sub(TO_ANSWER.min(left / 4)),
        }
    }

    fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    fn is_enough_for_a_step(self) -> bool {
        Instant::now() < self.last_begin
    }
}

/// What answers invocations.
pub(super) struct Function {
    engine: Engine,
    planner: Planner,
    steps: Arc<Semaphore>,
}

impl Function {
    pub(super) fn new(engine: Engine, planner: Planner) -> Function {
        Function { engine, planner, steps: Arc::new(Semaphore::new(CONCURRENCY)) }
    }

    /// Does what the payload asks for, and answers.
    pub(super) async fn invoke(
        self: Arc<Function>,
        payload: Value,
        time: Time,
    ) -> Result<Value, Failure> {
        match payload::read(&payload).map_err(Failure::usage)? {
            Payload::Asked(asked) => self.ask(asked, time).await,
            Payload::Batch(records) => Ok(self.batch(records, time).await),
            Payload::Plan(tasks) => self.plan(&tasks, time).await,
            Payload::Run(tasks) => self.run(&tasks).await,
        }
    }

    async fn ask(&self, asked: Asked, time: Time) -> Result<Value, Failure> {
        let what = asked.to_string();
        Ok(as_json(&asked.done(&self.engine, time.left()).await.doing(what)?))
    }

    /// Does what each message asks for. Those that come again are named: the others are taken
    /// from the queue by Lambda.
    async fn batch(&self, records: Vec<Record>, time: Time) -> Value {
        let mut work = JoinSet::new();
        let mut come_again: Vec<String> = records.iter().map(|it| it.message_id.clone()).collect();
        for record in records {
            let (engine, steps) = (self.engine.clone(), Arc::clone(&self.steps));
            work.spawn(async move {
                let _room = steps.acquire_owned().await;
                let is_done = take(&engine, &record, time).await;
                is_done.then_some(record.message_id)
            });
        }
        // One that panics is not done.
        while let Some(ended) = work.join_next().await {
            if let Ok(Some(done)) = ended {
                come_again.retain(|it| *it != done);
            }
        }
        let failures = come_again.iter().map(|it| json!({ "itemIdentifier": it }));
        json!({ "batchItemFailures": failures.collect::<Vec<_>>() })
    }

    async fn plan(&self, tasks: &Tasks, time: Time) -> Result<Value, Failure> {
        let at = tasks.at.unwrap_or_else(this_second);
        let chosen = self.chosen(&tasks.names)?;
        let plan = timeout_at(time.end, plan::make(&self.planner, &chosen, at)).await;
        let plan = plan.map_err(|_| {
            Failure::failed("planning took too long for this function: plan fewer tasks at a time")
        })??;
        let plan = serde_json::to_value(&plan)
            .map_err(|error| Failure::failed(format!("writing JSON: {error}")))?;
        let length = plan.to_string().len();
        if length > ANSWER_MAX {
            return Err(Failure::failed(format!(
                "the plan has {length} bytes, more than a function can answer: plan fewer tasks \
                 at a time, or use `lamplighter plan`"
            )));
        }
        Ok(plan)
    }

    async fn run(&self, tasks: &Tasks) -> Result<Value, Failure> {
        let at = tasks.at.unwrap_or_else(this_second);
        let chosen = self.chosen(&tasks.names)?;
        if let Some(task) = chosen.iter().find(|task| !task.enabled) {
            let name = &task.order.task;
            return Err(Failure::usage(format!("task `{name}` says `enabled: false`")));
        }
        let mut started = Vec::new();
        for task in chosen {
            let event = Event::Run { task: task.order.task.clone(), at };
            started.extend(self.engine.event(event).await?);
        }
        Ok(as_json(&started))
    }

    fn chosen(&self, names: &[TaskName]) -> Result<Vec<&Task>, Failure> {
        names.iter().map(|name| Ok(self.engine.task(name)?)).collect()
    }
}

/// Does what a message asks for. `false` when it has to come again.
async fn take(engine: &Engine, record: &Record, time: Time) -> bool {
    let asked = match asked::message(&record.body) {
        Ok(asked) => asked,
        Err(why) => {
            if record.is_new() {
                warn!("a message is left for the dead-letter queue: {why}");
            }
            return false;
        }
    };
    if !time.is_enough_for_a_step() {
        warn!(what = %asked, "not begun: the time of this invocation is over; it comes again");
        return false;
    }
    asked.done_or_logged(engine, time.left()).await
}

fn as_json(started: &[Started]) -> Value {
    let all = started.iter().map(|it| json!({ "run": it.run, "new": it.write == Write::Won }));
    json!({ "started": all.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests;
