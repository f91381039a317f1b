//! Compares [`decide`] with what restic decided.
//!
//! `restic.json` holds histories of up to 29 backups, newest first, and for each set of rules
//! and history what restic kept of it (`k`). It was made with restic 0.14.0 of Debian 12:
//! random histories that end on awkward days (31 October, 29 February, a change of the clocks,
//! in the future) and have ties, made by `TZ=zone restic backup --time … --host history`; then
//! `TZ=zone restic forget --dry-run --json --group-by host --keep-…` for single rules and
//! random combinations.
//!
//! That version does not yet keep the oldest backup while a calendar rule has kept fewer than
//! it may, as later ones do; so what we keep for that reason alone is left out here, and has its
//! tests beside [`decide`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Backup, Decision, Keep, Policy, State, Verdict, decide};

#[derive(Deserialize)]
struct Fixtures {
    /// When restic was asked.
    now: Timestamp,
    histories: Vec<Vec<Timestamp>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    keep: Keep,
    /// By the number of the history.
    kept: BTreeMap<usize, String>,
}

#[test]
fn keeps_what_restic_keeps() {
    let fixtures: Fixtures = serde_json::from_str(include_str!("restic.json")).unwrap();
    let mut compared = 0;
    for case in fixtures.cases {
        let policy = Policy { keep: case.keep, floor: 1 };
        for (number, kept) in case.kept {
            let history = &fixtures.histories[number];
            let backups: Vec<Backup> = (0..).zip(history).map(backup).collect();
            let decisions = decide(&policy, &backups, fixtures.now);
            let found = times(history, |index| {
                let Decision { verdict, reasons, .. } = &decisions[index];
                *verdict == Verdict::Keep && reasons.iter().any(|it| !it.starts_with("oldest"))
            });
            let expected = times(history, |index| kept.as_bytes()[index] == b'k');
            assert_eq!(found, expected, "{policy:?} of history {number}: {history:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, 780);
}

fn backup((index, taken_at): (usize, &Timestamp)) -> Backup {
    Backup {
        id: format!("{index:02}"),
        source: "vol-1".to_owned(),
        taken_at: *taken_at,
        state: State::Completed,
    }
}

/// The times of those that are kept. Restic breaks ties by chance, so of backups with the same
/// time only the number is compared.
fn times(history: &[Timestamp], kept: impl Fn(usize) -> bool) -> Vec<Timestamp> {
    (0..history.len()).filter(|index| kept(*index)).map(|index| history[index]).collect()
}
