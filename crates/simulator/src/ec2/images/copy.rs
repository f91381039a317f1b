//! `CopyImage`, in the region that the copy is to be in.
//! Source: EC2 API, `CopyImage`; EC2 User Guide, "How Amazon EC2 AMI copy works" and "Grant
//! permissions to copy Amazon EC2 AMIs".

use std::collections::BTreeSet;

use lamplighter_core::{Region, Tags};
use serde::Deserialize;

use super::{
    Image, Protection, State, backing, check_description, check_name, create::Created, visible,
};
use crate::{
    arn,
    ec2::{
        bucket,
        copy_rules::check_minutes,
        tags::{self, TagSpecification},
    },
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Copies that may be pending in a region at once.
/// Source: EC2 User Guide, "How Amazon EC2 AMI copy works", limitations, and its older editions,
/// which allow fewer.
const MOST_PENDING: usize = 100;
/// Tags of shared images that are copied with them begin so.
/// Source: EC2 User Guide, "Sharing tags".
const SHARED_TAG: &str = "ec2:SharedTag/";

/// `CopyImage`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct CopyImage {
    pub(crate) name: String,
    pub(crate) source_image_id: String,
    pub(crate) source_region: String,
    pub(crate) description: String,
    pub(crate) client_token: Option<String>,
    pub(crate) encrypted: Option<bool>,
    pub(crate) kms_key_id: Option<String>,
    /// The source's own tags too.
    pub(crate) copy_image_tags: bool,
    pub(crate) tag_specification: Vec<TagSpecification>,
    /// Within how many minutes each snapshot is to be copied.
    pub(crate) snapshot_copy_completion_duration_minutes: Option<u32>,
}

impl Operation for CopyImage {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "CopyImage",
        access: Access::Writes,
        bucket: bucket::COPIES_OF_IMAGES,
    };

    type Answer<'s> = Created;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let action = "ec2:CopyImage";
        let image = tags::sent(&self.tag_specification, "image");
        let snapshot = tags::sent(&self.tag_specification, "snapshot");
        let (image_arn, snapshot_arn) = (Image::arn(cx.place, "*"), backing::new_arn(cx.place));
        let of = |tags| Context::default().with_request_tags(tags);
        let mut needs = vec![
            Need::on(action, &*image_arn).with(of(&image)),
            Need::on(action, &*snapshot_arn).with(of(&snapshot)),
        ];
        if let Ok(region) = self.source_region.parse::<Region>() {
            let id = &self.source_image_id;
            let source = visible::find(cx.state, &region, id, cx.now);
            let context = source.as_deref().map_or_else(Context::default, Image::context);
            let arn = arn::without_account(&region, format_args!("image/{id}"));
            needs.push(Need::on(action, arn).with(context));
            if let Some(source) = &source {
                let owner = backing::owner(source, &region);
                needs.extend(source.snapshots().map(|it| backing::need(cx, action, &owner, it)));
            }
        }
        let mut tagged = image;
        if self.copy_image_tags {
            tagged.extend(self.source_tags(cx));
        }
        needs.extend(tags::needed(&image_arn, "CopyImage", &tagged));
        needs.extend(tags::needed(&snapshot_arn, "CopyImage", &snapshot));
        needs
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Created, Refusal> {
        let token = self.client_token.as_deref();
        if let Some(made) = cx.here().ec2.client_tokens.earlier(Self::SPEC.name, token, &self)?
            && let Some(image_id) = made.first()
        {
            return Ok(Created { image_id: image_id.clone() });
        }
        let made = ["image", "snapshot"];
        let snapshot_tags = tags::checked(&self.tag_specification, "snapshot", &made)?;
        let mut image_tags = tags::checked(&self.tag_specification, "image", &made)?;
        check_description(&self.description)?;
        self.snapshot_copy_completion_duration_minutes.map_or(Ok(()), check_minutes)?;
        let region: Region = self.source_region.parse().map_err(|_| {
            let message = format!("'{}' is not a region", self.source_region);
            Refusal::new("InvalidRegion", message)
        })?;
        let source = visible::usable(cx, &region, &self.source_image_id)?.into_owned();
        check_name(cx, &self.name)?;
        if self.copy_image_tags {
            for (key, value) in copied_tags(cx, &source) {
                image_tags.entry(key).or_insert(value);
            }
            tags::check(&image_tags)?;
        }
        let owner = backing::owner(&source, &region);
        let snapshots = backing::copyable(cx, &owner, &source)?;
        let pending = |it: &Image| it.state == State::Pending && it.source_image.is_some();
        if cx.here().ec2.images.iter().filter(|(_, it)| pending(it)).count() >= MOST_PENDING {
            let message = format!("{MOST_PENDING} copies of images are pending in this region");
            return Err(Refusal::new("ResourceLimitExceeded", message));
        }
        let image_id: Box<str> = cx.state.fresh_id("ami").into();
        let copies = backing::Copies {
            owner: &owner,
            image_id: &image_id,
            encrypted: self.encrypted,
            kms_key_id: self.kms_key_id.as_deref(),
            minutes: self.snapshot_copy_completion_duration_minutes,
            tags: &snapshot_tags,
        };
        let copied = backing::copy(cx, snapshots, &copies)?;
        let mut mappings = source.mappings.clone();
        for (mapping, copy) in mappings.iter_mut().zip(copied) {
            (mapping.snapshot_id, mapping.encrypted) = copy;
        }
        let image = Image {
            id: image_id.clone(),
            owner: cx.place.account.clone(),
            owner_alias: None,
            name: self.name.as_str().into(),
            description: match self.description.as_str() {
                "" => format!("[Copied {} from {region}] {}", source.id, source.name).into(),
                other => other.into(),
            },
            state: State::Pending,
            failure: None,
            created_at: cx.now,
            mappings,
            permissions: BTreeSet::new(),
            deprecated_at: None,
            protection: Protection::Off,
            source_instance: None,
            source_image: Some((source.id.clone(), region)),
            last_launched_at: None,
            tags: image_tags,
            ..source
        };
        let (request, now) = (format!("{self:?}"), cx.now);
        cx.here_mut().ec2.images.put(&image_id, image, now);
        let made = vec![image_id.clone()];
        let tokens = &mut cx.here_mut().ec2.client_tokens;
        tokens.remember(Self::SPEC.name, self.client_token.as_deref(), request, made, now);
        Ok(Created { image_id })
    }
}

impl CopyImage {
    /// The tags of the source that a copy gets, for permissions: none when it is not there.
    fn source_tags(&self, cx: &Cx<'_>) -> Tags {
        let region: Option<Region> = self.source_region.parse().ok();
        let source =
            region.and_then(|it| visible::find(cx.state, &it, &self.source_image_id, cx.now));
        source.map(|it| copied_tags(cx, &it)).unwrap_or_default()
    }
}

/// The tags that go with an image when it is copied: its owner's, without AWS's. Of a shared one
/// only those that are meant to be.
fn copied_tags(cx: &Cx<'_>, source: &Image) -> Tags {
    let own = source.owner == cx.place.account;
    let copied = |key: &str| !key.starts_with("aws:") && (own || key.starts_with(SHARED_TAG));
    let tags = source.tags.iter().filter(|(key, _)| copied(key));
    tags.map(|(key, value)| (key.clone(), value.clone())).collect()
}
