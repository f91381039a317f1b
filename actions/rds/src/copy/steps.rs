//! What RDS does for a job that copies.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
};

use async_trait::async_trait;
use lamplighter_core::{
    AccountId, Doing, Fault, Place, Scope, StepCx, Tags,
    action::{COPIED_FROM_TAG, HOP_TAG},
    cloud::rds::{KEY_NOT_ACCESSIBLE, Kind, NO_SNAPSHOT, NewCopy, Snapshot},
    copying::{Begun, Facts, Job, Source, Stand, What, copied_to},
    gone::Deletion,
    keys::{self as kms, KeyOf},
    template::Values,
};
use serde::{Deserialize, Serialize};

use super::{
    judge::{is_copy_of, is_itself_in},
    known::source_of,
    params::{Destination, Params},
};
use crate::{
    bounds::has_code,
    family::Family,
    gone::delete,
    groups::own,
    keys,
    lineage::{source, taken_at},
    names, tags,
    taking::{self, Named, Taking, is_of_job},
};

/// A job that copies one snapshot.
pub(super) struct Copier<'a, F> {
    pub(super) cx: &'a StepCx<'a>,
    pub(super) params: &'a Params,
    pub(super) snapshot: &'a Snapshot,
    pub(super) family: PhantomData<F>,
}

/// What a job remembers of a copy that it has started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Copying {
    name: String,
    taking: Taking,
}

#[async_trait]
impl<F: Family> Job for Copier<'_, F> {
    type To = Destination;
    type Started = Copying;
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
        facts(F::KIND, self.snapshot)
    }

    fn source(&self) -> Source<'_> {
        source_of(self.snapshot)
    }

    fn is_itself_in(&self, to: &Destination, place: &Place) -> bool {
        is_itself_in(to, place, self.cx.here.place(), self.snapshot)
    }

    async fn copied_before(&self, there: &dyn Scope) -> Result<Option<String>, Fault> {
        let (arn, database) = (self.arn(&self.snapshot.id), &self.snapshot.database);
        let mut page = None;
        loop {
            let listed = there.rds().snapshots_of(F::KIND, database, page).await;
            let listed = listed.doing(format!("looking for copies of `{}`", self.snapshot.id))?;
            let is_copy =
                |it: &Snapshot| is_copy_of(it, &arn, self.snapshot) && !is_of_job(self.cx, it);
            if let Some(copy) = listed.items.into_iter().find(is_copy) {
                return Ok(Some(copy.id));
            }
            page = listed.next;
            if page.is_none() {
                return Ok(None);
            }
        }
    }

    async fn begun(
        &self,
        there: &dyn Scope,
        what: What<'_, Destination>,
    ) -> Result<Option<Begun<Copying>>, Fault> {
        let name = self.name(what);
        let begun = self.named(there, &name).begun().await?;
        begun.map(|begun| making(name, begun)).transpose()
    }

    async fn begin(
        &self,
        there: &dyn Scope,
        what: What<'_, Destination>,
    ) -> Result<Begun<Copying>, Fault> {
        let name = self.name(what);
        let new = match what {
            What::Hop(key) => {
                let mut tags = self.ours();
                tags.insert(HOP_TAG.to_owned(), self.arn(&self.snapshot.id));
                // What is not encrypted needs no other key.
                let key = key.filter(|_| self.snapshot.encrypted).map(str::to_owned);
                let source = self.arn(&self.snapshot.id);
                NewCopy { source, name: name.clone(), key, option_group: None, tags }
            }
            What::Copy(to, leg, of) => {
                let elsewhere = there.place() != self.cx.here.place();
                let group = to.option_group.clone();
                NewCopy {
                    source: self.arn(of),
                    name: name.clone(),
                    key: leg.key.clone(),
                    option_group: group.filter(|_| elsewhere && own(self.snapshot).is_some()),
                    tags: self.tags(),
                }
            }
        };
        let answer = there.rds().copy_snapshot(F::KIND, &new).await;
        let answer = answer.map_err(|fault| self.with_keys(fault, new.key.as_deref(), there));
        making(name.clone(), self.named(there, &name).answered(answer).await?)
    }

    async fn stands(
        &self,
        there: &dyn Scope,
        _: What<'_, Destination>,
        Copying { name, taking }: Copying,
    ) -> Result<Stand<Copying, Box<Snapshot>>, Fault> {
        Ok(match self.named(there, &name).stands(taking).await? {
            Ok(taking::Stand::Pending(taking, wait)) => {
                Stand::Pending(Copying { name, taking }, wait)
            }
            Ok(taking::Stand::Available(copy)) => Stand::Completed(copy, String::new()),
            Err(why) => Stand::Failed(why),
        })
    }

    fn id_of(started: &Copying) -> &str {
        &started.name
    }

    fn facts(copy: &Box<Snapshot>) -> Facts<'_> {
        facts(F::KIND, copy)
    }

    /// It has the key of the source, or that which was named.
    fn spoils_hop(&self, _: &Box<Snapshot>, _: Option<&str>) -> Option<String> {
        None
    }

    async fn mark(&self, place: &Place, copy: &Box<Snapshot>) -> Result<(), Fault> {
        let tags = Tags::from([(copied_to(place), copy.id.clone())]);
        // Somebody may have deleted it while it was copied, or RDS.
        unless_gone(self.cx.here.rds().tag(&self.arn(&self.snapshot.id), &tags).await)
    }

    async fn shares(&self) -> Result<BTreeMap<String, BTreeSet<AccountId>>, Fault> {
        let id = &self.snapshot.id;
        let shares = self.cx.here.rds().snapshot_shares(F::KIND, id).await?;
        Ok(BTreeMap::from([(id.clone(), shares.accounts)]))
    }

    async fn share(
        &self,
        place: &dyn Scope,
        id: &str,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault> {
        place.rds().share_snapshot(F::KIND, id, with).await
    }

    async fn unshare(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        unless_gone(self.cx.here.rds().unshare_snapshot(F::KIND, id, with).await)
    }

    async fn delete_hop(&self, hop: &str) -> Result<Deletion, Fault> {
        delete::<F>(self.cx, hop).await
    }
}

impl<F: Family> Copier<'_, F> {
    /// The fault of a copy whose keys cannot be used, with what they lack.
    /// Source: RDS User Guide, "Sharing encrypted snapshots".
    fn with_keys(&self, fault: Fault, target: Option<&str>, there: &dyn Scope) -> Fault {
        if !has_code(&fault, &[KEY_NOT_ACCESSIBLE]) {
            return fault;
        }
        let source = keys::of(self.snapshot).map(KeyOf::name);
        let account = &there.place().account;
        let cure = kms::cure(account, (source, keys::READS), (target, keys::WRITES));
        Fault::new(fault.kind, format!("{}: {cure}", fault.chain())).with_code(KEY_NOT_ACCESSIBLE)
    }

    /// The ARN of a snapshot here.
    fn arn(&self, name: &str) -> String {
        F::KIND.snapshot_arn(self.cx.here.place(), name)
    }

    /// What a copy is called.
    fn name(&self, what: What<'_, Destination>) -> String {
        let (job, occurrence) = (self.cx.job, self.cx.session.occurrence);
        match what {
            What::Hop(_) => names::hop(F::KIND, &self.snapshot.database, job, occurrence),
            What::Copy(..) => names::snapshot(F::KIND, &self.snapshot.database, job, occurrence),
        }
    }

    fn named<'n>(&'n self, there: &'n dyn Scope, name: &'n str) -> Named<'n> {
        Named { cx: self.cx, rds: there.rds(), kind: F::KIND, name }
    }

    /// The tags of every copy: whose it is, and of what, from when.
    fn ours(&self) -> Tags {
        let Copier { cx, snapshot, .. } = *self;
        cx.backup_tags(&source(F::KIND, cx.here.place(), snapshot), taken_at(snapshot, cx.now))
    }

    /// All tags of a copy.
    fn tags(&self) -> Tags {
        let Copier { cx, params, snapshot, .. } = *self;
        let values = Values {
            extra: &BTreeMap::from([("source", snapshot.database.clone())]),
            ..cx.values(&snapshot.id, &snapshot.tags)
        };
        let mut tags = tags::fitting(params.wanted_tags().of(&snapshot.tags, &values));
        tags.extend(self.ours());
        tags.insert(COPIED_FROM_TAG.to_owned(), self.arn(&snapshot.id));
        tags
    }
}

/// Aurora says nothing of the size.
fn facts(kind: Kind, it: &Snapshot) -> Facts<'_> {
    Facts {
        id: &it.id,
        size_gib: (kind == Kind::Instance).then_some(it.size_gib),
        encrypted: it.encrypted,
        key: it.kms_key_id.as_deref(),
    }
}

fn making(name: String, begun: taking::Begun) -> Result<Begun<Copying>, Fault> {
    Ok(match begun {
        taking::Begun::Taking(taking) => {
            let (taking, wait) = taking.first_look();
            Begun::Making(Copying { name, taking }, wait)
        }
        taking::Begun::Wait(wait) => Begun::Wait(wait),
        taking::Begun::Cannot(why) => return Err(Fault::permanent(why)),
    })
}

/// What came of a change of a snapshot that needs none when it is gone.
fn unless_gone(answer: Result<(), Fault>) -> Result<(), Fault> {
    match answer {
        Err(fault) if has_code(&fault, &NO_SNAPSHOT) => Ok(()),
        answer => answer,
    }
}
