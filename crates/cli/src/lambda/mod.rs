//! The host for AWS Lambda: one function for the minute tick, batches of the queue, events, and
//! people who ask for a plan or a run.
//!
//! The program becomes the function when Lambda starts it: as `bootstrap`, without a command and
//! with `AWS_LAMBDA_RUNTIME_API` set. Nothing goes on between two invocations.

mod function;
mod payload;

use std::{env, ffi::OsString, path::Path, sync::Arc};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use lamplighter_core::engine::Planner;
use serde_json::Value;

use crate::{
    aws::Aws,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    state,
};
use function::{Function, Time};

/// The command that makes the program a function.
pub(crate) const COMMAND: &str = "lambda";
/// Where Lambda's runtime API is: set for every function, by Lambda.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// What else Lambda sets, and its runtime needs.
const SET_BY_LAMBDA: [&str; 4] = [
    RUNTIME_API,
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];
/// Where Lambda puts what was deployed with the function.
const TASK_ROOT: &str = "/var/task";

/// The arguments of the program when Lambda starts it: it gives none.
pub(crate) fn arguments(given: Vec<OsString>) -> Vec<OsString> {
    if given.len() > 1 || env::var_os(RUNTIME_API).is_none() {
        return given;
    }
    let mut arguments = given;
    arguments.push(COMMAND.into());
    if env::var_os("LAMPLIGHTER_CONFIG").is_none() {
        let root = env::var_os("LAMBDA_TASK_ROOT").unwrap_or_else(|| TASK_ROOT.into());
        arguments.extend(["--config".into(), Path::new(&root).join("config").into()]);
    }
    arguments
}

/// Answers invocations, until Lambda ends the process.
pub(crate) async fn run(globals: &Globals, aws: &dyn Aws) -> Result<Exit, Failure> {
    if let Some(name) = SET_BY_LAMBDA.iter().find(|name| env::var_os(name).is_none()) {
        return Err(Failure::usage(format!(
            "`{COMMAND}` is for AWS Lambda, which sets `{name}`: deploy this program as the \
             `bootstrap` of a function; elsewhere use `serve` or `worker`"
        )));
    }
    let config = configuration::load(&globals.config)?;
    let shared = state::open(globals, aws, config).await?.shared(COMMAND)?;
    let accounts = Arc::clone(&shared.engine.ports().accounts);
    let planner = Planner::new(lamplighter_catalog::ACTIONS, accounts);
    let function = Arc::new(Function::new(shared.engine, planner));
    let answer = async |event: LambdaEvent<Value>| {
        let time = Time::until(event.context.deadline);
        let answer = Arc::clone(&function).invoke(event.payload, time).await;
        answer.map_err(as_diagnostic)
    };
    let ended = lambda_runtime::run(service_fn(answer)).await;
    ended.map(|()| Exit::Fine).map_err(|error| {
        Failure::failed(format!("talking to the runtime API of AWS Lambda: {error}"))
    })
}

fn as_diagnostic(failure: Failure) -> Diagnostic {
    let kind = match failure.exit {
        Exit::Usage => "Usage",
        Exit::Refused => "Refused",
        Exit::Fine | Exit::Failed => "Failed",
    };
    Diagnostic { error_type: kind.to_owned(), error_message: failure.message }
}
