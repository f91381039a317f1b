//! A role: who may assume it, and what it may do; as documents, and as a CloudFormation template.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{Host, Policy, grant::Conditions, grant::render_conditions};

/// A role that Lamplighter needs.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name, after its path if it has one: `ops/lamplighter-member`.
    pub name: String,
    /// Who may assume it.
    pub trust: Trust,
    /// What it may do.
    pub policy: Policy,
}

/// Who may assume a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Lamplighter, from its own account.
    Hub {
        /// The ARN of what it runs as.
        principal: String,
        /// What it has to bring as proof that it means this account: one of these.
        external_ids: BTreeSet<String>,
        /// The organization that it has to be in.
        organization: Option<String>,
    },
    /// A service of AWS that runs Lamplighter.
    Service(Host),
}

impl Role {
    /// Both documents, each as IAM takes it.
    pub fn documents(&self) -> Value {
        json!({
            "role": self.name,
            "trust-policy": self.trust.document(),
            "permissions-policy": self.policy.document(),
        })
    }

    /// A CloudFormation template with the role. What differs between accounts, and the external id,
    /// which is a secret, are parameters.
    pub fn template(&self) -> Value {
        let (path, name) = match self.name.rsplit_once('/') {
            Some((path, name)) => (Some(format!("/{path}/")), name),
            None => (None, self.name.as_str()),
        };
        let mut parameters = json!({
            "RoleName": {
                "Type": "String",
                "Description": "The role, as Lamplighter's configuration calls it.",
                "Default": name,
            },
        });
        parameters.as_object_mut().into_iter().for_each(|it| it.extend(self.trust.parameters()));
        let mut properties = json!({
            "RoleName": {"Ref": "RoleName"},
            "Description": match self.trust {
                Trust::Hub { .. } => "Assumed by Lamplighter from its hub account",
                Trust::Service(_) => "Lamplighter itself",
            },
            "AssumeRolePolicyDocument": self.trust.in_template(),
        });
        if let Some(path) = path {
            properties["Path"] = json!(path);
        }
        if !self.policy.is_empty() {
            properties["Policies"] = json!([{
                "PolicyName": "lamplighter",
                "PolicyDocument": self.policy.in_template(),
            }]);
        }
        json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": "A role of Lamplighter, with what its tasks need and no more.",
            "Parameters": parameters,
            "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}},
            "Outputs": {
                "RoleArn": {"Description": "The role", "Value": {"Fn::GetAtt": ["Role", "Arn"]}},
            },
        })
    }
}

impl Trust {
    fn document(&self) -> Value {
        match self {
            Trust::Hub { principal, external_ids, .. } => {
                let ids: Vec<&String> = external_ids.iter().collect();
                let id = match ids.as_slice() {
                    [] => None,
                    [one] => Some(json!(one)),
                    several => Some(json!(several)),
                };
                self.statement(json!({"AWS": principal}), id)
            }
            Trust::Service(host) => self.statement(json!({"Service": host.service()}), None),
        }
    }

    fn in_template(&self) -> Value {
        match self {
            Trust::Hub { external_ids, .. } => {
                let id = (!external_ids.is_empty()).then(|| json!({"Ref": "ExternalId"}));
                self.statement(json!({"AWS": {"Ref": "HubPrincipal"}}), id)
            }
            Trust::Service(_) => self.document(),
        }
    }

    fn statement(&self, principal: Value, external_id: Option<Value>) -> Value {
        let mut conditions = Conditions::new();
        if let Trust::Hub { organization: Some(id), .. } = self {
            let key = ("StringEquals", "aws:PrincipalOrgID".to_owned());
            conditions.insert(key, BTreeSet::from([id.clone()]));
        }
        let mut rendered = render_conditions(&conditions);
        if let Some(id) = external_id {
            rendered["StringEquals"]["sts:ExternalId"] = id;
        }
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": principal,
            "Action": "sts:AssumeRole",
        });
        if rendered.as_object().is_some_and(|it| !it.is_empty()) {
            statement["Condition"] = rendered;
        }
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }

    fn parameters(&self) -> Map<String, Value> {
        let mut parameters = Map::new();
        let Trust::Hub { principal, external_ids, .. } = self else { return parameters };
        let hub = json!({
            "Type": "String",
            "Description": "ARN of what Lamplighter runs as, in the hub account.",
            "Default": principal,
            "AllowedPattern": r"^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+$",
        });
        parameters.insert("HubPrincipal".to_owned(), hub);
        if !external_ids.is_empty() {
            let id = json!({
                "Type": "String",
                "Description": "The external-id of the account in Lamplighter's configuration.",
                "NoEcho": true,
                "MinLength": 2,
                "MaxLength": 1224,
                "AllowedPattern": r"^[\w+=,.@:/-]+$",
            });
            parameters.insert("ExternalId".to_owned(), id);
        }
        parameters
    }
}
