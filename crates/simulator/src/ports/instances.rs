//! The port of instances.

use std::collections::BTreeSet;

use async_trait::async_trait;
use lamplighter_core::{
    Fault, Tags,
    cloud::{
        Page, PageToken,
        instances::{Checks, Image, Instance, InstanceType, Instances, NewImage, Stop},
    },
    select::ServerFilter,
};

use super::Inside;
use crate::ec2::{
    filter::{self, Filter},
    images::{CreateImage, DescribeImages},
    instances::{
        DescribeInstanceAttribute, DescribeInstanceStatus, DescribeInstanceTypes,
        DescribeInstances, ModifyInstanceAttribute, RebootInstances, Reservations, StartInstances,
        StopInstances, TerminateInstances, Types, Valued, type_specifications,
    },
    listing,
    tagging::{CreateTags, DeleteTags},
    tags::{Tag, TagSpecification},
};

#[async_trait]
impl Instances for Inside {
    async fn instances(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Instance>, Fault> {
        let request = DescribeInstances {
            filter: filter::of_core(filter, "instance-id"),
            max_results: Some(listing::MOST),
            next_token: page.map(|it| it.0),
            ..DescribeInstances::default()
        };
        self.make(request, |it| Page {
            next: it.next_token.clone().map(PageToken),
            items: shown(it).collect(),
        })
        .await
    }

    async fn instance(&self, id: &str) -> Result<Option<Instance>, Fault> {
        let request = DescribeInstances {
            filter: vec![one("instance-id", id)],
            ..DescribeInstances::default()
        };
        self.make(request, |it| shown(it).next()).await
    }

    async fn checks(&self, id: &str) -> Result<Checks, Fault> {
        let request = DescribeInstanceStatus {
            instance_id: vec![id.to_owned()],
            include_all_instances: true,
            ..DescribeInstanceStatus::default()
        };
        let found = |it: &str| match it {
            "ok" => Checks::Passed,
            "initializing" => Checks::Initializing,
            "impaired" => Checks::Failed,
            _ => Checks::Unknown,
        };
        self.make(request, |it| {
            it.instance_status_set.first().map_or(Checks::Unknown, |it| found(it.found()))
        })
        .await
    }

    async fn types(&self, names: &BTreeSet<String>) -> Result<Vec<InstanceType>, Fault> {
        let names: Vec<String> = names.iter().cloned().collect();
        let mut found = Vec::new();
        for names in names.chunks(type_specifications::MOST) {
            found.extend(self.some_types(names).await?);
        }
        Ok(found)
    }

    async fn start(&self, id: &str) -> Result<(), Fault> {
        self.make(StartInstances { instance_id: vec![id.to_owned()] }, |_| ()).await
    }

    async fn stop(&self, id: &str, how: Stop) -> Result<(), Fault> {
        let request = StopInstances {
            instance_id: vec![id.to_owned()],
            hibernate: how == Stop::Hibernate,
            ..StopInstances::default()
        };
        self.make(request, |_| ()).await
    }

    async fn reboot(&self, id: &str) -> Result<(), Fault> {
        self.make(RebootInstances { instance_id: vec![id.to_owned()] }, |_| ()).await
    }

    async fn set_type(&self, id: &str, instance_type: &str) -> Result<(), Fault> {
        let request = ModifyInstanceAttribute {
            instance_id: id.to_owned(),
            instance_type: Some(Valued { value: instance_type.to_owned() }),
            ..ModifyInstanceAttribute::default()
        };
        self.make(request, |_| ()).await
    }

    async fn is_kept(&self, id: &str) -> Result<bool, Fault> {
        let request = DescribeInstanceAttribute {
            instance_id: id.to_owned(),
            attribute: "disableApiTermination".to_owned(),
        };
        self.make(request, |it| it.disable_api_termination.is_some_and(|it| it.value)).await
    }

    async fn terminate(&self, id: &str) -> Result<(), Fault> {
        let request = TerminateInstances { instance_id: vec![id.to_owned()], ..Default::default() };
        match self.make(request, |_| ()).await {
            Err(fault) if fault.code.as_deref() == Some("InvalidInstanceID.NotFound") => Ok(()),
            ended => ended,
        }
    }

    async fn create_image(&self, new: &NewImage) -> Result<Image, Fault> {
        let mut tag_specification = TagSpecification::of("image", &new.tags);
        tag_specification.extend(TagSpecification::of("snapshot", &new.tags));
        let request = CreateImage {
            instance_id: new.instance_id.clone(),
            name: new.name.clone(),
            description: new.description.clone(),
            no_reboot: !new.reboot,
            tag_specification,
            ..CreateImage::default()
        };
        let id = self.make(request, |it| it.image_id.to_string()).await?;
        Ok(Image {
            id,
            name: new.name.clone(),
            state: "pending".to_owned(),
            state_message: None,
            tags: new.tags.clone(),
        })
    }

    async fn image_named(&self, name: &str) -> Result<Option<Image>, Fault> {
        let request = DescribeImages {
            owner: vec!["self".to_owned()],
            filter: vec![one("name", name)],
            ..DescribeImages::default()
        };
        self.make(request, |it| it.images_set.first().map(|it| Image::from(&*it.image))).await
    }

    async fn images(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Image>, Fault> {
        let request = DescribeImages {
            owner: vec!["self".to_owned()],
            filter: filter::of_core(filter, "image-id"),
            max_results: Some(listing::MOST),
            next_token: page.map(|it| it.0),
            ..DescribeImages::default()
        };
        self.make(request, |it| Page {
            next: it.next_token.clone().map(PageToken),
            items: it.images_set.iter().map(|it| Image::from(&*it.image)).collect(),
        })
        .await
    }

    async fn tag(&self, id: &str, tags: &Tags) -> Result<(), Fault> {
        let tag =
            |(key, value): (&String, &String)| Tag { key: key.clone(), value: Some(value.clone()) };
        let request =
            CreateTags { resource_id: vec![id.to_owned()], tag: tags.iter().map(tag).collect() };
        self.make(request, |_| ()).await
    }

    async fn untag(&self, id: &str, keys: &[&str]) -> Result<(), Fault> {
        let tag = |key: &&str| Tag { key: (*key).to_owned(), value: None };
        let request =
            DeleteTags { resource_id: vec![id.to_owned()], tag: keys.iter().map(tag).collect() };
        self.make(request, |_| ()).await
    }
}

impl Inside {
    /// Those of at most a hundred types that there are.
    async fn some_types(&self, names: &[String]) -> Result<Vec<InstanceType>, Fault> {
        let named = DescribeInstanceTypes { instance_type: names.to_vec(), ..Default::default() };
        match self.make(named, |it| it.kinds().map(InstanceType::from).collect()).await {
            // One that there is not fails the call; a filter leaves it out.
            Err(fault) if fault.code.as_deref() == Some("InvalidInstanceType") => {}
            answer => return answer,
        }
        let filter = Filter { name: "instance-type".to_owned(), value: names.to_vec() };
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let request = DescribeInstanceTypes {
                filter: vec![filter.clone()],
                next_token: page,
                ..Default::default()
            };
            let read = |it: Types| {
                found.extend(it.kinds().map(InstanceType::from));
                it.next_token
            };
            page = self.make(request, read).await?;
            if page.is_none() {
                return Ok(found);
            }
        }
    }
}

fn one(name: &str, value: &str) -> Filter {
    Filter { name: name.to_owned(), value: vec![value.to_owned()] }
}

fn shown(answer: Reservations<'_>) -> impl Iterator<Item = Instance> {
    let sets = answer.reservation_set.into_iter().flat_map(|it| it.instances_set);
    sets.map(|it| Instance::from(it.instance))
}
