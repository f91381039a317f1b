//! `explain`: where a backup comes from, where its copies are, and what was decided about each of
//! them and why. The tags of the resources tell the one, and the journal tells the other.

mod decisions;
mod lineage;
mod subject;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use lamplighter_catalog::ACTIONS;
use lamplighter_config::Config;
use lamplighter_core::{
    AccountPool, Journal, Place,
    action::{COPIED_FROM_TAG, HOP_TAG, JOB_TAG, SOURCE_TAG, TAKEN_AT_TAG, TASK_TAG},
    cloud::Session,
    engine::Planner,
};
use serde_json::{Value, json};

use self::{
    decisions::{Decision, History},
    lineage::{Branch, Found, Lineage, Search},
    subject::Subject,
};
use super::{span, this_second};
use crate::{
    aws::Aws,
    cli::ExplainArgs,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    output, state,
};

pub(crate) async fn run(
    globals: &Globals,
    aws: &dyn Aws,
    args: &ExplainArgs,
) -> Result<Exit, Failure> {
    let subject: Subject = args
        .resource
        .parse()
        .map_err(|why| Failure::usage(format!("`{}`: {why}", args.resource)))?;
    let now = this_second();
    let since = now - span("--since", &args.since)?;
    let config = configuration::load(&globals.config)?;
    let journal = match state::open_history(globals, Some(aws)).await {
        Ok(journal) => Some(journal),
        // The tags tell most of it.
        Err(failure) => {
            output::note(&format!("without the journal: {}", failure.message));
            None
        }
    };
    let accounts = aws.accounts(&config).await?;
    let told = explain(&config, accounts, journal.as_deref(), &subject, (since, now)).await?;
    for (place, why) in &told.lineage.unseen {
        output::note(&format!("nobody could look in {place}: {why}"));
    }
    if globals.json {
        output::print_json(&told.as_json())?;
        return Ok(if told.is_nothing() { Exit::Failed } else { Exit::Fine });
    }
    if told.is_nothing() {
        return Err(Failure::failed(format!(
            "`{}` is in none of the {} places of the configuration's tasks, and since {since} no \
             task has decided anything about it: look at its id, or further back with `--since`",
            subject.id,
            told.places.len(),
        )));
    }
    output::print(&told.as_text())?;
    Ok(Exit::Fine)
}

/// All that there is to say about a resource.
struct Told {
    id: String,
    places: BTreeSet<Place>,
    lineage: Lineage,
    /// What was decided about each of those that are there, and about what was asked for where it
    /// is no more: where, and its id.
    decisions: Vec<((Place, String), Vec<Decision>)>,
}

async fn explain(
    config: &Config,
    accounts: Arc<dyn AccountPool>,
    journal: Option<&dyn Journal>,
    subject: &Subject,
    (since, now): (Timestamp, Timestamp),
) -> Result<Told, Failure> {
    let planner = Planner::new(ACTIONS, Arc::clone(&accounts));
    let mut places = BTreeSet::new();
    let mut unseen = Vec::new();
    for task in &config.tasks {
        for place in planner.places(task, now).await {
            match place {
                Ok(place) => drop(places.insert(place)),
                Err((_, fault)) => unseen.push(fault.chain()),
            }
        }
    }
    unseen.sort();
    unseen.dedup();
    for why in unseen {
        output::note(&format!("places that nobody could look in: {why}"));
    }
    let session = Session { task: "explain".parse().map_err(no_name)?, occurrence: now };
    let search = Search { accounts, places: places.clone(), session };
    let lineage = search.lineage(subject).await?;
    let mut decisions = Vec::new();
    if let Some(journal) = journal {
        let history = History::read(journal, &config.tasks, since).await?;
        let mut all = Vec::new();
        lineage.roots.iter().for_each(|it| it.each(&mut |it| all.push(it.clone())));
        for it in &all {
            let made = it.tags.get(JOB_TAG).map(String::as_str);
            let decided = history.about(journal, (&it.place, &it.id), &[it.kind], made).await?;
            decisions.push(((it.place.clone(), it.id.clone()), decided));
        }
        // What is gone has left its records.
        if !all.iter().any(|it| it.id == subject.id) {
            let kinds: Vec<_> = subject.kinds(ACTIONS).iter().map(|it| it.target_kind()).collect();
            for place in places.iter().filter(|it| subject.may_be_in(it)) {
                let decided = history.about(journal, (place, &subject.id), &kinds, None).await?;
                if !decided.is_empty() {
                    decisions.push(((place.clone(), subject.id.clone()), decided));
                }
            }
        }
    }
    Ok(Told { id: subject.id.clone(), places, lineage, decisions })
}

fn no_name(error: impl std::fmt::Display) -> Failure {
    Failure::failed(error.to_string())
}

impl Branch {
    /// Shows this one and all below it.
    fn each(&self, show: &mut impl FnMut(&Found)) {
        show(&self.found);
        self.copies.iter().for_each(|it| it.each(show));
    }
}

impl Told {
    fn is_nothing(&self) -> bool {
        self.lineage.roots.is_empty() && self.decisions.is_empty()
    }

    fn about(&self, it: &Found) -> &[Decision] {
        let found =
            self.decisions.iter().find(|((place, id), _)| *place == it.place && *id == it.id);
        found.map_or(&[], |(_, decisions)| decisions)
    }

    /// Those that are no more, with what was decided about them.
    fn gone(&self) -> impl Iterator<Item = &((Place, String), Vec<Decision>)> {
        let mut there = BTreeSet::new();
        for root in &self.lineage.roots {
            root.each(&mut |it| {
                there.insert((it.place.clone(), it.id.clone()));
            });
        }
        self.decisions.iter().filter(move |(key, _)| !there.contains(key))
    }

    fn as_text(&self) -> String {
        let mut lines = Vec::new();
        for ((place, id), decisions) in self.gone() {
            lines.push(output::heading(&format!("{id} in {place} is no more")));
            lines.extend(decisions.iter().map(|it| format!("  {it}")));
        }
        for root in &self.lineage.roots {
            self.show(root, 0, &mut lines);
        }
        lines.join("\n")
    }

    fn show(&self, branch: &Branch, depth: usize, lines: &mut Vec<String>) {
        let Branch { found, copies, gone } = branch;
        let indent = "  ".repeat(depth);
        let name = output::printable(&found.id);
        let asked = if found.id == self.id { "  <-- asked for" } else { "" };
        let what = match (depth, found.tags.contains_key(HOP_TAG)) {
            (0, _) => String::new(),
            (_, false) => "copy ".to_owned(),
            (_, true) => "copy on the way ".to_owned(),
        };
        let line = format!("{what}{name} in {}{asked}", found.place);
        lines.push(format!("{indent}{}", output::heading(&line)));
        let mut say = |text: String| lines.push(format!("{indent}  {text}"));
        facts(found).into_iter().for_each(&mut say);
        let from = found.tags.get(COPIED_FROM_TAG).filter(|_| depth == 0);
        from.into_iter()
            .for_each(|it| say(format!("a copy of {}, which is no more", output::printable(it))));
        for decision in self.about(found) {
            say(decision.to_string());
        }
        for (place, id) in gone {
            say(format!("its copy {} in {place} is no more", output::printable(id)));
        }
        for copy in copies {
            self.show(copy, depth + 1, lines);
        }
    }

    fn as_json(&self) -> Value {
        let gone = self.gone().map(|((place, id), decisions)| {
            json!({
                "account": place.account, "region": place.region, "id": id,
                "decisions": decisions.iter().map(Decision::as_json).collect::<Vec<_>>(),
            })
        });
        json!({
            "id": self.id,
            "lineage": self.lineage.roots.iter().map(|it| self.branch_json(it)).collect::<Vec<_>>(),
            "gone": gone.collect::<Vec<_>>(),
            "unseen": self.lineage.unseen.iter().map(|(place, why)| {
                json!({ "account": place.account, "region": place.region, "why": why })
            }).collect::<Vec<_>>(),
        })
    }

    fn branch_json(&self, Branch { found, copies, gone }: &Branch) -> Value {
        json!({
            "account": found.place.account,
            "region": found.place.region,
            "kind": found.kind,
            "id": found.id,
            "tags": found.tags,
            "facts": found.facts,
            "decisions": self.about(found).iter().map(Decision::as_json).collect::<Vec<_>>(),
            "copies": copies.iter().map(|it| self.branch_json(it)).collect::<Vec<_>>(),
            "copies-gone": gone.iter().map(|(place, id)| {
                json!({ "account": place.account, "region": place.region, "id": id })
            }).collect::<Vec<_>>(),
        })
    }
}

/// What a resource says of itself, for people.
fn facts(found: &Found) -> Vec<String> {
    let tag = |name: &str| found.tags.get(name).map(|it| output::printable(it));
    let state = found.facts["state"].as_str().map(|it| format!("it is {it}"));
    let of = tag(SOURCE_TAG).map(|it| format!("a backup of {it}"));
    let at = tag(TAKEN_AT_TAG).map(|it| format!("as of {it}"));
    let is: Vec<String> = [state, of, at].into_iter().flatten().collect();
    let made = match (tag(TASK_TAG), tag(JOB_TAG)) {
        (Some(task), Some(job)) => format!("made by task {task}, job {job}"),
        _ => "no task has made it, by its tags".to_owned(),
    };
    let is = (!is.is_empty()).then(|| is.join(", "));
    is.into_iter().chain([made]).collect()
}
