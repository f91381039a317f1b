//! The scripts that make a set application-consistent, as an instance runs them.
//!
//! Whatever becomes of this program, what is frozen thaws: the freezing script leaves a process
//! behind that runs the thawing one when its time is over. Who makes the directory `thawing` first
//! thaws, and nobody else.

use std::time::Duration;

use lamplighter_core::{
    JobId,
    action::BadParams,
    cloud::{
        instances::Instance,
        ssm::{Document, NewCommand},
    },
    length::Length,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Where scripts are kept: in memory, so that it can be read whatever is frozen.
const DIRECTORY: &str = "/run/lamplighter";
/// What ends a script in the script around it.
const END: &str = "LAMPLIGHTER-END-OF-SCRIPT";
/// The thaw found that it had happened by itself.
pub(super) const THAWED_BEFORE: i32 = 203;
/// The thaw is still under way after a minute.
const NOT_THAWED: i32 = 206;
/// The thaw found nothing frozen.
pub(super) const NEVER_FROZEN: i32 = 205;
/// How long something may be frozen at the most, in minutes.
const LONGEST: u32 = 10;

/// Scripts that an instance runs around the moment of its snapshots, through SSM Run Command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Scripts {
    /// What `sh` runs as root before the snapshots are taken. It flushes and freezes what writes,
    /// and ends with 0 if it has. It must not freeze the root file system.
    freeze: String,
    /// What `sh` runs as root when they are taken, whatever has happened. It ends with 0 if all is
    /// as before.
    thaw: String,
    /// After how long `thaw` runs by itself, in case nobody asks for it: `1m` to `10m`. Snapshots
    /// that were taken later are not application-consistent.
    #[serde(default = "a_minute")]
    thaw_after: Length,
}

fn a_minute() -> Length {
    Length::try_from("1m".to_owned()).expect("it is a length")
}

impl Scripts {
    pub(super) fn check(&self) -> Result<(), BadParams> {
        let bad = |key: &str, message: String| {
            Err(BadParams { path: format!("quiesce.scripts.{key}"), message })
        };
        for (key, script) in [("freeze", &self.freeze), ("thaw", &self.thaw)] {
            if script.trim().is_empty() {
                return bad(key, "there is nothing to run".to_owned());
            }
            if script.lines().any(|it| it == END) {
                return bad(key, format!("no line may be `{END}`"));
            }
        }
        match self.thaw_after.minutes() <= LONGEST {
            true => Ok(()),
            false => {
                bad("thaw-after", format!("nothing is frozen for more than {LONGEST} minutes"))
            }
        }
    }

    /// After how long it thaws by itself.
    pub(super) fn thaw_after(&self) -> Duration {
        Duration::from_secs(u64::from(self.thaw_after.minutes()) * 60)
    }

    /// Freezes, for the so-manieth time in this job.
    pub(super) fn freezing(&self, job: &JobId, round: u32, instance: &Instance) -> NewCommand {
        let Scripts { freeze, thaw, .. } = self;
        let seconds = self.thaw_after().as_secs();
        let script = format!(
            r#"set -u
mkdir -p {DIRECTORY} && chmod 700 {DIRECTORY} || exit 201
d={DIRECTORY}/{name}
mkdir "$d" || exit 204
cat > "$d/thaw" <<'{END}'
{thaw}
{END}
cat > "$d/freeze" <<'{END}'
{freeze}
{END}
setsid sh -c 'sleep {seconds}; mkdir "$1/thawing" 2>/dev/null || exit 0; : > "$1/late"; sh "$1/thaw"' sh "$d" </dev/null >/dev/null 2>&1 &
sh "$d/freeze"
"#,
            name = name(job, round),
        );
        command(instance, script, "freezes")
    }

    /// Thaws what was frozen for the so-manieth time in this job, however often it is asked. What
    /// was not frozen yet will not be.
    pub(super) fn thawing(&self, job: &JobId, round: u32, instance: &Instance) -> NewCommand {
        let script = format!(
            r#"set -u
mkdir -p {DIRECTORY} && chmod 700 {DIRECTORY} || exit 201
d={DIRECTORY}/{name}
mkdir "$d" 2>/dev/null
[ -e "$d/thaw" ] || exit {NEVER_FROZEN}
if mkdir "$d/thawing" 2>/dev/null; then sh "$d/thaw"; echo $? > "$d/code"; fi
n=0
until [ -e "$d/late" ] || [ -s "$d/code" ] || [ $n -ge 60 ]; do sleep 1; n=$((n + 1)); done
[ -e "$d/late" ] && exit {THAWED_BEFORE}
[ -s "$d/code" ] || exit {NOT_THAWED}
exit "$(cat "$d/code")"
"#,
            name = name(job, round),
        );
        command(instance, script, "thaws")
    }
}

fn command(instance: &Instance, script: String, what: &str) -> NewCommand {
    NewCommand {
        instance_id: instance.id.clone(),
        document: Document::Shell,
        parameters: [("commands", script)].into(),
        comment: format!("lamplighter {what} {}", instance.id),
    }
}

/// The name of a directory: unique for each job and round, and of harmless characters.
fn name(job: &JobId, round: u32) -> String {
    let harmless = |it: char| if it.is_ascii_alphanumeric() { it } else { '-' };
    let job: String = job.as_str().chars().map(harmless).collect();
    format!("{job}-{round}")
}
