//! What EBS does for a job that copies.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use lamplighter_core::{
    AccountId, Doing, Fault, Place, Scope, StepCx, Tags,
    action::{CONSISTENCY_TAG, COPIED_FROM_TAG, HOP_TAG, INSTANCE_TAG, SOURCE_TAG, TAKEN_AT_TAG},
    cloud::ec2::{DESCRIPTION_MAX, NewCopy, Snapshot},
    copying::{Begun, End, Facts, Job, Source, Stand, What, copied_to},
    gone::Deletion,
    select::ServerFilter,
    template::Values,
};

use super::{
    judge::{is_copy_of, is_itself_in},
    known::source_of,
    params::Params,
};
use crate::{
    destination::Destination,
    gone::{delete, is_kept, unless_gone},
    keys,
    lineage::{source, taken_at, why_it_stays},
    watch::{self, Begin, Started, begin, is_of_job, not_started},
};

/// A job that copies one snapshot.
pub(super) struct Copier<'a> {
    pub(super) cx: &'a StepCx<'a>,
    pub(super) params: &'a Params,
    pub(super) snapshot: &'a Snapshot,
}

#[async_trait]
impl Job for Copier<'_> {
    type To = Destination;
    type Started = Started;
    type Copy = Box<Snapshot>;

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
        facts(self.snapshot)
    }

    fn source(&self) -> Source<'_> {
        source_of(self.snapshot, self.cx.here.place())
    }

    fn is_itself_in(&self, to: &Destination, place: &Place) -> bool {
        is_itself_in(to, place, self.cx.here.place(), &self.snapshot.tags)
    }

    async fn copied_before(&self, there: &dyn Scope) -> Result<Option<String>, Fault> {
        let id = &self.snapshot.id;
        let others = |it: &Snapshot| is_copy_of(it, id) && !is_of_job(self.cx, it);
        let found = watch::find(there.ec2(), &self.of_this(), others).await;
        let found = found.doing(format!("looking for copies of `{id}` in {}", there.place()))?;
        Ok(found.into_iter().next().map(|it| it.id))
    }

    async fn begun(
        &self,
        there: &dyn Scope,
        what: What<'_, Destination>,
    ) -> Result<Option<Begun<Started>>, Fault> {
        Ok(match begin(self.cx, &self.made(there, what).await?) {
            Begin::Follow(started) => Some(making(started)),
            Begin::Wait(wait) => Some(Begun::Wait(wait)),
            Begin::Make => None,
        })
    }

    async fn begin(
        &self,
        there: &dyn Scope,
        what: What<'_, Destination>,
    ) -> Result<Begun<Started>, Fault> {
        let Copier { cx, snapshot, .. } = *self;
        let source_region = cx.here.place().region.clone();
        let new = match what {
            What::Hop(key) => {
                let mut tags = self.ours();
                tags.insert(HOP_TAG.to_owned(), snapshot.id.clone());
                NewCopy {
                    source_region,
                    source: snapshot.id.clone(),
                    key: key.map(str::to_owned),
                    description: format!("{} on its way to other accounts", snapshot.id),
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
        let made = there.ec2().copy_snapshot(&new).await.map_err(not_started)?;
        Ok(making(Started::now(cx, &made, cx.now)))
    }

    async fn stands(
        &self,
        there: &dyn Scope,
        what: What<'_, Destination>,
        started: Started,
    ) -> Result<Stand<Started, Box<Snapshot>>, Fault> {
        let found = self.made(there, what).await?;
        let key = what.key();
        Ok(match started.stands(self.cx, there.ec2(), found).await? {
            Stand::Failed(why) => {
                let source = keys::of(self.snapshot);
                Stand::Failed(keys::cure(why, source.as_slice(), key, there.place()))
            }
            stand => stand,
        })
    }

    fn id_of(started: &Started) -> &str {
        started.snapshot()
    }

    fn facts(copy: &Box<Snapshot>) -> Facts<'_> {
        facts(copy)
    }

    fn spoils_hop(&self, hop: &Box<Snapshot>, hop_key: Option<&str>) -> Option<String> {
        keys::spoil_hop(facts(hop), hop_key)
    }

    async fn mark(&self, place: &Place, copy: &Box<Snapshot>) -> Result<(), Fault> {
        let Copier { cx, snapshot, .. } = *self;
        if snapshot.owner.as_ref() != Some(&cx.here.place().account) {
            return Ok(());
        }
        let tags = Tags::from([(copied_to(place), copy.id.clone())]);
        // Somebody may have deleted it while it was copied.
        unless_gone(cx.here.ec2().set_tags(&snapshot.id, &tags).await)
    }

    async fn shares(&self) -> Result<BTreeMap<String, BTreeSet<AccountId>>, Fault> {
        let id = &self.snapshot.id;
        let shares = self.cx.here.ec2().snapshot_shares(id).await?;
        Ok(BTreeMap::from([(id.clone(), shares.accounts)]))
    }

    async fn share(
        &self,
        place: &dyn Scope,
        id: &str,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault> {
        place.ec2().share_snapshot(id, with).await
    }

    async fn unshare(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        unless_gone(self.cx.here.ec2().unshare_snapshot(id, with).await)
    }

    async fn delete_hop(&self, hop: &str) -> Result<Deletion, Fault> {
        delete(self.cx, self.cx.here.ec2(), hop).await
    }

    /// Deletes the source, if that is asked for and it may go.
    async fn finish(&self) -> Result<End, Fault> {
        let Copier { cx, params, snapshot } = *self;
        if !params.delete_source {
            return Ok(End::Done(None));
        }
        let (ec2, id) = (cx.here.ec2(), &snapshot.id);
        let of = source(snapshot).unwrap_or_default();
        let others = watch::find(ec2, &ServerFilter::tag(SOURCE_TAG, of), |_| true).await;
        let others = others.doing(format!("looking for other backups of `{of}`"))?;
        if let Some(why) = why_it_stays(snapshot, cx.here.place(), &others) {
            return Ok(End::Done(Some(format!("`{id}` stays: {why}"))));
        }
        let done = match delete(cx, ec2, id).await {
            Err(fault) if is_kept(&fault) => {
                format!("`{id}` stays: AWS does not let it go: {}", fault.chain())
            }
            deleted => match deleted.doing(format!("deleting `{id}`, which is copied"))? {
                Deletion::Done => format!("deleted `{id}`"),
                Deletion::Later(wait) => return Ok(End::Later(wait)),
            },
        };
        Ok(End::Done(Some(done)))
    }
}

impl Copier<'_> {
    /// The snapshots that say that they are copied from this one.
    fn of_this(&self) -> ServerFilter {
        ServerFilter::tag(COPIED_FROM_TAG, &self.snapshot.id)
    }

    /// What this job has made of it in a place.
    async fn made(
        &self,
        there: &dyn Scope,
        what: What<'_, Destination>,
    ) -> Result<Vec<Snapshot>, Fault> {
        let (filter, word) = match what {
            What::Hop(_) => (ServerFilter::tag(HOP_TAG, &self.snapshot.id), "the copy on the way"),
            What::Copy(..) => (self.of_this(), "the copy"),
        };
        let found = watch::find(there.ec2(), &filter, |it| is_of_job(self.cx, it)).await;
        found.doing(format!("looking for {word} in {}", there.place()))
    }

    /// The tags of every copy: whose it is, and of what, from when.
    fn ours(&self) -> Tags {
        let mut tags = self.cx.ownership_tags();
        if let Some(source) = source(self.snapshot) {
            tags.insert(SOURCE_TAG.to_owned(), source.to_owned());
        }
        tags.insert(TAKEN_AT_TAG.to_owned(), taken_at(self.snapshot).to_string());
        for key in [INSTANCE_TAG, CONSISTENCY_TAG] {
            let value = self.snapshot.tags.get(key);
            tags.extend(value.map(|value| (key.to_owned(), value.clone())));
        }
        tags
    }

    /// The description of a copy, and all its tags.
    fn texts(&self) -> (String, Tags) {
        let Copier { cx, params, snapshot } = *self;
        let values = Values {
            extra: &BTreeMap::from([("source", source(snapshot).unwrap_or_default().to_owned())]),
            ..cx.values(&snapshot.id, &snapshot.tags)
        };
        let mut tags = params.wanted_tags().of(&snapshot.tags, &values);
        tags.extend(self.ours());
        tags.insert(COPIED_FROM_TAG.to_owned(), snapshot.id.clone());
        (params.description.render_within(DESCRIPTION_MAX, &values), tags)
    }
}

fn facts(it: &Snapshot) -> Facts<'_> {
    Facts {
        id: &it.id,
        size_gib: Some(it.size_gib),
        encrypted: it.encrypted,
        key: it.kms_key_id.as_deref(),
    }
}

fn making(started: Started) -> Begun<Started> {
    let (started, wait) = started.first_look();
    Begun::Making(started, wait)
}
