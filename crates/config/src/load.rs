//! All files together: names, references and what comes out.

use std::collections::{BTreeMap, btree_map};

use lamplighter_core::{Catalog, pace::Share, task::Task};

use crate::{
    Account, Accounts, FILE_MAX, Problem, ReadFile, Source, TOTAL_MAX,
    account::{self, Named},
    calendar,
    node::{self, Entry, Kind, Node, Span},
    object::{Object, enumerate},
    report::Report,
    shape,
    task::{self, World},
    value,
};

/// A configuration without problems.
#[derive(Clone, Debug)]
pub struct Config {
    /// The accounts that are listed, by name.
    pub accounts: Vec<Account>,
    /// Those that are not: parts of an organization, by name.
    pub groups: Vec<Accounts>,
    /// The tasks, in the order of the files.
    pub tasks: Vec<Task>,
    /// How much is taken of the calls that AWS allows.
    pub share: Share,
}

/// Reads a configuration.
///
/// The sources may come in any order. `read_file` gets the text of each iCalendar file that a
/// calendar names.
///
/// # Errors
///
/// Every problem in every file, in the order of files, lines and columns.
pub fn load(
    sources: &[Source],
    catalog: Catalog,
    read_file: ReadFile<'_>,
) -> Result<Config, Vec<Problem>> {
    let mut sources: Vec<&Source> = sources.iter().collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    let mut report = Report::new(sources.clone());
    let files = read_all(&sources, &mut report);
    let incomplete = files.len() < sources.len();
    let sections = Sections::of(&files, &mut report);

    let accounts = by_name(&sections.accounts, "account", &mut report, account::read);
    one_account_per_id(&sections.accounts, &accounts, &mut report);
    let calendars = by_name(&sections.calendars, "calendar", &mut report, |entry, report| {
        calendar::read(entry, read_file, report)
    });
    let world = World { catalog, accounts, calendars, incomplete, fields: Default::default() };
    let mut tasks = Vec::new();
    by_name(&sections.tasks, "task", &mut report, |entry, report| {
        tasks.extend(task::read(entry, &world, report));
        Some(())
    });
    let share = read_share(&sections.pacing, &mut report);
    if report.is_empty() {
        let mut config = Config { accounts: Vec::new(), groups: Vec::new(), tasks, share };
        for named in world.accounts.into_values().flatten() {
            match named {
                Named::Account(account) => config.accounts.push(account),
                Named::Accounts(accounts) => config.groups.push(accounts),
            }
        }
        let without_others = |it: Accounts| it.without(&config.accounts);
        config.groups = config.groups.into_iter().map(without_others).collect();
        for group in config.tasks.iter_mut().flat_map(|it| &mut it.groups) {
            group.exclude.extend(config.accounts.iter().map(|it| it.id.to_string()));
        }
        Ok(config)
    } else {
        Err(report.into_problems())
    }
}

/// The trees of all files that can be read.
fn read_all(sources: &[&Source], report: &mut Report<'_>) -> Vec<Node> {
    let mut total = 0_usize;
    let mut files = Vec::new();
    for (file, source) in sources.iter().enumerate() {
        let start = Span { file, start: 0, end: 0 };
        let size = source.text.len();
        total = total.saturating_add(size);
        if size <= FILE_MAX && total > TOTAL_MAX {
            report.error(
                start,
                format!(
                    "the files up to this one have {total} bytes: at most {TOTAL_MAX} are read"
                ),
            );
        } else {
            files.extend(node::read(file, &source.text, report));
        }
    }
    files
}

/// The entries of all files.
#[derive(Default)]
struct Sections<'n> {
    accounts: Vec<&'n Entry>,
    calendars: Vec<&'n Entry>,
    tasks: Vec<&'n Entry>,
    pacing: Vec<Object<'n>>,
}

impl<'n> Sections<'n> {
    fn of(files: &'n [Node], report: &mut Report<'_>) -> Sections<'n> {
        let mut sections = Sections::default();
        for file in files {
            if matches!(file.kind, Kind::Null) {
                let known = enumerate(shape::keys::<shape::File>());
                report.error(file.span, format!("the file is empty: expected one of {known}"));
                continue;
            }
            let what = "a configuration file";
            let object = Object::read::<shape::File>(file, what, file.span, report);
            let Some(object) = object else { continue };
            if let Some(node) = object.get("pacing").filter(|it| !matches!(it.kind, Kind::Null)) {
                let named_at = object.key_span("pacing");
                let pacing = Object::read::<shape::Pacing>(node, "`pacing`", named_at, report);
                sections.pacing.extend(pacing);
            }
            for (key, section) in [
                ("accounts", &mut sections.accounts),
                ("calendars", &mut sections.calendars),
                ("tasks", &mut sections.tasks),
            ] {
                match object.get(key).map(|node| (node, &node.kind)) {
                    None | Some((_, Kind::Null)) => {}
                    Some((_, Kind::Map(entries))) => section.extend(entries),
                    Some((node, _)) => report.error(
                        node.span,
                        format!(
                            "`{key}` is a mapping of names to what they stand for, and this is {}",
                            node.describe()
                        ),
                    ),
                }
            }
        }
        sections
    }
}

/// Reads entries, and reports names that are there twice.
fn by_name<T>(
    entries: &[&Entry],
    what: &str,
    report: &mut Report<'_>,
    mut read: impl FnMut(&Entry, &mut Report<'_>) -> Option<T>,
) -> BTreeMap<String, Option<T>> {
    let mut places: BTreeMap<&str, Span> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for entry in entries {
        let value = read(entry, report);
        match places.entry(entry.key.as_str()) {
            btree_map::Entry::Vacant(place) => {
                place.insert(entry.key_span);
                all.insert(entry.key.clone(), value);
            }
            btree_map::Entry::Occupied(first) => {
                let first = report.place(*first.get());
                let name = &entry.key;
                report.error(
                    entry.key_span,
                    format!("the {what} `{name}` is already defined at {first}"),
                );
            }
        }
    }
    all
}

/// How much is taken of the calls that AWS allows: one file may say so.
fn read_share(sections: &[Object<'_>], report: &mut Report<'_>) -> Share {
    if let [first, others @ ..] = sections {
        let first = report.place(first.named_at);
        for other in others {
            report.error(other.named_at, format!("`pacing` is already there, at {first}"));
        }
    }
    let node = sections.first().and_then(|it| it.get("share"));
    let percent = node.and_then(|node| value::percent(node, "`share`", 1, report));
    percent.and_then(Share::new).unwrap_or_default()
}

fn one_account_per_id(
    entries: &[&Entry],
    accounts: &BTreeMap<String, Option<Named>>,
    report: &mut Report<'_>,
) {
    let mut seen = BTreeMap::new();
    for entry in entries {
        let Some(Some(Named::Account(account))) = accounts.get(&entry.key) else { continue };
        let at = entry.value.get("id").map_or(entry.key_span, |node| node.span);
        match seen.get(account.id.as_str()) {
            None => _ = seen.insert(account.id.as_str(), (&entry.key, at)),
            Some((other, _)) if *other == &entry.key => {}
            Some((other, first)) => {
                let first = report.place(*first);
                let id = &account.id;
                report.error(
                    at,
                    format!("the account `{other}` has the id `{id}` already, at {first}"),
                );
            }
        }
    }
}
