//! Compares what was expected with what was found. Pure: a test's outcome in, mismatches out.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use lamplighter_core::tagging;
use lamplighter_simulator::words::{OneOrMore, Pattern, Range};

use super::{
    found::{Backup, Called, Found, Subject},
    pairs,
    words::{Amount, Expect, Made},
};

/// What a target is called that a plan says nothing of.
const NOT_SELECTED: &str = "not selected";
/// What a target is called on which there is no job.
const NO_JOB: &str = "no job";
/// Most targets of one pattern that are shown, and most calls of the trail.
const SHOWN: usize = 5;

/// An expectation that does not hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mismatch {
    /// The keys and indexes below the test that lead to it.
    pub(crate) key: Vec<String>,
    /// What it is about.
    pub(crate) about: String,
    /// The difference.
    pub(crate) diff: Diff,
    /// Why it is as it is, as the engine says, and what the audit trail has about it.
    pub(crate) notes: Vec<String>,
}

/// What was expected and what was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Diff {
    /// One text, and another.
    Text { expected: String, found: String },
    /// Of two lists: what only one has, and what both have.
    List(Vec<Line>),
    /// It must never be.
    Never(String),
}

/// One entry of two lists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// It was expected and found.
    Both(String),
    /// It was expected only.
    Missing(String),
    /// It was found only.
    Extra(String),
}

/// Everything that is not as it was expected, in the order of the keys; what must never be comes
/// last.
pub(crate) fn judge(expect: &Expect, found: &Found) -> Vec<Mismatch> {
    let mut judge = Judge { found, bad: Vec::new() };
    for (target, pattern) in &expect.verdicts {
        let about = format!("the verdict on `{target}`");
        let of_target = Targets { section: "verdicts", target, about, nothing: NOT_SELECTED };
        judge.each(&of_target, &OneOrMore::one(pattern.clone()), &found.verdicts);
    }
    for (target, patterns) in &expect.jobs {
        let about = format!("the jobs on `{target}`");
        let of_target = Targets { section: "jobs", target, about, nothing: NO_JOB };
        judge.each(&of_target, patterns, &found.jobs);
    }
    for (task, wanted) in &expect.runs {
        let runs = found.runs.get(task.as_str()).map(Vec::as_slice).unwrap_or_default();
        let key = vec!["runs".to_owned(), task.to_string()];
        judge.amount(key, format!("the runs of `{task}`"), wanted, runs);
    }
    if let Some(wanted) = &expect.missed {
        judge.amount(
            vec!["missed".to_owned()],
            "missed occurrences".to_owned(),
            wanted,
            &found.missed,
        );
    }
    judge.snapshots(expect);
    for (call, wanted) in &expect.calls {
        judge.calls(call, *wanted);
    }
    judge.always(expect);
    judge.bad
}

struct Judge<'f> {
    found: &'f Found,
    bad: Vec<Mismatch>,
}

/// What an expectation on targets is about.
struct Targets<'e> {
    section: &'static str,
    target: &'e str,
    about: String,
    /// What the outcome is called when there is none.
    nothing: &'static str,
}

/// Something that an entry of a list may be, and how it is shown.
pub(crate) trait Entry<T>: fmt::Display {
    /// Whether it is this one.
    fn is(&self, item: &T) -> bool;
}

impl Judge<'_> {
    /// Judges all targets that a key stands for.
    fn each(&mut self, of: &Targets<'_>, wanted: &OneOrMore<Pattern>, subjects: &[Subject]) {
        let key = vec![of.section.to_owned(), of.target.to_owned()];
        let target: Pattern = of.target.parse().unwrap_or_else(|never| match never {});
        let mut by_name: BTreeMap<&str, Vec<&Subject>> = BTreeMap::new();
        for it in subjects.iter().filter(|it| it.names.iter().any(|name| target.fits(name))) {
            by_name.entry(&it.names[0]).or_default().push(it);
        }
        if by_name.is_empty() {
            return self.nothing(of, &target, wanted);
        }
        let wanted: Vec<&Pattern> = wanted.iter().collect();
        let wrong =
            by_name.iter().filter_map(|(name, found)| Some((name, differs(&wanted, found)?)));
        let wrong: Vec<(&&str, Diff)> = wrong.collect();
        let count = wrong.len();
        for (name, diff) in wrong.into_iter().take(SHOWN) {
            let is_plain = by_name.len() == 1;
            let about = if is_plain { of.about.clone() } else { format!("{}: `{name}`", of.about) };
            let mut notes: Vec<String> = by_name[*name]
                .iter()
                .filter_map(|it| Some(format!("why: {}", it.why.as_ref()?)))
                .collect();
            notes.dedup();
            if of.section == "verdicts" {
                notes.extend(self.found.known.get(*name).filter(|it| !it.is_empty()).cloned());
            }
            notes.extend(self.trail(name));
            self.bad.push(Mismatch { key: key.clone(), about, diff, notes });
        }
        if let Some(last) = self.bad.last_mut().filter(|_| count > SHOWN) {
            last.notes.push(format!("and {} more like this", count - SHOWN));
        }
    }

    /// Judges that there is no outcome for a target.
    fn nothing(&mut self, of: &Targets<'_>, target: &Pattern, wanted: &OneOrMore<Pattern>) {
        let names = || self.found.known.iter().filter(|(name, _)| target.fits(name));
        let unseen = self.found.unseen.iter().find(|(place, _)| {
            of.section == "verdicts" && names().any(|(name, _)| self.found.is_at(name, place))
        });
        let found = match (names().next(), unseen) {
            (None, _) => "there is no such target".to_owned(),
            (_, Some((place, why))) => format!("nothing is known of {place}: {why}"),
            (Some(_), None) => of.nothing.to_owned(),
        };
        if found == of.nothing && wanted.iter().all(|it| it.as_str() == of.nothing) {
            return;
        }
        let facts = names().next().map(|(_, facts)| facts.clone()).filter(|it| !it.is_empty());
        let mut notes: Vec<String> = facts.into_iter().collect();
        notes.extend(trail(self.found, target));
        let key = vec![of.section.to_owned(), of.target.to_owned()];
        let diff = Diff::Text { expected: shown(wanted), found };
        self.bad.push(Mismatch { key, about: of.about.clone(), diff, notes });
    }

    /// Judges how many there are, or which.
    fn amount<T: fmt::Display, E: Entry<T>>(
        &mut self,
        key: Vec<String>,
        about: String,
        wanted: &Amount<E>,
        items: &[T],
    ) {
        let Some(diff) = compare(wanted, items) else { return };
        let mut notes = Vec::new();
        if let Amount::Count(_) = wanted {
            notes.extend(items.iter().take(SHOWN).map(|it| format!("there is {it}")));
            if items.len() > SHOWN {
                notes.push(format!("and {} more", items.len() - SHOWN));
            }
        }
        self.bad.push(Mismatch { key, about, diff, notes });
    }

    fn snapshots(&mut self, expect: &Expect) {
        let Found { before, after, .. } = self.found;
        let only_in = |these: &[Backup], others: &[Backup]| -> Vec<Backup> {
            let is_there = |it: &&Backup| !others.iter().any(|other| other.id == it.id);
            these.iter().filter(is_there).cloned().collect()
        };
        if let Some(wanted) = &expect.created {
            let created = only_in(after, before);
            self.amount(
                vec!["created".to_owned()],
                "created snapshots".to_owned(),
                wanted,
                &created,
            );
        }
        if let Some(wanted) = &expect.deleted {
            let deleted = only_in(before, after);
            let at = self.bad.len();
            self.amount(
                vec!["deleted".to_owned()],
                "deleted snapshots".to_owned(),
                wanted,
                &deleted,
            );
            if let (Some(bad), Amount::Each(ids)) = (self.bad.get_mut(at), wanted) {
                let notes: Vec<String> = ids.iter().flat_map(|id| trail(self.found, id)).collect();
                bad.notes.extend(notes.into_iter().take(SHOWN));
            }
        }
        for (volume, wanted) in &expect.kept {
            let target: Pattern = volume.parse().unwrap_or_else(|never| match never {});
            let is_of = |it: &&Backup| {
                target.fits(&it.of) || target.fits(&format!("{}/{}", it.place, it.of))
            };
            let kept: Vec<Backup> = after.iter().filter(is_of).cloned().collect();
            let key = vec!["kept".to_owned(), volume.clone()];
            let about = format!("the snapshots of `{volume}`");
            if kept.is_empty() && !self.found.known.keys().any(|it| target.fits(it)) {
                let found = "there is no such volume or database".to_owned();
                let diff = Diff::Text { expected: wanted.to_string(), found };
                self.bad.push(Mismatch { key, about, diff, notes: Vec::new() });
            } else {
                self.amount(key, about, wanted, &kept);
            }
        }
    }

    fn calls(&mut self, call: &str, wanted: Range<u32>) {
        let Some((service, operation)) = call.split_once(':') else { return };
        let pattern = |text: &str| text.parse::<Pattern>().unwrap_or_else(|never| match never {});
        let (service, operation) = (pattern(service), pattern(operation));
        let is_one = |it: &&Called| service.fits(it.service) && operation.fits(it.operation);
        let found: Vec<&Called> = self.found.calls.iter().filter(is_one).collect();
        if is_within(wanted, found.len()) {
            return;
        }
        self.bad.push(Mismatch {
            key: vec!["calls".to_owned(), call.to_owned()],
            about: format!("calls of `{call}`"),
            diff: Diff::Text { expected: wanted.to_string(), found: found.len().to_string() },
            notes: short(found),
        });
    }

    /// What a test fails for whatever it expects.
    fn always(&mut self, expect: &Expect) {
        let expects_open = |job: &Subject| {
            expect.jobs.iter().any(|(target, patterns)| {
                let target: Pattern = target.parse().unwrap_or_else(|never| match never {});
                let mut patterns = patterns.iter();
                job.names.iter().any(|name| target.fits(name))
                    && patterns.any(|it| it.as_str().starts_with("open"))
            })
        };
        let open = self.found.jobs.iter().filter(|it| it.open && !expects_open(it));
        let open: Vec<&Subject> = open.collect();
        if !open.is_empty() {
            let count = open.len();
            let jobs = if count == 1 { "job is" } else { "jobs are" };
            let names = open.iter().take(SHOWN).map(|it| format!("`{}`", it.names[0]));
            let mut notes: Vec<String> = vec![names.collect::<Vec<_>>().join(", ")];
            notes.extend(open.iter().take(1).flat_map(|it| self.trail(&it.names[0])));
            self.bad.push(Mismatch {
                key: Vec::new(),
                about: "open jobs".to_owned(),
                diff: Diff::Never(format!("{count} {jobs} still open in the end")),
                notes,
            });
        }
        for broken in &self.found.broken {
            self.bad.push(Mismatch {
                key: Vec::new(),
                about: "what must never be".to_owned(),
                diff: Diff::Never(broken.clone()),
                notes: Vec::new(),
            });
        }
        for index in &self.found.idle_faults {
            self.bad.push(Mismatch {
                key: vec!["faults".to_owned(), index.to_string()],
                about: "what goes wrong".to_owned(),
                diff: Diff::Never("this rule struck no call: nothing went wrong".to_owned()),
                notes: Vec::new(),
            });
        }
    }

    /// What the audit trail has about a target or a place.
    fn trail(&self, name: &str) -> Vec<String> {
        match name.parse() {
            Ok(pattern) => trail(self.found, &pattern),
            Err(never) => match never {},
        }
    }
}

/// The calls about a target: writing ones that name it, and else what went wrong in its place.
fn trail(found: &Found, target: &Pattern) -> Vec<String> {
    let is_named = |it: &&Called| {
        it.about.iter().any(|arn| {
            let id = arn.rsplit([':', '/']).next().unwrap_or_default();
            target.fits(id) || target.fits(&format!("{}/{id}", it.place))
        })
    };
    let named: Vec<&Called> = found.calls.iter().filter(is_named).collect();
    if !named.is_empty() {
        return short(named);
    }
    let is_there = |it: &&Called| {
        let place = it.place.to_string();
        it.trouble.is_some() && (target.as_str().starts_with(&place) || target.fits(&place))
    };
    short(found.calls.iter().filter(is_there).collect())
}

/// The last ones of many calls.
fn short(calls: Vec<&Called>) -> Vec<String> {
    let left_out = calls.len().saturating_sub(SHOWN);
    let before = (left_out > 0).then(|| format!("trail: {left_out} calls before"));
    let last = calls.into_iter().skip(left_out).map(|it| {
        let Called { at, service, operation, place, trouble, .. } = it;
        let ended = trouble.as_deref().unwrap_or("done");
        let id = it.about.first().and_then(|it| it.rsplit([':', '/']).next());
        let id = id.map(|id| format!("/{id}")).unwrap_or_default();
        let at = seconds(*at);
        format!("trail: {at} {service}:{operation} in {place}{id}: {ended}")
    });
    before.into_iter().chain(last).collect()
}

/// Whether an outcome is as a pattern says: as a whole, or its first word.
fn is_as(pattern: &Pattern, text: &str) -> bool {
    pattern.fits(text) || text.split_once(": ").is_some_and(|(word, _)| pattern.fits(word))
}

/// What differs between the outcomes of one target and what was expected: one for all of them,
/// or one for each.
fn differs(wanted: &[&Pattern], found: &[&Subject]) -> Option<Diff> {
    if let [only] = wanted {
        let wrong = found.iter().find(|it| !is_as(only, &it.text))?;
        let count = found.len();
        let found = match count {
            1 => wrong.text.clone(),
            _ => format!("{} ({}one of {count})", wrong.text, at(wrong)),
        };
        return Some(Diff::Text { expected: only.to_string(), found });
    }
    let fits = |(wanted, found): (&&Pattern, &&Subject)| is_as(wanted, &found.text);
    if wanted.len() == found.len() && wanted.iter().zip(found).all(fits) {
        return None;
    }
    let mut lines = Vec::new();
    for index in 0..wanted.len().max(found.len()) {
        let text = |it: &&Subject| format!("{}{}", at(it), it.text);
        match (wanted.get(index), found.get(index)) {
            (Some(wanted), Some(found)) if is_as(wanted, &found.text) => {
                lines.push(Line::Both(text(found)));
            }
            (wanted, found) => {
                lines.extend(wanted.map(|it| Line::Missing(it.to_string())));
                lines.extend(found.map(|it| Line::Extra(text(it))));
            }
        }
    }
    Some(Diff::List(lines))
}

fn at(subject: &Subject) -> String {
    subject.at.map(|at| format!("{} ", seconds(at))).unwrap_or_default()
}

fn seconds(at: Timestamp) -> impl fmt::Display {
    at.strftime("%FT%TZ")
}

fn shown(patterns: &OneOrMore<Pattern>) -> String {
    let all: Vec<&str> = patterns.iter().map(Pattern::as_str).collect();
    all.join(", ")
}

fn is_within(range: Range<u32>, count: usize) -> bool {
    u32::try_from(count).is_ok_and(|count| (range.from..=range.to).contains(&count))
}

/// What differs between a list and what was expected of it.
fn compare<T: fmt::Display, E: Entry<T>>(wanted: &Amount<E>, found: &[T]) -> Option<Diff> {
    let each = match wanted {
        Amount::Count(range) if is_within(*range, found.len()) => return None,
        Amount::Count(range) => {
            let (expected, found) = (range.to_string(), found.len().to_string());
            return Some(Diff::Text { expected, found });
        }
        Amount::Each(each) => each,
    };
    let pairs = pairs::pair(each.len(), found.len(), |wanted, at| each[wanted].is(&found[at]));
    if each.len() == found.len() && pairs.iter().all(Option::is_some) {
        return None;
    }
    let mut lines = Vec::new();
    for (wanted, pair) in each.iter().zip(&pairs) {
        lines.push(match pair {
            Some(at) => Line::Both(found[*at].to_string()),
            None => Line::Missing(wanted.to_string()),
        });
    }
    let extra = found.iter().enumerate().filter(|(at, _)| !pairs.contains(&Some(*at)));
    lines.extend(extra.map(|(_, it)| Line::Extra(it.to_string())));
    Some(Diff::List(lines))
}

impl Entry<String> for Pattern {
    fn is(&self, item: &String) -> bool {
        is_as(self, item)
    }
}

impl Entry<Backup> for Pattern {
    /// A snapshot is named by its id, or by the beginning of its time: its date will do.
    fn is(&self, it: &Backup) -> bool {
        self.fits(&it.id)
            || self.fits(&format!("{}/{}", it.place, it.id))
            || self.as_str().len() >= "2026-03-02".len()
                && it.at.to_string().starts_with(self.as_str())
    }
}

impl Entry<Backup> for Made {
    fn is(&self, it: &Backup) -> bool {
        fn may(pattern: &Option<Pattern>, text: &str) -> bool {
            pattern.as_ref().is_none_or(|pattern| pattern.fits(text))
        }
        may(&self.of, &it.of)
            && may(&self.place, &it.place.to_string())
            && may(&self.description, &it.description)
            && self.tags.iter().all(|(key, wanted)| match (wanted, it.tags.get(key)) {
                (Some(wanted), Some(value)) => wanted.fits(value),
                (wanted, value) => wanted.is_none() && value.is_none(),
            })
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = |it: &Option<Pattern>| it.as_ref().map_or("*".to_owned(), ToString::to_string);
        write!(f, "of {} in {}", any(&self.of), any(&self.place))?;
        if let Some(description) = &self.description {
            write!(f, ", {:?}", description.as_str())?;
        }
        for (key, value) in &self.tags {
            match value {
                Some(value) => write!(f, ", {key}={value}")?,
                None => write!(f, ", no tag {key}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of {} in {}, {}", self.id, self.of, self.place, seconds(self.at))?;
        if !self.description.is_empty() {
            write!(f, ", {:?}", self.description)?;
        }
        // Those of ours say nothing that is not said above.
        for (key, value) in tagging::theirs(&self.tags) {
            write!(f, ", {key}={value}")?;
        }
        Ok(())
    }
}

impl<E: fmt::Display> fmt::Display for Amount<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Count(range) => range.fmt(f),
            Amount::Each(each) => {
                let each: Vec<String> = each.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", each.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lamplighter_core::{Place, Tags};

    use super::*;

    fn backup(id: &str, day: &str) -> Backup {
        Backup {
            id: id.to_owned(),
            place: Place {
                account: "111122223333".parse().unwrap(),
                region: "eu-west-1".parse().unwrap(),
            },
            of: "vol-1".to_owned(),
            at: format!("{day}T02:00:00Z").parse().unwrap(),
            description: String::new(),
            tags: Tags::new(),
        }
    }

    /// What is said of snapshots `snap-1` to `snap-3`, of which the first is gone in the end and
    /// the last is new.
    #[track_caller]
    fn check(expect: &str, expected: &[&str]) {
        let expect: Expect = serde_saphyr::from_str(expect).unwrap();
        let all = [("snap-1", "2026-03-01"), ("snap-2", "2026-03-02"), ("snap-3", "2026-03-03")];
        let all = all.map(|(id, day)| backup(id, day));
        let found = Found {
            before: all[..2].to_vec(),
            after: all[1..].to_vec(),
            known: [("vol-1".to_owned(), String::new())].into(),
            broken: vec!["L6: `snap-1` was deleted".to_owned()],
            ..Found::default()
        };
        let shown = judge(&expect, &found).into_iter().map(|it| match it.diff {
            Diff::Text { expected, found } => format!("{expected} / {found}"),
            Diff::List(lines) => lines.iter().map(line).collect::<Vec<_>>().join(" "),
            Diff::Never(what) => what,
        });
        let shown: Vec<String> = shown.collect();
        // The law is broken in each of them.
        let (law, shown) = shown.split_last().unwrap();
        assert_eq!(law, "L6: `snap-1` was deleted");
        assert_eq!(shown, expected);
    }

    fn line(line: &Line) -> String {
        let id = |text: &str| text.split('`').nth(1).unwrap_or(text).to_owned();
        match line {
            Line::Both(it) => id(it),
            Line::Missing(it) => format!("-{}", id(it)),
            Line::Extra(it) => format!("+{}", id(it)),
        }
    }

    #[test]
    fn what_was_there_and_is_gone_was_deleted() {
        check("deleted: [snap-1]", &[]);
        check("deleted: [111122223333/eu-west-1/snap-*]", &[]);
        check("deleted: 1", &[]);
        check("deleted: []", &["+snap-1"]);
        check("deleted: [snap-2]", &["-snap-2 +snap-1"]);
        check("deleted: \"2..3\"", &["2..3 / 1"]);
    }

    #[test]
    fn what_is_there_and_was_not_was_created() {
        check("created: [{ of: vol-1 }]", &[]);
        check("created: [{ of: vol-1 }, {}]", &["snap-3 -of * in *"]);
        check("created: 0", &["0 / 1"]);
    }

    #[test]
    fn what_is_kept_is_named_by_id_or_date_in_any_order() {
        check("kept: { vol-1: [snap-3, 2026-03-02] }", &[]);
        check("kept: { vol-1: [snap-*, snap-3] }", &[]);
        check("kept: { 111122223333/eu-west-1/vol-1: 2 }", &[]);
        check("kept: { vol-1: [2026-03-0, 2026-03-03] }", &["-2026-03-0 snap-3 +snap-2"]);
        check("kept: { vol-1: [snap-3] }", &["snap-3 +snap-2"]);
        check("kept: { vol-2: 0 }", &["0 / there is no such volume or database"]);
    }

    #[test]
    fn of_many_targets_some_are_shown() {
        let subject = |n: u32| Subject {
            names: vec![format!("vol-{n}")],
            at: None,
            text: "leave: why".to_owned(),
            why: None,
            open: false,
        };
        let found = Found { verdicts: (1..=8).map(subject).collect(), ..Found::default() };
        let expect = serde_saphyr::from_str("verdicts: { \"vol-*\": act }").unwrap();
        let bad = judge(&expect, &found);
        assert_eq!(bad.len(), SHOWN);
        assert_eq!(bad[SHOWN - 1].notes, ["and 3 more like this"]);
    }
}
