//! `ec2.instance.power`: makes a fleet follow the periods of a timetable.
//!
//! Idempotency: *converging*. Each run looks at what every instance is and should be at that
//! instant, and switches those that differ. It remembers nothing from one run to the next: a
//! start that failed is tried again by the next run, and a run that was missed changes nothing in
//! the end.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, PlanCx},
    cloud::instances::Instance,
    power::{self, Decision, Manual, Period, Power, Seen, Switch, Timetable},
    schedule::Zone,
    tagging::check_key,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{look, out_of_bounds},
    halt::{Halt, Halted, Hibernate},
    launch::{Launch, Launched, Record},
    stop::cannot_stop,
};

/// Parameters of `ec2.instance.power`. The task's schedule says how often it looks; every few
/// minutes is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(from = "Written")]
#[schemars(with = "Written")]
pub struct Params {
    timetable: Timetable,
    manual_start: Manual,
    manual_stop: Manual,
    override_tag: String,
    hibernate: Hibernate,
}

/// Parameters of `ec2.instance.power`. The task's schedule says how often it looks; every few
/// minutes is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "Params")]
struct Written {
    /// The periods in which the fleet runs, by name. Outside of all it is stopped.
    periods: BTreeMap<String, Period>,
    /// Whose clock the periods follow, such as `Europe/Madrid`. A time that the clock jumps over
    /// has come at the first instant after; one that it shows twice has come the first time.
    #[serde(default)]
    time_zone: Zone,
    /// What becomes of an instance that somebody has started outside of the periods: `respect`
    /// leaves it until the next period has ended, `enforce` stops it.
    #[serde(default)]
    manual_start: Manual,
    /// What becomes of an instance that somebody has stopped in a period: `respect` leaves it
    /// until the next period begins, `enforce` starts it.
    #[serde(default)]
    manual_stop: Manual,
    /// The tag of an instance that says something else for a while: `running until
    /// 2026-11-24T08:00`, `stopped until …`, or `as-is until …`, in which it is left alone. Times
    /// without an offset are those of `time-zone`. Without such a tag, or when its time has come,
    /// the periods hold.
    #[serde(default = "default_tag")]
    override_tag: String,
    /// Whether an instance that is stopped keeps its memory, on its root volume.
    #[serde(default)]
    hibernate: Hibernate,
}

fn default_tag() -> String {
    "power".to_owned()
}

impl From<Written> for Params {
    fn from(it: Written) -> Params {
        Params {
            timetable: Timetable { periods: it.periods, time_zone: it.time_zone },
            manual_start: it.manual_start,
            manual_stop: it.manual_stop,
            override_tag: it.override_tag,
            hibernate: it.hibernate,
        }
    }
}

/// What the job remembers: which way the instance is going.
#[derive(Debug, Serialize, Deserialize)]
pub struct Switching(Way);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Way {
    /// It is to run.
    Up(Launch),
    /// It is to be stopped.
    Down(Halt),
}

/// `ec2.instance.power`: starts and stops each instance as its timetable says.
pub struct PowerInstance;

#[async_trait]
impl Action for PowerInstance {
    type Params = Params;
    type Target = Instance;
    type State = Switching;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "ec2.instance.power",
        summary: "Starts and stops each selected instance so that it runs in named periods.",
        permissions: &["ec2:StartInstances", "ec2:StopInstances", "kms:CreateGrant"],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        let bad = |path: &str, message: String| Err(BadParams { path: path.to_owned(), message });
        if let Err(message) = check_key(&params.override_tag) {
            return bad("override-tag", message);
        }
        match params.timetable.periods.is_empty() {
            true => bad("periods", "without a period nothing ever runs: name one".to_owned()),
            false => Ok(()),
        }
    }

    fn plan(params: &Params, cx: &PlanCx<'_>, found: &[Instance], _: &()) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it, cx.now)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
        state: Option<Switching>,
    ) -> Result<Progress<Switching>, Fault> {
        let it = look(cx, &target.id).await?;
        let state = match state {
            Some(state) => state,
            None => match begin(params, target, &it, cx.now) {
                Ok(state) => state,
                Err(why) => return Ok(Progress::Skipped(why)),
            },
        };
        match state.0 {
            Way::Up(launch) => start(cx, &it, launch).await,
            Way::Down(halt) => stop(cx, params, &it, halt).await,
        }
    }
}

fn judge(params: &Params, it: &Instance, now: Timestamp) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it) {
        return leave(reason);
    }
    let seen = Seen {
        switch: match it.state.as_str() {
            "running" => Switch::On,
            "stopped" => Switch::Off,
            "pending" | "stopping" => Switch::Between,
            state => return leave(format!("it is `{state}`")),
        },
        started_at: Some(it.launched_at),
        stopped_at: it.stopped_at,
        tag: params.tag_of(it),
    };
    let Params { timetable, manual_start, manual_stop, .. } = params;
    let kind = &it.instance_type;
    match power::decide(timetable, *manual_start, *manual_stop, &seen, now) {
        Decision::Leave(why) => leave(why),
        Decision::Start(why) => {
            Verdict::Act { effect: format!("start (`{kind}`)"), reason: Some(why) }
        }
        Decision::Stop(why) => match (cannot_stop(it), params.hibernate) {
            (Some(cannot), _) => leave(format!("{cannot}; {why}")),
            (None, Hibernate::Always) if !it.hibernation => {
                leave(format!("it was not launched so that it can hibernate; {why}"))
            }
            _ => Verdict::Act { effect: format!("stop (`{kind}`)"), reason: Some(why) },
        },
    }
}

/// Which way to go, when that is still wanted: the job may have waited.
fn begin(
    params: &Params,
    target: &Instance,
    it: &Instance,
    now: Timestamp,
) -> Result<Switching, String> {
    let wanted = power::wanted(&params.timetable, params.tag_of(it), now)?;
    match (target.state.as_str(), wanted.power) {
        ("stopped", Power::Running) => {
            let types = vec![target.instance_type.clone()];
            let launch = Launch::new(&target.instance_type, types, target.launched_at);
            Ok(Switching(Way::Up(launch)))
        }
        ("running", Power::Stopped) => Ok(Switching(Way::Down(Halt::default()))),
        _ => Err(format!("not any longer: {}", wanted.why)),
    }
}

async fn start(
    cx: &StepCx<'_>,
    it: &Instance,
    mut launch: Launch,
) -> Result<Progress<Switching>, Fault> {
    Ok(match launch.step(cx, it, Record::InJob).await? {
        Launched::Running => Progress::Done("started".to_owned()),
        Launched::Not(wait) => Progress::Again { state: Switching(Way::Up(launch)), wait },
        Launched::Refused(why) => Progress::Skipped(why),
        // The next run tries again, if it is still wanted then.
        Launched::Nowhere => return Err(Fault::permanent(launch.refusals())),
        Launched::Gone => Progress::Skipped(format!("it is `{}`", it.state)),
    })
}

async fn stop(
    cx: &StepCx<'_>,
    params: &Params,
    it: &Instance,
    mut halt: Halt,
) -> Result<Progress<Switching>, Fault> {
    Ok(match halt.step(cx, it, params.hibernate).await? {
        Halted::Stopped => Progress::Done("stopped".to_owned()),
        Halted::Not(wait) => Progress::Again { state: Switching(Way::Down(halt)), wait },
        Halted::Refused(why) => Progress::Skipped(why),
        Halted::Gone => Progress::Skipped(format!("it is `{}`", it.state)),
    })
}

impl Params {
    fn tag_of<'i>(&'i self, it: &'i Instance) -> Option<(&'i str, &'i str)> {
        let value = it.tags.get(&self.override_tag)?;
        Some((&self.override_tag, value))
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod week;
