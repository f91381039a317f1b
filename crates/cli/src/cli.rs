//! The command line, as clap reads it. The doc comments are the help texts.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use lamplighter_core::{RunId, TaskName, job::State};

use crate::{globals::Globals, lambda, worker::Ticks};

/// What a program without AWS says of itself.
pub(crate) const WITHOUT_AWS: &str = "`lamplighter-offline` is built without the AWS SDK and \
    cannot work in AWS accounts; the whole program can: `cargo install --path crates/lamplighter \
    --locked`";

/// Makes the rounds of an organization's AWS accounts: backups and clean-up, the same task in
/// every account and region, every one accounted for.
#[derive(Debug, Parser)]
#[command(
    name = "lamplighter",
    bin_name = "lamplighter",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a small, commented configuration
    Init {
        /// Where to
        #[arg(default_value = "config")]
        dir: PathBuf,
    },
    /// Check the configuration and show every problem with its place
    Check,
    /// List the actions, or show the reference of one
    Actions {
        /// The action, such as `ebs.snapshot.create`
        name: Option<String>,
    },
    /// Print the JSON Schema of the configuration, for editors
    Schema {
        /// That of files with tests of tasks
        #[arg(long)]
        tests: bool,
    },
    /// Show what runs when
    Calendar(CalendarArgs),
    /// Show the next instants of a cron expression
    Schedule(ScheduleArgs),
    /// Test tasks on a simulated cloud, in virtual time
    Test(TestArgs),
    /// Explain a retention policy over a list of backups, without touching AWS
    Retention(RetentionArgs),
    /// Print least-privilege IAM roles, made from what the tasks need
    #[command(subcommand)]
    Policy(PolicyCommand),
    #[command(flatten)]
    InAws(InAws),
    /// Show Lamplighter at work in a made-up organization: nothing to install, nothing left behind
    Demo(DemoArgs),
    /// Run the configuration in virtual time, on a simulated organization
    Simulate(SimulateArgs),
    /// Show the history of runs
    Runs(RunsArgs),
    /// Show jobs: what was done to which target, and why not
    Jobs(JobsArgs),
    /// Show what should have happened and has not
    Missed {
        /// How far to look back, such as `7d` or `36h`
        #[arg(long, value_name = "SPAN", default_value = "7d")]
        since: String,
    },
}

/// The commands that work in AWS accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum InAws {
    /// Show what tasks would do to which targets and why, without one writing call
    Plan(PlanArgs),
    /// Do exactly what a saved plan says; refuse targets that changed since
    Apply {
        /// The plan, as `plan --out` wrote it
        file: PathBuf,
        #[command(flatten)]
        work: WorkArgs,
    },
    /// Run tasks now, to the end
    Run(RunArgs),
    /// Run tasks at their times until stopped
    Serve(WorkArgs),
    /// Check that every account can be entered, that the permissions are there, and what each task
    /// would do now
    Doctor,
    /// Show where a backup comes from, where its copies are, and what was decided about it and why
    Explain(ExplainArgs),
    /// Work from a queue that other hosts share, until stopped
    Worker(WorkerArgs),
    /// Be an AWS Lambda function: Lambda starts it so
    #[command(name = lambda::COMMAND, hide = true)]
    Lambda,
}

impl Cli {
    /// Whether it goes on until it is stopped, and its log is all that is seen of it.
    pub(crate) fn is_host(&self) -> bool {
        let Command::InAws(command) = &self.command else { return false };
        matches!(command, InAws::Serve(_) | InAws::Worker(_) | InAws::Lambda)
    }
}

/// Reads arguments. Ends the process when they cannot be, and when they ask for help.
pub(crate) fn with_aws(arguments: Vec<OsString>) -> Cli {
    read(Cli::command(), arguments)
}

/// The same without AWS: the help does not show what works there.
pub(crate) fn without_aws(arguments: Vec<OsString>) -> Cli {
    let in_aws = InAws::augment_subcommands(clap::Command::default());
    let hidden = in_aws.get_subcommands().map(|it| it.get_name().to_owned());
    let all = Cli::command().after_help(WITHOUT_AWS);
    let shown = hidden.fold(all, |all, name| all.mut_subcommand(name, |it| it.hide(true)));
    read(shown, arguments)
}

fn read(command: clap::Command, arguments: Vec<OsString>) -> Cli {
    let matches = command.get_matches_from(arguments);
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The backup, or what it is a backup of: its id, or its ARN
    #[arg(value_name = "ID|ARN")]
    pub(crate) resource: String,
    /// How far back to look for decisions, such as `7d` or `36h`
    #[arg(long, value_name = "SPAN", default_value = "30d")]
    pub(crate) since: String,
}

#[derive(Debug, Args)]
pub(crate) struct CalendarArgs {
    /// How many days
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub(crate) days: u32,
    /// From when on: RFC 3339, or a date. Default: now
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = CalendarFormat::Table)]
    pub(crate) format: CalendarFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CalendarFormat {
    /// For people
    Table,
    /// For programs; the same as `--json`
    Json,
    /// For calendar applications
    Ics,
}

#[derive(Debug, Args)]
pub(crate) struct ScheduleArgs {
    /// Five fields, or a macro such as `@daily`
    #[arg(allow_hyphen_values = true)]
    pub(crate) cron: String,
    /// The IANA zone the expression is read in
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) time_zone: String,
    /// Instants strictly after this: RFC 3339, or a local date or time. Default: now
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) count: u32,
}

#[derive(Debug, Args)]
pub(crate) struct RetentionArgs {
    /// The policy: `{keep: {daily: 7, …}, floor: 1}`, as YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: PathBuf,
    /// The backups: a list of `{id, source, taken-at, state}`, as YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) backups: PathBuf,
    /// The instant to decide for: RFC 3339. Default: now
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// The role that Lamplighter itself runs as
    Hub(HubArgs),
    /// The role that it assumes in a member account
    Member(MemberArgs),
}

#[derive(Debug, Args)]
pub(crate) struct HubArgs {
    #[command(flatten)]
    pub(crate) roles: RolesArgs,
    /// What it runs on
    #[arg(long, value_enum, default_value_t = HostName::Lambda)]
    pub(crate) host: HostName,
    /// The region of the journal's table and of the logs. Default: the queue's, or any
    #[arg(long, value_name = "REGION", env = "AWS_REGION")]
    pub(crate) region: Option<String>,
    /// The log group of the Lambda function
    #[arg(long, value_name = "NAME", default_value = "/aws/lambda/lamplighter")]
    pub(crate) log_group: String,
}

#[derive(Debug, Args)]
pub(crate) struct MemberArgs {
    #[command(flatten)]
    pub(crate) roles: RolesArgs,
    /// Of this account, by its name or id. Default: one role that fits all member accounts
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// Let the hub in only as a part of this organization, such as `o-exampleorgid`
    #[arg(long, value_name = "ID")]
    pub(crate) organization: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RolesArgs {
    /// For this task only; may be given several times. Default: all that are enabled
    #[arg(long = "task", value_name = "TASK")]
    pub(crate) tasks: Vec<TaskName>,
    /// What Lamplighter runs as: the ARN of a role, or the id of its account, where the role is
    /// called `lamplighter-hub`. Default: that role in the account that has no `role`
    #[arg(long, value_name = "ARN")]
    pub(crate) hub: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = PolicyFormat::Json)]
    pub(crate) format: PolicyFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyFormat {
    /// The trust policy and the permissions policy of the role
    Json,
    /// A template with the role
    Cloudformation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostName {
    /// A Lambda function
    Lambda,
    /// Tasks of ECS
    Ecs,
    /// A machine of EC2
    Ec2,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The files of tests; default: all `*.test.yaml` of the configuration
    pub(crate) files: Vec<PathBuf>,
    /// Only tests that have this text in their name
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Write the verdicts as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The tasks
    #[arg(required = true)]
    pub(crate) tasks: Vec<TaskName>,
    /// The occurrence to plan for: RFC 3339. Default: now
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Save the plan, for `apply`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The tasks
    #[arg(required = true)]
    pub(crate) tasks: Vec<TaskName>,
    /// The occurrence to run: RFC 3339. Each occurrence runs once, ever. Default: now
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct WorkArgs {
    /// Steps taken at the same time
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    /// Look at the clock as well: once a minute, unless another host has. Not needed where a
    /// schedule of EventBridge does so
    #[arg(long)]
    tick: bool,
}

impl WorkerArgs {
    /// Who looks at the clock.
    pub(crate) fn ticks(self) -> Ticks {
        if self.tick { Ticks::EachMinute } else { Ticks::Elsewhere }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Write the demo's configuration, fleet and faults to a directory, for `simulate`
    #[arg(long, value_name = "DIR")]
    pub(crate) write: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// What is in the accounts. Default: a fleet that is made for the configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) fleet: Option<PathBuf>,
    /// What goes wrong. Default: nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// How many days
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3660))]
    pub(crate) days: u32,
    /// From when on: RFC 3339, or a date. Default: the fleet's `begin`, or now
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// What luck is drawn from: the same files and seed give the same days
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Workers, each with one step at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: u16,
    /// Write every call to a file, as lines of JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) trail: Option<PathBuf>,
    /// Afterwards be an AWS end point on this port of 127.0.0.1, until stopped; 0 is any free one
    #[arg(long, value_name = "PORT")]
    pub(crate) serve: Option<u16>,
    /// How fast its clock goes on, as a multiple of real time
    #[arg(long, value_name = "X", default_value_t = 1.0, requires = "serve", value_parser = speed)]
    pub(crate) speed: f64,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|it| (0.0..=1_000_000.0).contains(it));
    speed.ok_or_else(|| "expected a number from 0 to 1000000".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// Of this task only
    #[arg(long, value_name = "TASK")]
    pub(crate) task: Option<TaskName>,
    /// How many, the newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct JobsArgs {
    /// Of this run only, such as `nightly-backup@2026-03-29T02:00:00Z`; default: the latest run
    /// of each task
    pub(crate) run: Option<RunId>,
    /// Of this task only: all its runs
    #[arg(long, value_name = "TASK", conflicts_with = "run")]
    pub(crate) task: Option<TaskName>,
    /// In this state only
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub(crate) state: Option<State>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) limit: usize,
}

fn state(text: &str) -> Result<State, String> {
    let states = [State::Open, State::Succeeded, State::Failed, State::Skipped, State::Stopped];
    states.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
        let names: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}
