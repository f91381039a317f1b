//! Resources, as policies name them.

use lamplighter_core::{AccountId, cloud::ssm::Document};
use serde_json::{Value, json};

use crate::table::Kind;

/// What a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    /// `*`.
    Any,
    /// The resources that an ARN with wildcards names.
    Arn {
        service: &'static str,
        /// A region, `*`, or nothing for what is in none.
        region: String,
        owner: Owner,
        rest: String,
    },
}

/// The account of an ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The ARN has none.
    Nobody,
    /// That of the role with the policy.
    Own,
    /// This one.
    Account(AccountId),
    /// Accounts that are not known when the policy is written.
    Any,
}

/// For whom a policy is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'a> {
    /// For an account, or for several of one partition.
    Json { partition: &'a str, account: Option<&'a AccountId> },
    /// For any account that a CloudFormation template is deployed to.
    Template,
}

impl Resource {
    /// All resources of a kind in the account of `owner`. Snapshots and images have no account in
    /// their ARNs.
    pub(crate) fn of(kind: Kind, owner: Owner) -> Resource {
        let (service, rest) = match kind {
            Kind::Any => return Resource::Any,
            Kind::Document(it) => return Resource::document(it),
            Kind::Volume => ("ec2", "volume/*"),
            Kind::Instance => ("ec2", "instance/*"),
            Kind::Snapshot => ("ec2", "snapshot/*"),
            Kind::OldSnapshot => ("ec2", "snapshot/snap-*"),
            Kind::Image => ("ec2", "image/*"),
            Kind::OldImage => ("ec2", "image/ami-*"),
            Kind::Database => ("rds", "db:*"),
            Kind::Cluster => ("rds", "cluster:*"),
            Kind::DatabaseSnapshot | Kind::OldDatabaseSnapshot => ("rds", "snapshot:*"),
            Kind::ClusterSnapshot | Kind::OldClusterSnapshot => ("rds", "cluster-snapshot:*"),
            Kind::OptionGroup => ("rds", "og:*"),
            Kind::Table => ("dynamodb", "table/*"),
            Kind::Backup => ("dynamodb", "table/*/backup/*"),
            Kind::ScalableTarget => ("application-autoscaling", "scalable-target/*"),
            Kind::Key => ("kms", "key/*"),
        };
        let owner = match kind {
            Kind::Snapshot | Kind::OldSnapshot | Kind::Image | Kind::OldImage => Owner::Nobody,
            _ => owner,
        };
        Resource::Arn { service, region: "*".to_owned(), owner, rest: rest.to_owned() }
    }

    /// A document of AWS, which is in no account.
    fn document(it: Document) -> Resource {
        let rest = format!("document/{}", it.name());
        Resource::Arn { service: "ssm", region: "*".to_owned(), owner: Owner::Nobody, rest }
    }

    pub(crate) fn render(&self, form: Form<'_>) -> Value {
        let Resource::Arn { service, region, owner, rest } = self else { return json!("*") };
        let arn = |partition: &str, own: &str| {
            let account = match owner {
                Owner::Nobody => "",
                Owner::Own => own,
                Owner::Account(id) => id.as_str(),
                Owner::Any => "*",
            };
            format!("arn:{partition}:{service}:{region}:{account}:{rest}")
        };
        match form {
            Form::Json { partition, account } => {
                json!(arn(partition, account.map_or("*", AccountId::as_str)))
            }
            Form::Template => json!({"Fn::Sub": arn("${AWS::Partition}", "${AWS::AccountId}")}),
        }
    }
}
