//! EC2 and EBS in one place.

mod copies;
mod fast_restores;
mod images;
mod locks;
pub(crate) mod read;
mod sets;
mod tiers;
mod volumes;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ec2::{
    Client,
    config::{Builder, Config},
    operation::create_snapshot::builders::CreateSnapshotFluentBuilder,
    types::{self, Filter, ResourceType, Tag, TagSpecification},
};
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_types::retry::RetryConfig;
use lamplighter_core::{
    Fault, FaultKind, Place, Region, Tags,
    cloud::{
        Ec2, Page, PageToken,
        ec2::{DryRun, NewSnapshot, Snapshot, Volume},
    },
    select::{ServerFilter, TagFilter},
};

use crate::fault::Call;

/// Most resources on a page, the most that AWS gives. Without it, a call is unpaginated and
/// pays from a smaller bucket.
/// Source: EC2 developer guide, "Request throttling" and "Pagination".
pub(crate) const PAGE: i32 = 1_000;

/// EC2 and EBS, called with the credentials of one account in one region.
pub(crate) struct Ec2Client {
    pub(crate) client: Client,
    pub(crate) whom: String,
}

impl Ec2Client {
    /// A client for `place`. `whom` says whose credentials `config` has.
    pub(crate) fn new(config: &SdkConfig, place: &Place, whom: &str) -> Ec2Client {
        let Place { account, region } = place;
        let config = Builder::from(config)
            .region(aws_types::region::Region::new(region.to_string()))
            .retry_partition(RetryPartition::new(format!("ec2-{region}-{account}")));
        Ec2Client { client: Client::from_conf(config.build()), whom: format!("{whom} in {place}") }
    }

    /// The regions that are enabled in the account, sorted.
    pub(crate) async fn regions(&self) -> Result<Vec<Region>, Fault> {
        let call = self.call("listing the account's regions", "ec2:DescribeRegions");
        let answer = call.answer(self.client.describe_regions().send().await)?;
        let region = |found: &types::Region| {
            let name = found.region_name().unwrap_or_default();
            name.parse().map_err(|_| call.unreadable(&format!("the region `{name}`"), &answer))
        };
        let mut regions: Vec<Region> =
            answer.regions().iter().map(region).collect::<Result<_, _>>()?;
        regions.sort_unstable();
        Ok(regions)
    }

    /// The request for a new snapshot.
    fn creating(&self, new: &NewSnapshot) -> CreateSnapshotFluentBuilder {
        self.client
            .create_snapshot()
            .volume_id(&new.volume_id)
            .description(&new.description)
            .set_tag_specifications(tags_of(&[ResourceType::Snapshot], &new.tags))
    }

    fn call<'a>(&'a self, doing: &'a str, action: &'static str) -> Call<'a> {
        Call { doing, action, whom: &self.whom, cure: None }
    }
}

#[async_trait]
impl Ec2 for Ec2Client {
    async fn volumes(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Volume>, Fault> {
        let call = self.call("listing volumes", "ec2:DescribeVolumes");
        let request = self
            .client
            .describe_volumes()
            .set_filters(filters(filter, "volume-id"))
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.volumes().iter().map(read::volume).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn snapshots(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        let call = self.call("listing snapshots", "ec2:DescribeSnapshots");
        let request = self
            .client
            .describe_snapshots()
            // Without an owner AWS lists every public snapshot there is.
            .owner_ids("self")
            .set_filters(filters(filter, "snapshot-id"))
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.snapshots().iter().map(read::snapshot).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn create_snapshot(&self, new: &NewSnapshot) -> Result<Snapshot, Fault> {
        let doing = format!("creating a snapshot of `{}`", new.volume_id);
        let call = self.call(&doing, "ec2:CreateSnapshot");
        let request = self
            .creating(new)
            .customize()
            // Without a client token a second try may make a second snapshot.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()));
        let answer = call.answer(request.send().await)?;
        // It exists even if the answer cannot be read: whoever tries again finds it by its tags.
        read::created(&answer).map_err(|what| {
            let mut fault = call.unreadable(&what, &answer);
            fault.kind = FaultKind::Transient;
            fault
        })
    }

    async fn delete_snapshot(&self, id: &str) -> Result<(), Fault> {
        let doing = format!("deleting `{id}`");
        let call = self.call(&doing, "ec2:DeleteSnapshot");
        let request = self.client.delete_snapshot().snapshot_id(id);
        match call.answer(request.send().await) {
            Err(fault) if fault.code.as_deref() == Some("InvalidSnapshot.NotFound") => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    async fn dry_run(&self, call: DryRun<'_>) -> Result<(), Fault> {
        match call {
            DryRun::CreateSnapshot(new) => {
                let doing = format!("trying to create a snapshot of `{}`", new.volume_id);
                let call = self.call(&doing, "ec2:CreateSnapshot");
                tried(&call, call.answer(self.creating(new).dry_run(true).send().await))
            }
            DryRun::CreateSnapshots(new) => {
                let doing = format!("trying to create snapshots of `{}`", new.instance_id);
                let call = self.call(&doing, "ec2:CreateSnapshots");
                tried(&call, call.answer(self.creating_set(new).dry_run(true).send().await))
            }
            DryRun::DeleteSnapshot(id) => {
                let doing = format!("trying to delete `{id}`");
                let call = self.call(&doing, "ec2:DeleteSnapshot");
                let request = self.client.delete_snapshot().snapshot_id(id).dry_run(true);
                tried(&call, call.answer(request.send().await))
            }
        }
    }
}

/// What came of a dry run: that it would have succeeded is an error, too.
fn tried<T>(call: &Call<'_>, answer: Result<T, Fault>) -> Result<(), Fault> {
    match answer {
        Err(fault) if fault.code.as_deref() == Some("DryRunOperation") => Ok(()),
        Err(fault) => Err(fault),
        Ok(_) => Err(Fault::permanent(format!("{}: AWS did not take it as a dry run", call.doing))),
    }
}

fn tag((key, value): (&String, &String)) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// The tags of what a call makes, of each of these types.
pub(crate) fn tags_of(types: &[ResourceType], tags: &Tags) -> Option<Vec<TagSpecification>> {
    let tags_of: Vec<Tag> = tags.iter().map(tag).collect();
    let of = |it: &ResourceType| {
        let specification = TagSpecification::builder().resource_type(it.clone());
        specification.set_tags(Some(tags_of.clone())).build()
    };
    (!tags.is_empty()).then(|| types.iter().map(of).collect())
}

/// The filters of a request. That for ids has a name for each kind of resource.
pub(crate) fn filters(filter: &ServerFilter, ids_name: &str) -> Option<Vec<Filter>> {
    let filter_of = |it: &TagFilter| {
        Filter::builder().name(&it.name).set_values(Some(it.values.clone())).build()
    };
    let ids = filter.ids.iter();
    let ids = ids.map(|it| Filter::builder().name(ids_name).set_values(Some(it.clone())).build());
    let filters: Vec<Filter> = filter.tags.iter().map(filter_of).chain(ids).collect();
    (!filters.is_empty()).then_some(filters)
}

pub(crate) fn next(token: Option<&str>) -> Option<PageToken> {
    token.filter(|it| !it.is_empty()).map(|it| PageToken(it.to_owned()))
}

#[cfg(test)]
mod tests;
