//! `doctor`: what is wrong before it matters. Only looks and tries: it changes nothing.

mod examine;
mod finding;

use std::path::Path;

use self::{
    examine::examine,
    finding::{Finding, State},
};
use super::this_second;
use crate::{
    aws::Aws,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    output, state,
};

pub(crate) async fn run(globals: &Globals, aws: &dyn Aws) -> Result<Exit, Failure> {
    let config = configuration::load(&globals.config)?;
    let mut findings = vec![journal(globals, aws).await];
    findings.extend(queue(globals, aws).await);
    match aws.accounts(&config).await {
        Ok(accounts) => findings.extend(examine(&config, accounts, this_second()).await?),
        Err(fault) => findings.push(Finding::wrong(
            "credentials",
            fault.chain(),
            "give the process credentials and a region of AWS, by its usual variables or files",
        )),
    }
    if globals.json {
        output::print_json(&findings)?;
    } else {
        output::print(&as_text(&findings))?;
    }
    let well = findings.iter().all(|it| it.state != State::Wrong);
    Ok(if well { Exit::Fine } else { Exit::Failed })
}

/// Whether the journal can be read, and what it says of the last tick.
async fn journal(globals: &Globals, aws: &dyn Aws) -> Finding {
    const CHECK: &str = "journal";
    let url = &globals.journal;
    if let Some(file) = url.strip_prefix("sqlite:").map(Path::new)
        && !file.as_os_str().is_empty()
        && !file.exists()
    {
        let folder =
            file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return match folder.is_dir() {
            true => Finding::ok(CHECK, format!("`{url}` is made when something runs first")),
            false => Finding::wrong(
                CHECK,
                format!("`{url}`: there is no folder `{}`", folder.display()),
                "make the folder, or name another file with `--journal`",
            ),
        };
    }
    let cure = match url.starts_with("dynamodb:") {
        true => {
            "make the table as `deploy/hub.yaml` does, and give Lamplighter's role what \
             `lamplighter policy hub` prints"
        }
        false => {
            "name the journal with `--journal` or `LAMPLIGHTER_JOURNAL`, and let this user read \
             and write it"
        }
    };
    let journal = match state::open_history(globals, Some(aws)).await {
        Ok(journal) => journal,
        Err(failure) => return Finding::wrong(CHECK, failure.message, cure),
    };
    match journal.ticked().await {
        Ok(Some(at)) => Finding::ok(CHECK, format!("`{url}`; last ticked for {at}")),
        Ok(None) => Finding::ok(CHECK, format!("`{url}`; nothing has ticked yet")),
        Err(fault) => Finding::wrong(CHECK, format!("`{url}`: {}", fault.chain()), cure),
    }
}

/// Whether the queue that hosts share is there.
async fn queue(globals: &Globals, aws: &dyn Aws) -> Option<Finding> {
    const CHECK: &str = "queue";
    let url = globals.queue.strip_prefix("sqs:")?;
    Some(match aws.queue(url).await {
        Ok(_) => Finding::ok(CHECK, format!("`{url}`")),
        Err(fault) => Finding::wrong(
            CHECK,
            fault.chain(),
            "make the queue as `deploy/hub.yaml` does, and give Lamplighter's role what \
             `lamplighter policy hub` prints",
        ),
    })
}

fn as_text(findings: &[Finding]) -> String {
    let rows = findings.iter().map(|it| {
        let says = match &it.cure {
            Some(cure) => format!("{}\n=> {cure}", it.says),
            None => it.says.clone(),
        };
        let place = [it.account.clone(), it.region.as_ref().map(ToString::to_string)];
        vec![
            it.state.word().to_owned(),
            it.check.to_owned(),
            it.task.as_ref().map(ToString::to_string).unwrap_or_default(),
            place.into_iter().flatten().collect::<Vec<_>>().join("/"),
            says,
        ]
    });
    let table = output::table(&["", "check", "task", "where", "finding"], rows);
    let wrong = findings.iter().filter(|it| it.state == State::Wrong).count();
    let end = match wrong {
        0 => "nothing is wrong".to_owned(),
        1 => "1 thing is wrong".to_owned(),
        many => format!("{many} things are wrong"),
    };
    format!("{table}\n{end}")
}
