//! `missed`: what should have happened and has not.

use jiff::Timestamp;
use lamplighter_core::engine::{Overdue, overdue};

use super::span;
use crate::{
    aws::Aws,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    output, state,
};

pub(crate) async fn run(
    globals: &Globals,
    aws: Option<&dyn Aws>,
    since: &str,
) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let since = now - span("--since", since)?;
    let config = configuration::load(&globals.config)?;
    let journal = state::open_history(globals, aws).await?;
    let missed = overdue(&config.tasks, &*journal, since, now).await?;
    if globals.json {
        output::print_json(&missed)?;
    } else if missed.is_empty() {
        output::print("nothing is missing")?;
    } else {
        output::print(&as_table(&missed))?;
    }
    Ok(if missed.is_empty() { Exit::Fine } else { Exit::Failed })
}

/// What people read: the occurrences of a task that were missed for the same reason are one row, the
/// first of them, as a night without a host may be hundreds. With each, why.
pub(crate) fn rows(missed: &[Overdue]) -> Vec<(&Overdue, String)> {
    let mut rows: Vec<(&Overdue, u64, &Overdue)> = Vec::new();
    for it in missed {
        let is_alike = |row: &&mut (&Overdue, u64, &Overdue)| {
            row.0.account.is_none() && row.0.task == it.task && row.0.why == it.why
        };
        let alike = match it.account {
            None => rows.iter_mut().find(is_alike),
            Some(_) => None,
        };
        match alike {
            Some((_, more, last)) => (*more, *last) = (*more + 1, it),
            None => rows.push((it, 0, it)),
        }
    }
    let why = |(it, more, last): (_, u64, &Overdue)| match (it, more) {
        (it, 0) => (it, last.why.clone()),
        (it, _) => (it, format!("{} ({more} more until {})", last.why, last.occurrence)),
    };
    rows.into_iter().map(why).collect()
}

fn as_table(missed: &[Overdue]) -> String {
    let rows = rows(missed).into_iter().map(|(it, why)| {
        vec![
            it.task.to_string(),
            it.occurrence.to_string(),
            it.account.as_ref().map(ToString::to_string).unwrap_or_default(),
            it.region.as_ref().map(ToString::to_string).unwrap_or_default(),
            it.target.clone().unwrap_or_default(),
            output::time(it.since),
            why,
        ]
    });
    output::table(&["task", "occurrence", "account", "region", "target", "since", "why"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(task: &str, at: &str, account: Option<&str>, why: &str) -> Overdue {
        Overdue {
            since: at.parse().unwrap(),
            task: task.parse().unwrap(),
            occurrence: at.parse().unwrap(),
            account: account.map(|it| it.parse().unwrap()),
            region: None,
            target: None,
            why: why.to_owned(),
        }
    }

    #[test]
    fn occurrences_that_nobody_ran_are_one_row_and_accounts_are_not() {
        let all = [
            missed("power", "2026-03-02T01:00:00Z", None, "no host"),
            missed("nightly", "2026-03-02T01:00:00Z", None, "no host"),
            missed("power", "2026-03-02T01:05:00Z", None, "no host"),
            missed("power", "2026-03-02T01:10:00Z", None, "too old"),
            missed("power", "2026-03-02T01:15:00Z", None, "no host"),
            missed("power", "2026-03-02T01:15:00Z", Some("111122223333"), "no host"),
            missed("power", "2026-03-02T01:15:00Z", Some("222233334444"), "no host"),
        ];
        let found: Vec<(&Overdue, String)> = rows(&all);
        let expected = [
            (&all[0], "no host (2 more until 2026-03-02T01:15:00Z)".to_owned()),
            (&all[1], "no host".to_owned()),
            (&all[3], "too old".to_owned()),
            (&all[5], "no host".to_owned()),
            (&all[6], "no host".to_owned()),
        ];
        assert_eq!(found, expected);
    }
}
