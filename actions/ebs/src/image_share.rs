//! `ec2.image.share`: lets other accounts use images with their snapshots, and ends that again.
//!
//! Who may launch an image cannot copy it yet: that takes its snapshots. So they are shared as the
//! image is.
//!
//! Idempotency: *converging*, as in [`share`](crate::share).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use lamplighter_core::{
    AccountId, Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, HOP_TAG, LookCx, Permissions, PlanCx},
    cloud::ec2::{Image, Snapshot},
    keys::Known as KnownKey,
    sharing::{self, End, KeyCheck, Sharing, UNTIL_TAG, batches},
};
use serde::{Deserialize, Serialize};

use crate::{
    backing::snapshots_of,
    image_copy::CopyImage,
    share::{self, BATCH, key_check, keys_of},
};

/// `ec2.image.share`: lets other accounts use each image, and ends that again.
pub struct ShareImage;

/// How many snapshots of the image are done. The image itself comes last.
#[derive(Debug, Serialize, Deserialize)]
pub struct Done {
    snapshots: usize,
}

/// What planning has to know.
#[derive(Default)]
pub struct Known {
    /// Those of the accounts in question that may launch an image, or use a snapshot, by its id.
    open_to: BTreeMap<String, BTreeSet<AccountId>>,
    /// The snapshots of the images.
    snapshots: BTreeMap<String, Snapshot>,
    /// The keys of the snapshots.
    keys: BTreeMap<String, KnownKey>,
}

#[async_trait]
impl Action for ShareImage {
    type Params = Sharing;
    type Target = Image;
    type State = Done;
    type Known = Known;

    const SPEC: Spec = Spec {
        name: "ec2.image.share",
        summary: "Lets other accounts use each selected image with its snapshots, and ends that \
                  again.",
        permissions: &[
            "ec2:CreateTags",
            "ec2:DescribeImages",
            "ec2:DescribeSnapshots",
            "ec2:ModifyImageAttribute",
            "ec2:ModifySnapshotAttribute",
            "kms:DescribeKey",
        ],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn check(params: &Sharing) -> Result<(), BadParams> {
        params.check()
    }

    fn permissions(params: &Sharing) -> Permissions {
        let mut needs = Permissions::here(&[
            "ec2:DescribeImages",
            "ec2:DescribeSnapshots",
            "ec2:ModifyImageAttribute",
            "ec2:ModifySnapshotAttribute",
        ])
        .sharing_with(&params.with);
        if !params.with.is_empty() {
            needs.here.insert("kms:DescribeKey");
        }
        if params.lasting.is_some() {
            needs.here.insert("ec2:CreateTags");
            needs = needs.marking(UNTIL_TAG);
        }
        needs
    }

    async fn look(cx: &LookCx<'_>, params: &Sharing, found: &[Image]) -> Result<Known, Fault> {
        if found.is_empty() {
            return Ok(Known::default());
        }
        let accounts = found.iter().flat_map(|it| params.concerns(&it.tags)).collect();
        let mut open_to = share::open_to(cx, &accounts).await?;
        for account in &accounts {
            let doing = format!("listing what `{account}` may launch");
            let list = |page| cx.here.ec2().images_open_to(account, page);
            let take = |it: Image| _ = open_to.entry(it.id).or_default().insert(account.clone());
            cx.each(&doing, list, take).await?;
        }
        if params.with.is_empty() {
            return Ok(Known { open_to, ..Known::default() });
        }
        let snapshots = snapshots_of(cx, found).await?;
        let keys = keys_of(cx, snapshots.values()).await?;
        Ok(Known { open_to, snapshots, keys })
    }

    fn plan(params: &Sharing, cx: &PlanCx<'_>, found: &[Image], known: &Known) -> Vec<Verdict> {
        found.iter().map(|image| judge(params, cx, image, known)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Sharing,
        image: &Image,
        state: Option<Done>,
    ) -> Result<Progress<Done>, Fault> {
        let (ec2, id) = (cx.here.ec2(), &image.id);
        let end = End::of(params, cx.here.place(), &image.tags, cx.now);
        let Some(Done { snapshots }) = state else {
            // When it is over comes first: whatever happens now, somebody knows.
            let tags = params.ends(&end, &image.tags, cx.session.occurrence);
            if !tags.is_empty() {
                ec2.set_tags(id, &tags).await.doing(format!("tagging `{id}` with the end"))?;
            }
            return Ok(Progress::Again { state: Done { snapshots: 0 }, wait: Duration::ZERO });
        };
        if let Some(snapshot) = image.snapshots.get(snapshots) {
            share::share(ec2, snapshot, &end.shared).await?;
            share::withdraw(ec2, snapshot, &end.ended()).await?;
            let state = Done { snapshots: snapshots + 1 };
            return Ok(Progress::Again { state, wait: Duration::ZERO });
        }
        for batch in batches(&end.shared, BATCH) {
            ec2.share_image(id, &batch).await.doing(format!("sharing `{id}`"))?;
        }
        for batch in batches(&end.ended(), BATCH) {
            let withdrawing = ec2.unshare_image(id, &batch).await;
            withdrawing.doing(format!("withdrawing `{id}` from other accounts"))?;
        }
        Ok(Progress::Done(end.in_words("shared", "withdrawn")))
    }
}

/// Source: EC2 User Guide, "Share an AMI with specific AWS accounts".
fn judge(params: &Sharing, cx: &PlanCx<'_>, image: &Image, known: &Known) -> Verdict {
    if image.state != "available" {
        let reason = format!("it is `{}`: only available images can be shared", image.state);
        return Verdict::Leave { reason };
    }
    if image.tags.contains_key(HOP_TAG) {
        return Verdict::Leave { reason: "it is on the way to another copy".to_owned() };
    }
    let end = End::of(params, cx.place, &image.tags, cx.now);
    let mut keys = BTreeMap::<&str, KeyCheck<'_>>::new();
    for id in image.snapshots.iter().filter(|_| !end.shared.is_empty()) {
        let Some(snapshot) = known.snapshots.get(id) else {
            let reason =
                format!("nobody knows the key of its snapshot `{id}`, which does not show");
            return Verdict::Fail { reason };
        };
        let check = key_check(snapshot, &known.keys, CopyImage::SPEC.name);
        keys.extend(check.map(|it| (it.key.name(), it)));
    }
    sharing::judge(cx, &end, &open_to(image, &end, known), keys.into_values())
}

/// The accounts that may use an image. Who may use only a part of it, the image itself or some of
/// its snapshots, is to be given the rest, or to lose that part.
fn open_to(image: &Image, end: &End, known: &Known) -> BTreeSet<AccountId> {
    let nobody = BTreeSet::new();
    let parts = || {
        let ids = std::iter::once(&image.id).chain(&image.snapshots);
        ids.map(|id| known.open_to.get(id).unwrap_or(&nobody))
    };
    let to_some: BTreeSet<AccountId> = parts().flatten().cloned().collect();
    let lacks_a_part = |it: &AccountId| parts().any(|part| !part.contains(it));
    to_some.into_iter().filter(|it| !(end.shared.contains(it) && lacks_a_part(it))).collect()
}

#[cfg(test)]
mod tests;
