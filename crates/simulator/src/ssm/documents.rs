//! The documents that are here. Source: Systems Manager User Guide, "SSM Command document plugin
//! reference"; each document's own page.

use std::collections::BTreeMap;

use crate::{ec2::instances::Platform, refusal::Refusal};

/// A document of AWS.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) name: &'static str,
    /// Its steps. Of more than one, who asks for the outcome must say which he means.
    pub(super) steps: &'static [&'static str],
    /// What it runs on.
    pub(super) platform: Platform,
    required: Option<&'static str>,
    optional: &'static [&'static str],
}

/// Has Windows take snapshots of its volumes.
pub(super) const VSS: &str = "AWSEC2-VssInstallAndSnapshot";
const DOCUMENTS: &[Document] = &[
    Document {
        name: "AWS-RunShellScript",
        steps: &["aws:runShellScript"],
        platform: Platform::Linux,
        required: Some("commands"),
        optional: &["workingDirectory", "executionTimeout"],
    },
    // Source: EC2 User Guide, "Use Systems Manager command documents to create VSS based
    // snapshots".
    Document {
        name: VSS,
        steps: &["runPowerShellScript", "CreateVssSnapshot"],
        platform: Platform::Windows,
        required: None,
        optional: &[
            "AmiName",
            "CollectDiagnosticLogs",
            "CopyOnly",
            "CreateAmi",
            "ExcludeBootVolume",
            "NoWriters",
            "SaveVssMetadata",
            "VssVersion",
            "description",
            "executionTimeout",
            "tags",
        ],
    },
];

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
        let is_known = |it: &str| self.required == Some(it) || self.optional.contains(&it);
        let missing = |it: &&str| parameters.get(*it).is_none_or(Vec::is_empty);
        let bad = |message: String| Err(Refusal::new("InvalidParameters", message));
        if let Some(other) = parameters.keys().find(|it| !is_known(it)) {
            return bad(format!("Parameter \"{other}\" is not defined in the document."));
        }
        match self.required.filter(missing) {
            Some(it) => bad(format!("Parameter \"{it}\" requires a value.")),
            None => Ok(()),
        }
    }
}
