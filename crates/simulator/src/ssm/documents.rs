//! The documents that are here. Source: Systems Manager User Guide, "SSM Command document plugin
//! reference"; each document's own page.

use std::collections::BTreeMap;

use crate::{ec2::instances::Platform, refusal::Refusal};

/// A document of AWS.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) name: &'static str,
    /// Its only step.
    pub(super) plugin: &'static str,
    /// What it runs on.
    pub(super) platform: Platform,
    required: &'static str,
    optional: &'static [&'static str],
}

const DOCUMENTS: &[Document] = &[Document {
    name: "AWS-RunShellScript",
    plugin: "aws:runShellScript",
    platform: Platform::Linux,
    required: "commands",
    optional: &["workingDirectory", "executionTimeout"],
}];

/// The document of this name, if there is one.
pub(super) fn find(name: &str) -> Result<&'static Document, Refusal> {
    let found = DOCUMENTS.iter().find(|it| it.name == name);
    found.ok_or_else(|| {
        Refusal::new("InvalidDocument", format!("document {name} does not exist in your account"))
    })
}

impl Document {
    /// Refuses parameters that it does not have, and those that are missing.
    pub(super) fn check(&self, parameters: &BTreeMap<String, Vec<String>>) -> Result<(), Refusal> {
        let is_known = |it: &str| it == self.required || self.optional.contains(&it);
        let bad = |message: String| Err(Refusal::new("InvalidParameters", message));
        match parameters.keys().find(|it| !is_known(it)) {
            Some(other) => bad(format!("Parameter \"{other}\" is not defined in the document.")),
            None if parameters.get(self.required).is_none_or(Vec::is_empty) => {
                bad(format!("Parameter \"{}\" requires a value.", self.required))
            }
            None => Ok(()),
        }
    }
}
