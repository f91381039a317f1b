//! `retention`: a policy explained over a list of backups, without touching AWS.

use std::{fs, path::Path};

use jiff::{Timestamp, tz::TimeZone};
use lamplighter_core::retention::{Backup, Policy, decide};
use serde::de::DeserializeOwned;

use super::instant;
use crate::{
    cli::RetentionArgs,
    exit::{Exit, Failure},
    output,
};

pub(crate) fn run(args: &RetentionArgs, as_json: bool) -> Result<Exit, Failure> {
    let policy: Policy = read(&args.keep, "a policy such as `{keep: {daily: 7}, floor: 1}`")?;
    policy.check().map_err(|bad| {
        Failure::usage(format!("the policy in `{}`: {}", args.keep.display(), bad.message))
    })?;
    let backups: Vec<Backup> =
        read(&args.backups, "a list of backups, each `{id, source, taken-at, state}`")?;
    let now = match &args.now {
        Some(text) => instant("--now", text, &TimeZone::UTC)?,
        None => Timestamp::now(),
    };
    let decisions = decide(&policy, &backups, now);
    if as_json {
        output::print_json(&decisions)?;
    } else {
        let rows = backups.iter().zip(&decisions).map(|(backup, decision)| {
            vec![
                backup.source.clone(),
                backup.id.clone(),
                output::time(backup.taken_at),
                decision.verdict.as_str().to_owned(),
                decision.reasons.join("; "),
            ]
        });
        output::print(&output::table(&["source", "id", "taken at", "verdict", "why"], rows))?;
    }
    Ok(Exit::Fine)
}

/// Reads YAML, of which JSON is a part.
fn read<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<T, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("reading `{shown}`: {error}")))?;
    serde_saphyr::from_str(&text).map_err(|error| {
        let error = error.to_string();
        let error = error.strip_prefix("error: ").unwrap_or(&error);
        Failure::usage(format!("`{shown}` is not {expected}: {error}"))
    })
}
