//! `policy`: least-privilege IAM roles, made from what the tasks need.

use lamplighter_catalog::ACTIONS;
use lamplighter_config::{Account, Config, Role as AccountRole};
use lamplighter_core::{AccountId, task::Task};
use lamplighter_policy::{Backends, Host, MOST_CHARACTERS, Policy, Role, Tasks, Trust, partition};

use super::find;
use crate::{
    cli::{HostName, HubArgs, MemberArgs, PolicyCommand, PolicyFormat, RolesArgs},
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    output,
};

/// What Lamplighter's own role is called, unless somebody says otherwise. The templates in
/// `deploy/` call it so.
const HUB_ROLE: &str = "lamplighter-hub";
/// What members' roles are called when the configuration has none.
const MEMBER_ROLE: &str = "lamplighter-member";

pub(crate) fn run(globals: &Globals, command: &PolicyCommand) -> Result<Exit, Failure> {
    let config = configuration::load(&globals.config)?;
    let (role, format) = match command {
        PolicyCommand::Hub(args) => (hub(globals, &config, args)?, args.roles.format),
        PolicyCommand::Member(args) => (member(&config, args)?, args.roles.format),
    };
    warn(&role.policy)?;
    output::print_json(&match format {
        PolicyFormat::Json => role.documents(),
        PolicyFormat::Cloudformation => role.template(),
    })?;
    Ok(Exit::Fine)
}

/// Says on standard error what the policy does not.
fn warn(policy: &Policy) -> Result<(), Failure> {
    if policy.is_empty() {
        return Err(Failure::usage("no task needs anything there: there is no policy to print"));
    }
    let long = policy.characters();
    if long > MOST_CHARACTERS {
        output::note(&format!(
            "note: the policy has {long} characters, and AWS takes {MOST_CHARACTERS} of all inline \
             policies of a role: print it for fewer tasks (`--task`), and give them roles of their \
             own"
        ));
    } else if policy.is_shortened() {
        output::note(
            "note: the tags that tasks select by are left out of the policy: with them it would be \
             longer than AWS takes",
        );
    }
    Ok(())
}

fn hub(globals: &Globals, config: &Config, args: &HubArgs) -> Result<Role, Failure> {
    let tasks = chosen(config, &args.roles)?;
    let (account, name) = hub_role(config, &args.roles)?;
    let host = match args.host {
        HostName::Lambda => Host::Lambda,
        HostName::Ecs => Host::Ecs,
        HostName::Ec2 => Host::Ec2,
    };
    let bad = |flag: &str, bad| Failure::usage(format!("`{flag}`: {bad}"));
    let mut backends = Backends::none()
        .in_region(args.region.as_deref())
        .journal(&globals.journal)
        .map_err(|it| bad("--journal", it))?
        .queue(&globals.queue)
        .map_err(|it| bad("--queue", it))?;
    if host == Host::Lambda {
        backends = backends.logs(&args.log_group);
    }
    let tasks = Tasks { catalog: ACTIONS, tasks: &tasks, accounts: &config.accounts };
    let policy = tasks.hub(&account, &backends)?;
    Ok(Role { name, trust: Trust::Service(host), policy })
}

fn member(config: &Config, args: &MemberArgs) -> Result<Role, Failure> {
    let tasks = chosen(config, &args.roles)?;
    let tasks = Tasks { catalog: ACTIONS, tasks: &tasks, accounts: &config.accounts };
    let members: Vec<&Account> = config.accounts.iter().filter(|it| it.role.is_some()).collect();
    let (accounts, policy) = match &args.account {
        Some(name) => {
            let account = members
                .iter()
                .find(|it| it.name == *name || it.id.as_str() == name)
                .ok_or_else(|| no_member(name, &members))?;
            (vec![*account], tasks.member(account)?)
        }
        None => {
            let policy = tasks.members()?;
            note_differences(&tasks, &members)?;
            (members, policy)
        }
    };
    let (hub, hub_name) = hub_role(config, &args.roles)?;
    let partition = accounts.first().map_or("aws", |it| partition(it));
    let principal = match &args.roles.hub {
        Some(arn) if arn.starts_with("arn:") => arn.clone(),
        _ => format!("arn:{partition}:iam::{hub}:role/{hub_name}"),
    };
    let trust = Trust::Hub {
        principal,
        external_ids: accounts
            .iter()
            .filter_map(|it| it.external_id.as_ref())
            .map(|it| it.expose().to_owned())
            .collect(),
        organization: args.organization.clone(),
    };
    let name = accounts.first().and_then(|it| it.role.as_ref()).map_or(MEMBER_ROLE, role_name);
    Ok(Role { name: name.to_owned(), trust, policy })
}

/// One role for all members may do what any of them needs.
fn note_differences(tasks: &Tasks<'_>, members: &[&Account]) -> Result<(), Failure> {
    let each: Vec<Policy> =
        members.iter().map(|it| tasks.member(it)).collect::<Result<Vec<_>, _>>()?;
    if each.iter().any(|it| !it.allows_as(&each[0])) {
        output::note(
            "note: the accounts need different permissions, and this is all of them together; \
             `--account NAME` prints what one of them needs",
        );
    }
    Ok(())
}

/// The tasks that the roles are for.
fn chosen<'c>(config: &'c Config, args: &RolesArgs) -> Result<Vec<&'c Task>, Failure> {
    match args.tasks.as_slice() {
        [] => Ok(config.tasks.iter().filter(|it| it.enabled).collect()),
        names => names.iter().map(|name| find(config, name)).collect(),
    }
}

/// The account and the name of Lamplighter's own role.
fn hub_role(config: &Config, args: &RolesArgs) -> Result<(AccountId, String), Failure> {
    let Some(text) = &args.hub else {
        let mut own = config.accounts.iter().filter(|it| it.role.is_none());
        return match (own.next(), own.next()) {
            (Some(account), None) => Ok((account.id.clone(), HUB_ROLE.to_owned())),
            _ => Err(Failure::usage(
                "the configuration does not say which account Lamplighter runs in: name what it \
                 runs as with `--hub ARN`",
            )),
        };
    };
    let bad = || {
        Failure::usage(format!(
            "`--hub {text}`: expected the ARN of a role, such as \
             `arn:aws:iam::111122223333:role/lamplighter-hub`, or the id of an account"
        ))
    };
    if let Ok(account) = text.parse() {
        return Ok((account, HUB_ROLE.to_owned()));
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, resource] => {
            let (kind, name) = resource.split_once('/').ok_or_else(bad)?;
            let account = account.parse().map_err(|_| bad())?;
            match kind {
                "role" | "user" if !name.is_empty() => Ok((account, name.to_owned())),
                _ => Err(bad()),
            }
        }
        _ => Err(bad()),
    }
}

fn role_name(role: &AccountRole) -> &str {
    match role {
        AccountRole::Name(name) => name,
        AccountRole::Arn(arn) => arn.split_once(":role/").map_or(arn, |(_, name)| name),
    }
}

fn no_member(name: &str, members: &[&Account]) -> Failure {
    let known: Vec<&str> = members.iter().map(|it| it.name.as_str()).collect();
    let known = match known.as_slice() {
        [] => "none has a `role`".to_owned(),
        known => format!("there are: {}", known.join(", ")),
    };
    Failure::usage(format!("no account `{name}` with a `role` in the configuration; {known}"))
}
