//! Instances in one place.

mod read;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_sdk_ec2::{
    Client,
    config::Config,
    types::{self, AttributeValue, Filter, InstanceAttributeName, ResourceType, Tag},
};
use aws_smithy_types::retry::RetryConfig;
use lamplighter_batch::{Desk, Refused};
use lamplighter_core::{
    Fault, Place, Tags,
    cloud::{
        Instances, Page, PageToken, Session,
        ec2::Image,
        instances::{self, Blame, Checks, Instance, InstanceType, NewImage, Stop},
    },
    select::ServerFilter,
};

use crate::{
    ec2::{Ec2Client, PAGE, filters, next, read::image, tags_of},
    fault::{Call, shared},
};

/// How long a call that starts or stops an instance waits for others: jobs of one run come at the
/// same time.
const WINDOW: Duration = Duration::from_millis(50);
/// Instances of one call. AWS takes more and advises fewer.
/// Source: EC2 API, `TerminateInstances`.
const MOST: usize = 50;
/// Types that one call may name. Source: EC2 API, `DescribeInstanceTypes`.
const MOST_TYPES: usize = 100;

/// Where calls meet that start or stop instances in one place with the same credentials.
pub(crate) type Switchboard = Desk<(Place, Session, Switch), Arc<Fault>>;

/// Nobody there yet.
pub(crate) fn switchboard() -> Switchboard {
    Desk::new(WINDOW, MOST)
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Switch {
    Start,
    Stop(Stop),
}

/// Instances, called with the credentials of one account in one region.
pub(crate) struct InstancesClient {
    client: Client,
    whom: String,
    place: Place,
    session: Session,
    switchboard: Arc<Switchboard>,
}

impl InstancesClient {
    /// The same client as for EC2, whose calls meet those of the same place and session.
    pub(crate) fn new(
        ec2: &Ec2Client,
        place: &Place,
        session: &Session,
        switchboard: &Arc<Switchboard>,
    ) -> InstancesClient {
        InstancesClient {
            client: ec2.client.clone(),
            whom: ec2.whom.clone(),
            place: place.clone(),
            session: session.clone(),
            switchboard: switchboard.clone(),
        }
    }

    fn call<'a>(&'a self, doing: &'a str, action: &'static str) -> Call<'a> {
        Call { doing, action, whom: &self.whom, cure: None }
    }

    /// Starts or stops an instance, in one call with others that come at the same time.
    async fn switch(&self, switch: Switch, id: &str) -> Result<(), Fault> {
        let key = (self.place.clone(), self.session.clone(), switch);
        let call = |ids: Vec<String>| async move {
            let answer = match switch {
                Switch::Start => self.start_all(&ids).await,
                Switch::Stop(how) => self.stop_all(&ids, how).await,
            };
            answer.map_err(|fault| match instances::blame(&fault, &ids) {
                Blame::Named(ids) => Refused::Named { ids, why: Arc::new(fault) },
                Blame::Someone => Refused::Someone(Arc::new(fault)),
                Blame::Nobody => Refused::Everyone(Arc::new(fault)),
            })
        };
        let doing = match switch {
            Switch::Start => format!("starting `{id}`"),
            Switch::Stop(_) => format!("stopping `{id}`"),
        };
        let answer = self.switchboard.join(key, id, call).await;
        answer.map_err(|fault| shared(&doing, &fault))
    }

    async fn start_all(&self, ids: &[String]) -> Result<(), Fault> {
        let doing = format!("starting {} instances", ids.len());
        let call = self.call(&doing, "ec2:StartInstances");
        let request = self.client.start_instances().set_instance_ids(Some(ids.to_vec()));
        call.answer(request.send().await).map(|_| ())
    }

    async fn stop_all(&self, ids: &[String], how: Stop) -> Result<(), Fault> {
        let doing = format!("stopping {} instances", ids.len());
        let call = self.call(&doing, "ec2:StopInstances");
        let request = self
            .client
            .stop_instances()
            .set_instance_ids(Some(ids.to_vec()))
            .set_hibernate((how == Stop::Hibernate).then_some(true));
        call.answer(request.send().await).map(|_| ())
    }

    /// Those of at most a hundred types that there are.
    async fn some_types(&self, names: &[String]) -> Result<Vec<InstanceType>, Fault> {
        let call = self.call("listing instance types", "ec2:DescribeInstanceTypes");
        let named = names.iter().map(|it| types::InstanceType::from(it.as_str())).collect();
        let request = self.client.describe_instance_types().set_instance_types(Some(named));
        match call.answer(request.send().await) {
            // One that there is not fails the call; a filter leaves it out.
            Err(fault) if fault.code.as_deref() == Some("InvalidInstanceType") => {}
            answer => {
                let answer = answer?;
                let types = answer.instance_types().iter().map(read::instance_type);
                let found: Result<Vec<_>, String> = types.collect();
                return found.map_err(|what| call.unreadable(&what, &answer));
            }
        }
        let filter = Filter::builder().name("instance-type").set_values(Some(names.to_vec()));
        let filter = filter.build();
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .describe_instance_types()
                .filters(filter.clone())
                .set_next_token(page.map(|it: PageToken| it.0));
            let answer = call.answer(request.send().await)?;
            for it in answer.instance_types() {
                found.push(read::instance_type(it).map_err(|it| call.unreadable(&it, &answer))?);
            }
            page = next(answer.next_token());
            if page.is_none() {
                return Ok(found);
            }
        }
    }
}

#[async_trait]
impl Instances for InstancesClient {
    async fn instances(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Instance>, Fault> {
        let call = self.call("listing instances", "ec2:DescribeInstances");
        let request = self
            .client
            .describe_instances()
            .set_filters(filters(filter, "instance-id"))
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let found = answer.reservations().iter().flat_map(|it| it.instances());
        let items = found.map(read::instance).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn instance(&self, id: &str) -> Result<Option<Instance>, Fault> {
        let call = self.call("looking at an instance", "ec2:DescribeInstances");
        // An id that there is not fails a call that names it; a filter leaves it out.
        let filter = Filter::builder().name("instance-id").values(id).build();
        let request = self.client.describe_instances().filters(filter);
        let answer = call.answer(request.send().await)?;
        let mut found = answer.reservations().iter().flat_map(|it| it.instances());
        let found = found.next().map(read::instance).transpose();
        found.map_err(|what| call.unreadable(&what, &answer))
    }

    async fn checks(&self, id: &str) -> Result<Checks, Fault> {
        let call = self.call("looking at status checks", "ec2:DescribeInstanceStatus");
        let request =
            self.client.describe_instance_status().instance_ids(id).include_all_instances(true);
        let answer = call.answer(request.send().await)?;
        Ok(answer.instance_statuses().first().map_or(Checks::Unknown, read::checks))
    }

    async fn types(&self, names: &BTreeSet<String>) -> Result<Vec<InstanceType>, Fault> {
        let names: Vec<String> = names.iter().cloned().collect();
        let mut found = Vec::new();
        for names in names.chunks(MOST_TYPES) {
            found.extend(self.some_types(names).await?);
        }
        Ok(found)
    }

    async fn start(&self, id: &str) -> Result<(), Fault> {
        self.switch(Switch::Start, id).await
    }

    async fn stop(&self, id: &str, how: Stop) -> Result<(), Fault> {
        self.switch(Switch::Stop(how), id).await
    }

    async fn reboot(&self, id: &str) -> Result<(), Fault> {
        let doing = format!("rebooting `{id}`");
        let call = self.call(&doing, "ec2:RebootInstances");
        let request = self
            .client
            .reboot_instances()
            .instance_ids(id)
            .customize()
            // A second try may be a second reboot.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()));
        call.answer(request.send().await).map(|_| ())
    }

    async fn set_type(&self, id: &str, instance_type: &str) -> Result<(), Fault> {
        let doing = format!("making `{id}` a `{instance_type}`");
        let call = self.call(&doing, "ec2:ModifyInstanceAttribute");
        let value = AttributeValue::builder().value(instance_type).build();
        let request = self.client.modify_instance_attribute().instance_id(id).instance_type(value);
        call.answer(request.send().await).map(|_| ())
    }

    async fn is_kept(&self, id: &str) -> Result<bool, Fault> {
        let doing = format!("looking at the termination protection of `{id}`");
        let call = self.call(&doing, "ec2:DescribeInstanceAttribute");
        let request = self
            .client
            .describe_instance_attribute()
            .instance_id(id)
            .attribute(InstanceAttributeName::DisableApiTermination);
        let answer = call.answer(request.send().await)?;
        // What cannot be read is kept.
        Ok(answer.disable_api_termination().and_then(|it| it.value()) != Some(false))
    }

    async fn terminate(&self, id: &str) -> Result<(), Fault> {
        let doing = format!("terminating `{id}`");
        let call = self.call(&doing, "ec2:TerminateInstances");
        let request = self.client.terminate_instances().instance_ids(id);
        match call.answer(request.send().await) {
            Err(fault) if fault.code.as_deref() == Some("InvalidInstanceID.NotFound") => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    async fn create_image(&self, new: &NewImage) -> Result<(), Fault> {
        let doing = format!("creating an image of `{}`", new.instance_id);
        let call = self.call(&doing, "ec2:CreateImage");
        let specifications = tags_of(&[ResourceType::Image, ResourceType::Snapshot], &new.tags);
        let request = self
            .client
            .create_image()
            .instance_id(&new.instance_id)
            .name(&new.name)
            .description(&new.description)
            .no_reboot(!new.reboot)
            .set_tag_specifications(specifications)
            .customize()
            // A second try would be told that the name is taken: by the first.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()));
        // Whoever goes on looks for it by its name.
        call.answer(request.send().await).map(|_| ())
    }

    async fn image_named(&self, name: &str) -> Result<Option<Image>, Fault> {
        let call = self.call("looking for an image by its name", "ec2:DescribeImages");
        let filter = Filter::builder().name("name").values(name).build();
        let request = self.client.describe_images().owners("self").filters(filter);
        let answer = call.answer(request.send().await)?;
        let found = answer.images().first().map(image).transpose();
        found.map_err(|what| call.unreadable(&what, &answer))
    }

    async fn tag(&self, id: &str, tags: &Tags) -> Result<(), Fault> {
        let doing = format!("tagging `{id}`");
        let call = self.call(&doing, "ec2:CreateTags");
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let tags = tags.iter().map(tag).collect();
        let request = self.client.create_tags().resources(id).set_tags(Some(tags));
        call.answer(request.send().await).map(|_| ())
    }

    async fn untag(&self, id: &str, keys: &[&str]) -> Result<(), Fault> {
        let doing = format!("untagging `{id}`");
        let call = self.call(&doing, "ec2:DeleteTags");
        // Without a value, whatever it is. Without any tag, all would go.
        let tags: Vec<Tag> = keys.iter().map(|key| Tag::builder().key(*key).build()).collect();
        if tags.is_empty() {
            return Ok(());
        }
        let request = self.client.delete_tags().resources(id).set_tags(Some(tags));
        call.answer(request.send().await).map(|_| ())
    }
}

#[cfg(test)]
mod tests;
