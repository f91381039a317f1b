//! `policy`: least-privilege IAM roles, made from what the tasks need.

use lamplighter_catalog::ACTIONS;
use lamplighter_config::{Account, Accounts, Config, Role as AccountRole, Secret};
use lamplighter_core::{AccountId, Fault, task::Task};
use lamplighter_policy::{
    Backends, Host, MOST_CHARACTERS, Policy, Role, Tasks, Trust, partition, partition_of,
};

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
    let tasks = of(config, &tasks);
    let policy = tasks.hub(&account, &backends)?;
    Ok(Role { name, trust: Trust::Service(host), policy })
}

fn member(config: &Config, args: &MemberArgs) -> Result<Role, Failure> {
    let tasks = chosen(config, &args.roles)?;
    let tasks = of(config, &tasks);
    let members: Vec<Member<'_>> = members(config).collect();
    let (members, policy) = match &args.account {
        Some(name) => {
            let member = members.iter().find(|it| it.is_called(name));
            let member = *member.ok_or_else(|| no_member(name, &members))?;
            (vec![member], member.policy(&tasks)?)
        }
        None => {
            let policy = tasks.members()?;
            note_differences(&tasks, &members)?;
            (members, policy)
        }
    };
    let (hub, hub_name) = hub_role(config, &args.roles)?;
    let partition = members.first().map_or("aws", Member::partition);
    let principal = match &args.roles.hub {
        Some(arn) if arn.starts_with("arn:") => arn.clone(),
        _ => format!("arn:{partition}:iam::{hub}:role/{hub_name}"),
    };
    let external_ids = members.iter().filter_map(Member::external_id);
    let trust = Trust::Hub {
        principal,
        external_ids: external_ids.map(|it| it.expose().to_owned()).collect(),
        organization: args.organization.clone(),
    };
    let name = members.first().and_then(Member::role).map_or(MEMBER_ROLE, role_name);
    Ok(Role { name: name.to_owned(), trust, policy })
}

fn of<'c>(config: &'c Config, tasks: &'c [&'c Task]) -> Tasks<'c> {
    Tasks { catalog: ACTIONS, tasks, accounts: &config.accounts, groups: &config.groups }
}

/// An account with a role, or all accounts of a part of the organization.
#[derive(Clone, Copy)]
enum Member<'c> {
    Account(&'c Account),
    Group(&'c Accounts),
}

fn members(config: &Config) -> impl Iterator<Item = Member<'_>> {
    let accounts = config.accounts.iter().filter(|it| it.role.is_some()).map(Member::Account);
    accounts.chain(config.groups.iter().map(Member::Group))
}

impl<'c> Member<'c> {
    fn name(&self) -> &'c str {
        match self {
            Member::Account(account) => &account.name,
            Member::Group(accounts) => &accounts.group.name,
        }
    }

    fn is_called(&self, name: &str) -> bool {
        self.name() == name
            || matches!(self, Member::Account(account) if account.id.as_str() == name)
    }

    fn role(&self) -> Option<&'c AccountRole> {
        match self {
            Member::Account(account) => account.role.as_ref(),
            Member::Group(accounts) => Some(&accounts.role),
        }
    }

    fn external_id(&self) -> Option<&'c Secret> {
        match self {
            Member::Account(account) => account.external_id.as_ref(),
            Member::Group(accounts) => accounts.external_id.as_ref(),
        }
    }

    fn partition(&self) -> &'c str {
        match self {
            Member::Account(account) => partition(account),
            Member::Group(accounts) => partition_of(&accounts.group.regions).unwrap_or("aws"),
        }
    }

    fn policy(&self, tasks: &Tasks<'_>) -> Result<Policy, Fault> {
        match self {
            Member::Account(account) => tasks.member(account),
            Member::Group(accounts) => tasks.group(accounts),
        }
    }
}

/// One role for all members may do what any of them needs.
fn note_differences(tasks: &Tasks<'_>, members: &[Member<'_>]) -> Result<(), Failure> {
    let each: Vec<Policy> =
        members.iter().map(|it| it.policy(tasks)).collect::<Result<Vec<_>, _>>()?;
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

fn no_member(name: &str, members: &[Member<'_>]) -> Failure {
    let known: Vec<&str> = members.iter().map(Member::name).collect();
    let known = match known.as_slice() {
        [] => "none has a `role`".to_owned(),
        known => format!("there are: {}", known.join(", ")),
    };
    Failure::usage(format!("no account `{name}` with a `role` in the configuration; {known}"))
}
