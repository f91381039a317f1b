//! How it is told to people: short whatever its size. Programs read the JSON.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamplighter_core::{engine::Counts, engine::Overdue};

use super::{Aftermath, Backup, RULES, Struck, Tried, failures::Group};
use crate::{commands::missed::rows, output};

/// Most rows of a table that grows with the fleet.
const ROWS: usize = 12;

impl Aftermath {
    /// All of it.
    pub(crate) fn as_text(&self) -> String {
        let sections = [
            ("What ran", self.ran()),
            ("What was missed", missed(&self.missed)),
            ("What failed", failed(&self.failures)),
            ("Which backups are left", left(&self.backups, self.end)),
            ("Why they are kept", kept(&self.backups)),
            ("Which laws were broken", laws(&self.laws)),
            ("Which calls were made", calls(&self.calls)),
            ("What was made to go wrong", faults(&self.faults)),
        ];
        let mut text = String::new();
        for (heading, section) in sections.into_iter().filter(|(_, it)| !it.is_empty()) {
            text.push_str(&format!("{}\n{}\n\n", output::heading(heading), section.trim_end()));
        }
        text
    }

    fn ran(&self) -> String {
        let mut rows = Vec::new();
        for it in &self.tasks {
            let all = [
                ("runs", it.runs),
                ("places", it.places),
                ("targets", it.targets),
                ("jobs", it.jobs),
            ];
            for (index, (what, counts)) in all.into_iter().enumerate() {
                let task = if index == 0 { it.task.to_string() } else { String::new() };
                rows.push([vec![task, what.to_owned()], figures(counts)].concat());
            }
        }
        let headings = ["task", "", "all", "succeeded", "failed", "skipped", "stopped", "open"];
        output::figures(&headings, 2..8, rows)
    }
}

fn figures(counts: Counts) -> Vec<String> {
    let Counts { open, succeeded, failed, skipped, stopped } = counts;
    [counts.total(), succeeded, failed, skipped, stopped, open].map(number).into()
}

/// A number in a table: nothing is a dash, so that the others stand out.
fn number(count: u64) -> String {
    if count == 0 { "-".to_owned() } else { count.to_string() }
}

fn missed(missed: &[Overdue]) -> String {
    if missed.is_empty() {
        return " nothing".to_owned();
    }
    let missed = rows(missed);
    let rows = missed.iter().take(ROWS).map(|(it, why)| {
        let place = [
            it.account.as_ref().map(ToString::to_string),
            it.region.as_ref().map(ToString::to_string),
        ];
        let place: Vec<String> = place.into_iter().flatten().collect();
        vec![
            format!("{}@{}", it.task, it.occurrence),
            place.join("/"),
            it.target.clone().unwrap_or_default(),
            why.clone(),
        ]
    });
    output::table(&["run", "place", "target", "why"], rows) + &more(missed.len(), "missing")
}

fn failed(groups: &[Group]) -> String {
    if groups.is_empty() {
        return " nothing".to_owned();
    }
    let rows = groups.iter().take(ROWS).map(|it| {
        let example = it.example["id"].as_str().unwrap_or_default();
        vec![
            it.count.to_string(),
            it.task.to_string(),
            format!("{}\nsuch as {example}", it.message),
        ]
    });
    output::table(&["jobs", "task", "why"], rows) + &more(groups.len(), "kinds of failure")
}

/// Backups by source.
fn left(backups: &[Backup], now: Timestamp) -> String {
    if backups.is_empty() {
        return " none".to_owned();
    }
    let mut sources: BTreeMap<_, Vec<&Backup>> = BTreeMap::new();
    for it in backups {
        sources.entry((&it.account, &it.region, &it.source)).or_default().push(it);
    }
    let age = |at: Timestamp| {
        let hours = now.duration_since(at).as_hours();
        if hours < 48 { format!("{hours} h") } else { format!("{} d", hours / 24) }
    };
    let rows = sources.iter().take(ROWS).map(|((account, region, source), all)| {
        let times = || all.iter().map(|it| it.taken_at);
        vec![
            account.to_string(),
            region.to_string(),
            (*source).clone(),
            all.len().to_string(),
            times().max().map(age).unwrap_or_default(),
            times().min().map(age).unwrap_or_default(),
        ]
    });
    let table = output::figures(
        &["account", "region", "source", "backups", "newest", "oldest"],
        3..6,
        rows,
    );
    let all = format!(" {} backups of {} sources\n", backups.len(), sources.len());
    table + &more(sources.len(), "sources") + &all
}

/// For each task that deletes: how many backups each of its rules keeps.
fn kept(backups: &[Backup]) -> String {
    let mut rules: BTreeMap<_, u64> = BTreeMap::new();
    for kept in backups.iter().flat_map(|it| &it.kept) {
        for rule in kept.rules() {
            let order = RULES.iter().position(|it| *it == rule).unwrap_or(RULES.len());
            *rules.entry((kept.task.as_str(), order, rule, kept.verdict)).or_default() += 1;
        }
    }
    if rules.is_empty() {
        return String::new();
    }
    let rows = rules.into_iter().map(|((task, _, rule, verdict), count)| {
        let says = match verdict {
            "delete" => format!("{rule}: goes with the next run"),
            _ => rule.to_owned(),
        };
        vec![count.to_string(), task.to_owned(), says]
    });
    output::table(&["backups", "task", "rule"], rows) + " several rules may keep the same backup\n"
}

fn laws(broken: &[String]) -> String {
    let lines: Vec<String> = broken.iter().take(ROWS).map(|it| format!(" {it}\n")).collect();
    if lines.is_empty() {
        return " none".to_owned();
    }
    output::printable(&lines.concat()) + &more(broken.len(), "of them")
}

fn calls(calls: &[Tried]) -> String {
    let rows = calls.iter().map(|it| {
        let refused: u64 = it.refused.values().sum();
        let codes: Vec<String> =
            it.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
        let writes = if it.writes { "writes" } else { "" };
        vec![
            format!("{}:{}", it.service, it.operation),
            writes.to_owned(),
            number(it.calls),
            number(it.done),
            number(it.throttled),
            number(refused),
            number(it.unanswered),
            codes.join(", "),
        ]
    });
    let headings = ["call", "", "all", "done", "throttled", "refused", "lost", "codes"];
    let writing: u64 = calls.iter().filter(|it| it.writes).map(|it| it.calls).sum();
    let all: u64 = calls.iter().map(|it| it.calls).sum();
    output::figures(&headings, 2..7, rows) + &format!(" {all} calls, {writing} of them writing\n")
}

fn faults(faults: &[Struck]) -> String {
    if faults.is_empty() {
        return String::new();
    }
    let rows = faults.iter().map(|it| {
        let said = match it.rule.as_object() {
            Some(keys) => {
                keys.iter().map(|(key, value)| format!("{key}: {}", plain(value))).collect()
            }
            None => Vec::new(),
        };
        let note = if it.struck == 0 { "\nnever: no call was as it says" } else { "" };
        vec![it.struck.to_string(), said.join(", ") + note]
    });
    output::table(&["calls", "rule"], rows)
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What follows a table of at most [`ROWS`] rows.
fn more(all: usize, what: &str) -> String {
    match all.checked_sub(ROWS) {
        None | Some(0) => String::new(),
        Some(more) => format!(" … and {more} more {what}: `--json` has all\n"),
    }
}
