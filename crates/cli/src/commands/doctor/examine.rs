//! Looks at every account that tasks work in, and at what each task would do there now.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use lamplighter_catalog::ACTIONS;
use lamplighter_config::{Account, Accounts, Config};
use lamplighter_core::{
    AccountId, AccountPool, Fault, FaultKind, Place, TaskName,
    action::{self, Verdict},
    cloud::Session,
    engine::{Planner, Survey},
    plan::PlacePlan,
    task::{Mode, Reach, Regions, Task},
};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{super::plan, finding::Finding};
use crate::exit::Failure;

/// Accounts entered at the same time.
const CONCURRENCY: usize = 16;

/// Everything there is to say about the accounts and the tasks that are enabled.
pub(crate) async fn examine(
    config: &Config,
    accounts: Arc<dyn AccountPool>,
    now: Timestamp,
) -> Result<Vec<Finding>, Failure> {
    let tasks: Vec<&Task> = config.tasks.iter().filter(|it| it.enabled).collect();
    let mut findings = Vec::new();
    let unlisted = members(&config.groups, &tasks, &*accounts, &mut findings).await;
    let names: BTreeMap<&AccountId, &Account> =
        unlisted.iter().chain(&config.accounts).map(|it| (&it.id, it)).collect();
    let reaching = tasks.iter().map(|task| in_members(task, &unlisted));
    let tasks: Vec<Task> = reaching.collect();
    let entered = enter(&tasks, &names, &accounts, now, &mut findings).await?;
    let doctor = Doctor { planner: Planner::new(ACTIONS, accounts), names, now };
    for task in &tasks {
        findings.push(schedule(task, now));
        findings.extend(doctor.task(task, &entered).await?);
    }
    Ok(findings)
}

/// The accounts of the parts of the organization that tasks work in, each called by the part's name
/// and its id. A part that cannot be listed is one finding.
async fn members(
    groups: &[Accounts],
    tasks: &[&Task],
    pool: &dyn AccountPool,
    findings: &mut Vec<Finding>,
) -> Vec<Account> {
    let mut all: Vec<Account> = Vec::new();
    let is_used = |it: &&Accounts| {
        let name = &it.group.name;
        tasks.iter().any(|task| task.groups.iter().any(|it| it.name == *name))
    };
    for Accounts { group, role, external_id, labels } in groups.iter().filter(is_used) {
        let finding = match pool.members(group).await {
            Ok(members) => {
                let mut found = format!("{} active accounts", members.active.len());
                if !members.inactive.is_empty() {
                    let each = |(id, state)| format!("{id} ({state})");
                    let inactive: Vec<String> = members.inactive.iter().map(each).collect();
                    found.push_str(&format!("; not worked in: {}", inactive.join(", ")));
                }
                let account = |id: AccountId| Account {
                    name: format!("{}:{id}", group.name),
                    id,
                    role: Some(role.clone()),
                    external_id: external_id.clone(),
                    regions: group.regions.clone(),
                    labels: labels.clone(),
                };
                all.extend(members.active.into_iter().map(account));
                Finding::ok("organization", found)
            }
            Err(fault) => Finding::wrong(
                "organization",
                fault.chain(),
                "run Lamplighter in the management account or in a delegated administrator of the \
                 organization, with what `lamplighter policy hub` prints, and look at `units`",
            ),
        };
        findings.push(finding.in_account(&group.name));
    }
    all
}

/// The task with the accounts that its parts of the organization have now.
fn in_members(task: &Task, members: &[Account]) -> Task {
    let mut task = task.clone();
    for group in std::mem::take(&mut task.groups) {
        let prefix = format!("{}:", group.name);
        let those = members.iter().filter(|it| it.name.starts_with(&prefix));
        let reach = |it: &Account| Reach { account: it.id.clone(), regions: group.regions.clone() };
        task.reach.extend(those.map(reach));
    }
    task
}

/// Enters each account that the tasks need. Returns those that could be entered: what cannot is
/// one finding, whatever would have been done there.
async fn enter(
    tasks: &[Task],
    names: &BTreeMap<&AccountId, &Account>,
    pool: &Arc<dyn AccountPool>,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) -> Result<BTreeSet<AccountId>, Failure> {
    let task: TaskName = "doctor".parse().map_err(|_| Failure::failed("naming the session"))?;
    let session = Session { task, occurrence: now };
    let room = Arc::new(Semaphore::new(CONCURRENCY));
    let mut entering = JoinSet::new();
    for id in needed(tasks)? {
        let Some(account) = names.get(&id) else {
            findings.push(Finding::wrong(
                "account",
                format!("a task needs account {id}, which is not configured"),
                "add it to `accounts` of the configuration",
            ));
            continue;
        };
        let (account, pool, session) = ((*account).clone(), Arc::clone(pool), session.clone());
        let room = Arc::clone(&room);
        entering.spawn(async move {
            let _permit = room.acquire().await;
            let found = learn(&account, &*pool, &session).await;
            (account, found)
        });
    }
    let mut entered = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(answer) = entering.join_next().await {
        found.push(answer.map_err(|error| Failure::failed(format!("entering: {error}")))?);
    }
    found.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    for (account, found) in found {
        let finding = match found {
            Ok(says) => {
                entered.insert(account.id.clone());
                Finding::ok("account", says)
            }
            Err(fault) => Finding::wrong("account", fault.chain(), cure(&fault, &account, None)),
        };
        findings.push(finding.in_account(&account.name));
    }
    Ok(entered)
}

/// The accounts that tasks work in or name.
fn needed(tasks: &[Task]) -> Result<BTreeSet<AccountId>, Failure> {
    let mut all = BTreeSet::new();
    for task in tasks {
        let needs = action::ordered(ACTIONS, &task.order.action)?.needs(&task.order.params)?;
        all.extend(task.reach.iter().map(|it| it.account.clone()));
        all.extend(needs.elsewhere.into_keys());
    }
    Ok(all)
}

/// Enters an account, and says what was learned of it.
async fn learn(
    account: &Account,
    pool: &dyn AccountPool,
    session: &Session,
) -> Result<String, Fault> {
    let how = match &account.role {
        Some(role) => format!("`{}` can be assumed", role.as_str()),
        None => "the process's own credentials are of it".to_owned(),
    };
    match &account.regions {
        Regions::All => {
            let regions = pool.regions(&account.id, session).await?;
            Ok(format!("{how}, {} regions are enabled", regions.len()))
        }
        Regions::Listed(regions) => {
            if let Some(region) = regions.first() {
                let place = Place { account: account.id.clone(), region: region.clone() };
                pool.can_enter(&place, session).await?;
            }
            Ok(how)
        }
    }
}

fn schedule(task: &Task, now: Timestamp) -> Finding {
    let name = &task.order.task;
    let finding = match &task.schedule {
        None => Finding::ok("schedule", "runs only when it is asked to"),
        Some(schedule) => match schedule.after(now) {
            Some(at) => {
                let zone = schedule.time_zone.rules().clone();
                let zone_name = schedule.time_zone.name();
                let local = at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S%:z");
                Finding::ok("schedule", format!("runs next at {local} ({zone_name})"))
            }
            None => Finding::wrong(
                "schedule",
                "never runs again",
                "look at its `schedule` and its calendars: `lamplighter calendar --days 366`",
            ),
        },
    };
    finding.of_task(name)
}

struct Doctor<'a> {
    planner: Planner,
    names: BTreeMap<&'a AccountId, &'a Account>,
    now: Timestamp,
}

impl Doctor<'_> {
    /// What a task would do now where it can get in, and whether it may.
    async fn task(
        &self,
        task: &Task,
        entered: &BTreeSet<AccountId>,
    ) -> Result<Vec<Finding>, Failure> {
        let mut reachable = task.clone();
        reachable.reach.retain(|it| entered.contains(&it.account));
        let mut problems = Vec::new();
        let places = plan::survey(&self.planner, &reachable, self.now, &mut problems).await?;
        let mut findings: Vec<Finding> = Vec::new();
        for problem in problems {
            let fault = Fault::new(problem.kind, problem.message);
            if let Some(account) = &problem.account {
                findings.push(self.failed(task, account, &fault));
            }
        }
        for PlacePlan { place, result, .. } in &places {
            let finding = match result {
                Ok(survey) => targets(task, survey),
                Err(fault) => self.failed(task, &place.account, fault),
            };
            let finding = finding.of_task(&task.order.task).in_region(&place.region);
            findings.push(finding.in_account(self.name(&place.account)));
        }
        for reach in &reachable.reach {
            let here = places.iter().filter(|it| it.place.account == reach.account);
            let surveyed: Vec<(&Place, &Survey)> =
                here.filter_map(|it| Some((&it.place, it.result.as_ref().ok()?))).collect();
            // Where nothing can be listed, that is the finding.
            if !surveyed.is_empty() {
                let finding = self.permissions(task, &reach.account, &surveyed).await?;
                findings
                    .push(finding.of_task(&task.order.task).in_account(self.name(&reach.account)));
            }
        }
        Ok(findings)
    }

    /// Tries, on a target of the account, what the task would do.
    async fn permissions(
        &self,
        task: &Task,
        account: &AccountId,
        surveyed: &[(&Place, &Survey)],
    ) -> Result<Finding, Failure> {
        const CHECK: &str = "permissions";
        let action = action::ordered(ACTIONS, &task.order.action)?;
        let needs = action.needs(&task.order.params)?.of(account, true);
        let mut allowed: BTreeSet<&str> = action.listing(&task.order.params)?.into_iter().collect();
        if task.order.mode == Mode::Observe {
            return Ok(Finding::ok(
                CHECK,
                format!("allowed: {}; it only observes", list(&allowed)),
            ));
        }
        if surveyed.iter().any(|(_, survey)| !survey.planned.is_empty()) {
            allowed.extend(action.looking().iter().filter(|it| needs.contains(*it)));
        }
        let target = surveyed.iter().find_map(|(place, survey)| {
            let act = survey.planned.iter().find(|it| matches!(it.verdict, Verdict::Act { .. }))?;
            Some((*place, act))
        });
        if let Some((place, act)) = target {
            let on = (act.target.as_str(), &act.facts);
            match self.planner.rehearse(&task.order, place, on, self.now).await {
                Ok(tried) => allowed.extend(tried),
                Err(fault) => return Ok(self.denied(task, account, &fault)),
            }
        }
        let unknown: BTreeSet<&str> = needs.difference(&allowed).copied().collect();
        let allowed = format!("allowed: {}", list(&allowed));
        Ok(match (unknown.is_empty(), target) {
            (true, _) => Finding::ok(CHECK, allowed),
            (false, Some(_)) => Finding::untested(
                CHECK,
                format!("{allowed}; not testable without doing it: {}", list(&unknown)),
            ),
            (false, None) => Finding::untested(
                CHECK,
                format!("{allowed}; not tested, for want of a target: {}", list(&unknown)),
            ),
        })
    }

    fn denied(&self, task: &Task, account: &AccountId, fault: &Fault) -> Finding {
        Finding { check: "permissions", ..self.failed(task, account, fault) }
    }

    fn failed(&self, task: &Task, account: &AccountId, fault: &Fault) -> Finding {
        let cure = match self.names.get(account) {
            Some(account) => cure(fault, account, Some(&task.order.task)),
            None => "add the account to the configuration".to_owned(),
        };
        let finding = Finding::wrong("targets", fault.chain(), cure);
        finding.of_task(&task.order.task).in_account(self.name(account))
    }

    fn name<'n>(&'n self, id: &'n AccountId) -> &'n str {
        self.names.get(id).map_or(id.as_str(), |it| it.name.as_str())
    }
}

/// What a task would do in a place.
fn targets(task: &Task, survey: &Survey) -> Finding {
    let found = survey.found;
    let says =
        format!("{} listed, {} selected, {} to act on", found.listed, found.selected, found.to_act);
    if let Some((candidate, why)) = survey.unknown.first() {
        let says = format!("{says}; {} unknown: `{}`: {why}", survey.unknown.len(), candidate.id);
        return Finding::wrong(
            "targets",
            says,
            "look at the task's `where`: it reads what is unknown",
        );
    }
    match survey.as_expected(&task.order) {
        Ok(()) => Finding::ok("targets", says),
        Err(fault) => Finding::wrong(
            "targets",
            format!("{says}; {}", fault.chain()),
            "look for a tag or a region that changed, or expect less",
        ),
    }
}

/// What to do about a fault.
fn cure(fault: &Fault, account: &Account, task: Option<&TaskName>) -> String {
    let own = match &account.role {
        Some(_) => format!("lamplighter policy member --account {}", account.name),
        None => "lamplighter policy hub".to_owned(),
    };
    match (fault.kind, task) {
        _ if fault.code.as_deref() == Some("AuthFailure") => {
            "enable the region in the account, or take it out of the configuration".to_owned()
        }
        (FaultKind::Permission, None) => {
            format!(
                "compare the role and whom it trusts with `{own}`, and the hub's own role with \
                     `lamplighter policy hub`"
            )
        }
        (FaultKind::Permission, Some(_)) => format!("give the role what `{own}` prints"),
        (FaultKind::Config, _) => "correct the configuration".to_owned(),
        (FaultKind::Refused, Some(task)) => {
            format!("look at `lamplighter plan {task}`, and change its guards if that is right")
        }
        (FaultKind::Throttled | FaultKind::Transient, _) => {
            "try again; if it stays so, look at the network and at the health of AWS".to_owned()
        }
        (FaultKind::Permanent | FaultKind::Refused, _) => {
            "look at the account in the console of AWS".to_owned()
        }
    }
}

fn list(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
