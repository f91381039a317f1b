//! What became of a test: all that an expectation can be about, in one value.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamplighter_core::{
    JobId, Place, Tags,
    action::SOURCE_TAG,
    cloud::{ec2::Snapshot, rds},
    job::{Job, State, WorkKind},
    plan::{Problem, TargetPlan, VerdictName},
};
use lamplighter_simulator::{Access, Call, Outcome};

use crate::commands::plan;

/// What became of a test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// What a plan says.
    pub(crate) verdicts: Vec<Subject>,
    /// The places of which a plan says nothing, and why.
    pub(crate) unseen: Vec<(String, String)>,
    /// How jobs ended.
    pub(crate) jobs: Vec<Subject>,
    /// The occurrences that ran, by task.
    pub(crate) runs: BTreeMap<String, Vec<String>>,
    /// The occurrences that did not, as `task@occurrence: why`.
    pub(crate) missed: Vec<String>,
    /// The snapshots at the beginning.
    pub(crate) before: Vec<Backup>,
    /// The snapshots in the end.
    pub(crate) after: Vec<Backup>,
    /// Everything that could be a target, at the beginning or in the end, and what may be why it
    /// is none: ids, and ids with their places.
    pub(crate) known: BTreeMap<String, String>,
    /// The calls of AWS.
    pub(crate) calls: Vec<Called>,
    /// What must never be: broken laws, and work that does not end.
    pub(crate) broken: Vec<String>,
    /// The rules of what goes wrong that struck no call, counted from 0.
    pub(crate) idle_faults: Vec<usize>,
}

/// What the engine decided about something, or did to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subject {
    /// What it can be called; the first one is the whole name.
    pub(crate) names: Vec<String>,
    /// Its task's occurrence.
    pub(crate) at: Option<Timestamp>,
    /// The outcome, such as `leave: …` or `succeeded: …`.
    pub(crate) text: String,
    /// Why, when the text does not say it.
    pub(crate) why: Option<String>,
    /// Whether it is a job with work left.
    pub(crate) open: bool,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Backup {
    pub(crate) id: String,
    pub(crate) place: Place,
    /// The volume or database.
    pub(crate) of: String,
    pub(crate) at: Timestamp,
    pub(crate) description: String,
    pub(crate) tags: Tags,
}

/// A call, as the audit trail has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Called {
    pub(crate) at: Timestamp,
    /// Such as `ec2`.
    pub(crate) service: &'static str,
    /// Such as `CreateSnapshot`.
    pub(crate) operation: &'static str,
    pub(crate) place: Place,
    /// The ARNs of what a writing call is about.
    pub(crate) about: Vec<String>,
    /// How it ended, unless that is as it should.
    pub(crate) trouble: Option<String>,
    pub(crate) writes: bool,
}

impl Subject {
    /// The verdict on a target.
    pub(crate) fn of_verdict(it: &TargetPlan) -> Subject {
        let (text, why) = match it.verdict {
            VerdictName::Act => {
                (format!("act: {}", it.effect.as_deref().unwrap_or_default()), it.reason.clone())
            }
            VerdictName::Leave => {
                (format!("leave: {}", it.reason.as_deref().unwrap_or_default()), None)
            }
        };
        let place = format!("{}/{}", it.account, it.region);
        let names = vec![format!("{place}/{}", it.target), it.target.clone()];
        Subject { names, at: None, text, why, open: false }
    }

    /// What could not be planned.
    pub(crate) fn of_problem(it: &Problem) -> Subject {
        let mut name = plan::whose(it).to_owned();
        for part in it.region.iter().map(ToString::to_string).chain(it.target.clone()) {
            name = format!("{name}/{part}");
        }
        let names = [name].into_iter().chain(it.target.clone()).collect();
        let text = format!("problem: {}", it.message);
        Subject { names, at: None, text, why: None, open: false }
    }

    /// How a job ended. `None` for the record that there was no run.
    pub(crate) fn of_job(job: &Job) -> Option<Subject> {
        if job.id == JobId::missed(&job.run()) {
            return None;
        }
        let place = job.work.place().map(ToString::to_string);
        let names = match (place, job.work.target()) {
            (Some(place), Some(target)) => vec![format!("{place}/{target}"), target.to_owned()],
            (Some(place), None) => vec![place],
            (None, _) => {
                let run = job.run();
                let part = job.id.as_str().strip_prefix(run.as_str());
                match part.and_then(|it| it.strip_prefix('/')) {
                    // An account; `PART/ACCOUNT` of a part of the organization, or the part.
                    Some(part) => [part]
                        .into_iter()
                        .chain(part.rsplit('/').next())
                        .map(str::to_owned)
                        .collect(),
                    None => vec![run.task().to_owned()],
                }
            }
        };
        let state = job.status.state();
        let text = match job.status.message() {
            Some(message) => format!("{}: {message}", state.as_str()),
            None => state.as_str().to_owned(),
        };
        Some(Subject {
            names,
            at: Some(job.work.occurrence()),
            text,
            why: job.work.why().map(str::to_owned),
            open: state == State::Open,
        })
    }
}

impl Backup {
    /// A snapshot in a place. A copy is one of the volume that its tag names.
    pub(crate) fn of(place: &Place, it: Snapshot) -> Backup {
        Backup {
            of: it.tags.get(SOURCE_TAG).cloned().unwrap_or(it.volume_id),
            id: it.id,
            place: place.clone(),
            at: it.started_at,
            description: it.description,
            tags: it.tags,
        }
    }

    /// A snapshot of a database or a cluster in a place.
    pub(crate) fn of_database(place: &Place, it: rds::Snapshot) -> Backup {
        Backup {
            of: it.tags.get(SOURCE_TAG).cloned().unwrap_or(it.database),
            id: it.id,
            place: place.clone(),
            at: it.created_at.unwrap_or(Timestamp::UNIX_EPOCH),
            description: String::new(),
            tags: it.tags,
        }
    }
}

impl From<Call> for Called {
    fn from(it: Call) -> Called {
        Called {
            at: it.at,
            service: it.service,
            operation: it.operation,
            place: it.place,
            about: it.about.into_vec(),
            trouble: match it.outcome {
                Outcome::Done => None,
                Outcome::Refused(code) => Some(code.to_owned()),
                Outcome::Dropped => Some("not done: the connection was closed".to_owned()),
                Outcome::AnswerLost => Some("done or refused, and the answer was lost".to_owned()),
            },
            writes: it.access == Access::Writes,
        }
    }
}

/// Whether it is the job that starts the run of an event.
fn is_of_event(job: &Job) -> bool {
    job.work.kind() == WorkKind::Find && job.run().event().is_some()
}

impl Found {
    /// Whether something of this name is in a place or an account.
    pub(crate) fn is_at(&self, name: &str, place: &str) -> bool {
        let is_it = |whole: &str| whole == name || whole.ends_with(&format!("/{name}"));
        let is_there = |it: &str| it.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
        self.known.keys().any(|whole| is_there(whole) && is_it(whole))
    }

    /// Takes down how jobs ended, and which occurrences ran.
    pub(crate) fn take_jobs(&mut self, jobs: &[Job]) {
        for job in jobs {
            let run = job.run();
            if job.id == JobId::missed(&run) {
                let why = job.status.message().unwrap_or_default();
                self.missed.push(format!("{run}: {why}"));
            } else if job.id == JobId::spread(&run) || is_of_event(job) {
                let runs = self.runs.entry(run.task().to_owned()).or_default();
                runs.push(run.occurrence().to_owned());
            }
        }
        self.jobs.extend(jobs.iter().filter_map(Subject::of_job));
        self.jobs.sort_by(|a, b| (a.at, &a.names).cmp(&(b.at, &b.names)));
    }
}
