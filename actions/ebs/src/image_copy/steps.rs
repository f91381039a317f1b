//! What EC2 does for a job that copies an image.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    AccountId, Doing, Fault, Place, Scope, StepCx, Tags,
    action::{COPIED_FROM_TAG, HOP_TAG, SOURCE_TAG, TAKEN_AT_TAG},
    cloud::{
        Ec2,
        ec2::{DESCRIPTION_MAX, Image, NewCopy},
    },
    copying::{Begun, Facts, Job, Source, Stand, What, copied_to},
    gone::Deletion,
    select::ServerFilter,
    template::Values,
};
use serde::{Deserialize, Serialize};

use super::{
    judge::{is_copy_of, source_of},
    params::Params,
};
use crate::{
    backing::{Whole, images},
    copy::is_itself_in,
    destination::Destination,
    gone::{delete, deregister, is_kept, unless_gone},
    keys,
    lineage::{source_by, taken_by},
    watch::{is_tagged_by, made_by, wait_after},
};

/// The name is taken: by an earlier try.
const TAKEN: &str = "InvalidAMIName.Duplicate";
/// The wait until snapshots know that their image is gone.
const LOOK: Duration = Duration::from_secs(15);

/// A job that copies one image.
pub(super) struct Copier<'a> {
    pub(super) cx: &'a StepCx<'a>,
    pub(super) params: &'a Params,
    pub(super) source: &'a Whole,
}

/// What a job remembers of a copy that it has started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Started {
    image: String,
    at: Timestamp,
    /// How often it was looked at.
    looks: u32,
}

#[async_trait]
impl Job for Copier<'_> {
    type To = Destination;
    type Started = Started;
    type Copy = Whole;

    fn cx(&self) -> &StepCx<'_> {
        self.cx
    }

    fn to(&self) -> &[Destination] {
        &self.params.to
    }

    fn hop_key(&self) -> Option<&str> {
        self.params.hop_key.as_deref()
    }

    fn backup(&self) -> Facts<'_> {
        self.source.facts()
    }

    fn source(&self) -> Source<'_> {
        source_of(&self.source.snapshots)
    }

    fn is_itself_in(&self, to: &Destination, place: &Place) -> bool {
        is_itself_in(to, place, self.cx.here.place(), &self.image().tags)
    }

    async fn copied_before(&self, there: &dyn Scope) -> Result<Option<String>, Fault> {
        let id = &self.image().id;
        let others = |it: &Image| is_copy_of(it, id) && !is_tagged_by(self.cx, &it.tags);
        let found = images(there.ec2(), &self.of_this(), others).await;
        let found = found.doing(format!("looking for copies of `{id}` in {}", there.place()))?;
        Ok(found.into_iter().next().map(|it| it.id))
    }

    async fn begun(
        &self,
        there: &dyn Scope,
        what: What<'_, Destination>,
    ) -> Result<Option<Begun<Started>>, Fault> {
        let filter = match what {
            What::Hop(_) => ServerFilter::tag(HOP_TAG, &self.image().id),
            What::Copy(..) => self.of_this(),
        };
        let mine = |it: &Image| is_tagged_by(self.cx, &it.tags);
        let found = images(there.ec2(), &filter, mine).await;
        let found = found.doing(format!("looking for the copy in {}", there.place()))?;
        Ok(found.into_iter().next().map(|it| self.making(it.id)))
    }

    async fn begin(
        &self,
        there: &dyn Scope,
        what: What<'_, Destination>,
    ) -> Result<Begun<Started>, Fault> {
        let id = &self.image().id;
        let source_region = self.cx.here.place().region.clone();
        let new = match what {
            What::Hop(key) => {
                let mut tags = self.ours();
                tags.insert(HOP_TAG.to_owned(), id.clone());
                NewCopy {
                    source_region,
                    source: id.clone(),
                    key: key.map(str::to_owned),
                    description: format!("{id} on its way to other accounts"),
                    tags,
                    within_minutes: None,
                }
            }
            What::Copy(to, leg, of) => {
                let (description, tags) = self.texts();
                NewCopy {
                    source_region,
                    source: of.to_owned(),
                    key: leg.key.clone(),
                    description,
                    tags,
                    within_minutes: to.completion_duration.map(|it| it.minutes()),
                }
            }
        };
        match (there.ec2().copy_image(&self.name(what), &new).await, self.cx.tried.last) {
            (Err(fault), Some(last)) if fault.code.as_deref() == Some(TAKEN) => {
                self.cx.longest_lag_left(last).map(Begun::Wait).ok_or(fault)
            }
            (made, _) => made.map(|made| self.making(made)),
        }
    }

    async fn stands(
        &self,
        there: &dyn Scope,
        what: What<'_, Destination>,
        started: Started,
    ) -> Result<Stand<Started, Whole>, Fault> {
        let id = &started.image;
        let found = look(there.ec2(), id).await;
        let found = found.doing(format!("looking at `{id}` in {}", there.place()))?;
        let Some(copy) = found else {
            return Ok(match self.cx.longest_lag_left(started.at) {
                Some(_) => pending(started),
                None => Stand::Failed(format!("`{id}` disappeared before it was available")),
            });
        };
        match copy.image.state.as_str() {
            "available" => match copy.check_complete() {
                Err(_) if self.cx.longest_lag_left(started.at).is_some() => Ok(pending(started)),
                complete => complete.map(|()| Stand::Completed(copy, String::new())),
            },
            "pending" | "transient" => Ok(pending(started)),
            state => {
                let why = copy.image.state_message.as_deref().unwrap_or("AWS does not say why");
                let why = format!("`{id}` ended in state `{state}`: {why}");
                let key = what.key();
                Ok(Stand::Failed(keys::cure(why, &self.source().keys, key, there.place())))
            }
        }
    }

    fn id_of(started: &Started) -> &str {
        &started.image
    }

    fn facts(copy: &Whole) -> Facts<'_> {
        copy.facts()
    }

    fn spoils_hop(&self, hop: &Whole, hop_key: Option<&str>) -> Option<String> {
        keys::spoil_hop(hop.facts(), hop_key)
    }

    async fn mark(&self, place: &Place, copy: &Whole) -> Result<(), Fault> {
        let tags = Tags::from([(copied_to(place), copy.image.id.clone())]);
        // Somebody may have deregistered it while it was copied.
        unless_gone(self.cx.here.ec2().set_tags(&self.image().id, &tags).await)
    }

    async fn shares(&self) -> Result<BTreeMap<String, BTreeSet<AccountId>>, Fault> {
        let (ec2, image) = (self.cx.here.ec2(), self.image());
        let launch = ec2.image_shares(&image.id).await?;
        let mut all = BTreeMap::from([(image.id.clone(), launch.accounts)]);
        for id in &image.snapshots {
            all.insert(id.clone(), ec2.snapshot_shares(id).await?.accounts);
        }
        Ok(all)
    }

    /// Source: EC2 User Guide, "Share an AMI with specific AWS accounts": who copies an image must
    /// be given its snapshots, too.
    async fn share(
        &self,
        place: &dyn Scope,
        id: &str,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault> {
        let ec2 = place.ec2();
        let snapshots = match id == self.image().id {
            true => self.image().snapshots.clone(),
            false => {
                let found = look(ec2, id).await?.map(|it| it.image.snapshots);
                found.ok_or_else(|| Fault::transient(format!("`{id}` does not show")))?
            }
        };
        for snapshot in &snapshots {
            ec2.share_snapshot(snapshot, with).await?;
        }
        ec2.share_image(id, with).await
    }

    async fn unshare(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        let ec2 = self.cx.here.ec2();
        unless_gone(match id == self.image().id {
            true => ec2.unshare_image(id, with).await,
            false => ec2.unshare_snapshot(id, with).await,
        })
    }

    async fn delete_hop(&self, hop: &str) -> Result<Deletion, Fault> {
        let (cx, ec2) = (self.cx, self.cx.here.ec2());
        if let Deletion::Later(wait) = deregister(cx, ec2, hop).await? {
            return Ok(Deletion::Later(wait));
        }
        let made = made_by(cx, ec2).await?;
        for it in made.into_iter().filter(|it| it.tags.contains_key(HOP_TAG)) {
            match delete(cx, ec2, &it.id).await {
                // It does not know yet that its image is gone.
                Err(fault) if is_kept(&fault) && fault.chain().contains(hop) => {
                    return Ok(Deletion::Later(LOOK));
                }
                Ok(Deletion::Later(wait)) => return Ok(Deletion::Later(wait)),
                deleted => _ = deleted?,
            }
        }
        Ok(Deletion::Done)
    }
}

impl Copier<'_> {
    fn image(&self) -> &Image {
        &self.source.image
    }

    /// The images that say that they are copied from this one.
    fn of_this(&self) -> ServerFilter {
        ServerFilter::tag(COPIED_FROM_TAG, &self.image().id)
    }

    /// What a copy is called: unique, and of at most 128 characters that AWS allows.
    /// Source: EC2 API, `CopyImage`.
    fn name(&self, what: What<'_, Destination>) -> String {
        let session = self.cx.session;
        let at = session.occurrence.strftime("%Y%m%dT%H%M%SZ");
        let way = match what {
            What::Hop(_) => " (on its way)",
            What::Copy(..) => "",
        };
        format!("{} at {at} by {}{way}", self.image().id, session.task)
    }

    fn making(&self, image: String) -> Begun<Started> {
        Begun::Making(Started { image, at: self.cx.now, looks: 1 }, wait_after(0))
    }

    /// The tags of every copy: whose it is, and of what, from when.
    fn ours(&self) -> Tags {
        let image = self.image();
        let mut tags = self.cx.ownership_tags();
        tags.extend(source(image).map(|it| (SOURCE_TAG.to_owned(), it.to_owned())));
        let taken_at = image.created_at.map(|at| taken_by(&image.tags, at));
        tags.extend(taken_at.map(|at| (TAKEN_AT_TAG.to_owned(), at.to_string())));
        tags
    }

    /// The description of a copy, and all its tags.
    fn texts(&self) -> (String, Tags) {
        let Copier { cx, params, .. } = *self;
        let image = self.image();
        let values = Values {
            extra: &BTreeMap::from([("source", source(image).unwrap_or_default().to_owned())]),
            ..cx.values(&image.id, &image.tags)
        };
        let mut tags = params.wanted_tags().of(&image.tags, &values);
        tags.extend(self.ours());
        tags.insert(COPIED_FROM_TAG.to_owned(), image.id.clone());
        (params.description.render_within(DESCRIPTION_MAX, &values), tags)
    }
}

/// The instance that an image is of.
fn source(image: &Image) -> Option<&str> {
    source_by(&image.tags).or(image.source_instance.as_deref())
}

/// An image of the account, if it shows.
async fn look(ec2: &dyn Ec2, id: &str) -> Result<Option<Whole>, Fault> {
    let found = images(ec2, &ServerFilter::of_ids([id.to_owned()]), |it| it.id == id).await?;
    match found.first() {
        Some(image) => Whole::read(ec2, image).await.map(Some),
        None => Ok(None),
    }
}

fn pending(Started { image, at, looks }: Started) -> Stand<Started, Whole> {
    Stand::Pending(Started { image, at, looks: looks + 1 }, wait_after(looks))
}
