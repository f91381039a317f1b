//! The EC2 port.

use async_trait::async_trait;
use lamplighter_core::{
    Fault, Place, Tags,
    cloud::{
        Ec2, Page, PageToken,
        ec2::{NewSnapshot, Snapshot, SnapshotState, Volume},
    },
    select::ServerFilter,
};

use super::{Access, Door, Ec2State, FakeCloud, SnapshotRecord, pages::Listing};
use crate::lock;

#[async_trait]
impl Ec2 for Door {
    async fn volumes(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Volume>, Fault> {
        let listing = self.listing("ec2:DescribeVolumes", filter);
        self.cloud
            .call(&self.place, &["ec2:DescribeVolumes"], Access::Reads, |state, _| {
                let volumes = state.ec2.get(&self.place).map(|it| &it.volumes);
                let items = volumes.into_iter().flatten().rev();
                let shows = |it: &Volume| filter.admits(&it.tags).then(|| it.clone());
                state.pages.page(&listing, page.as_ref(), state.dials.page_size, items, shows)
            })
            .await
    }

    async fn snapshots(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        let listing = self.listing("ec2:DescribeSnapshots", filter);
        self.cloud
            .call(&self.place, &["ec2:DescribeSnapshots"], Access::Reads, |state, now| {
                let at = state.shown(now);
                let snapshots = state.ec2.get(&self.place).map(|it| &it.snapshots);
                let items = snapshots.into_iter().flatten().rev();
                let shows = |it: &SnapshotRecord| {
                    let mine = it.owner == self.place.account;
                    it.as_of(at).filter(|it| mine && filter.admits(&it.tags))
                };
                state.pages.page(&listing, page.as_ref(), state.dials.page_size, items, shows)
            })
            .await
    }

    async fn create_snapshot(&self, new: &NewSnapshot) -> Result<Snapshot, Fault> {
        let actions: &[&str] = match new.tags.is_empty() {
            true => &["ec2:CreateSnapshot"],
            false => &["ec2:CreateSnapshot", "ec2:CreateTags"],
        };
        self.cloud
            .call(&self.place, actions, Access::Writes, |state, now| {
                let ends_at = now + state.dials.snapshots_take;
                let ec2 = state.ec2.entry(self.place.clone()).or_default();
                let volume = ec2.may_snapshot(new, now)?;
                state.made += 1;
                let id = format!("snap-{}", state.made);
                let first = Snapshot {
                    id: id.clone(),
                    volume_id: volume.id.clone(),
                    state: SnapshotState::Pending,
                    state_message: None,
                    started_at: now,
                    size_gib: volume.size_gib,
                    encrypted: volume.encrypted,
                    kms_key_id: volume.kms_key_id.clone(),
                    description: new.description.clone(),
                    storage_tier: "standard".to_owned(),
                    tags: new.tags.clone(),
                };
                let end = match ec2.failing.contains(&volume.id) {
                    true => SnapshotState::Error,
                    false => SnapshotState::Completed,
                };
                let record = SnapshotRecord {
                    owner: self.place.account.clone(),
                    ends_at,
                    end,
                    gone_at: None,
                    retagged: Vec::new(),
                    image: None,
                    adoptable: false,
                    made: true,
                    first: first.clone(),
                };
                let answer = record.as_of(now).unwrap_or(first);
                ec2.snapshots.insert(id, record);
                Ok(answer)
            })
            .await
    }

    async fn delete_snapshot(&self, id: &str) -> Result<(), Fault> {
        self.cloud
            .call(&self.place, &["ec2:DeleteSnapshot"], Access::Writes, |state, now| {
                let ec2 = state.ec2.entry(self.place.clone()).or_default();
                let broken = ec2.delete(id, &self.place.account, now)?;
                state.broken.extend(broken);
                Ok(())
            })
            .await
    }
}

impl Door {
    fn listing(&self, api: &'static str, filter: &ServerFilter) -> Listing {
        Listing { place: self.place.clone(), api, filter: filter.clone() }
    }
}

/// What tests put into the cloud and see in it, past all permissions and lags.
impl FakeCloud {
    /// Puts a volume there.
    pub fn put_volume(&self, place: &Place, volume: Volume) {
        self.open(place);
        self.ec2(place, |ec2| ec2.volumes.insert(volume.id.clone(), volume));
    }

    /// Puts a snapshot there that is in its state for good.
    pub fn put_snapshot(&self, place: &Place, snapshot: Snapshot) {
        self.open(place);
        let record = SnapshotRecord {
            owner: place.account.clone(),
            ends_at: match snapshot.state {
                SnapshotState::Pending => jiff::Timestamp::MAX,
                _ => snapshot.started_at,
            },
            end: snapshot.state,
            gone_at: None,
            retagged: Vec::new(),
            image: None,
            adoptable: false,
            made: false,
            first: snapshot,
        };
        self.ec2(place, |ec2| ec2.snapshots.insert(record.first.id.clone(), record));
    }

    /// Changes a snapshot that [`put_snapshot`](FakeCloud::put_snapshot) put there.
    pub(crate) fn change_snapshot(
        &self,
        place: &Place,
        id: &str,
        change: impl FnOnce(&mut SnapshotRecord),
    ) {
        self.ec2(place, |ec2| {
            change(ec2.snapshots.get_mut(id).expect("the test has put this snapshot there"));
        });
    }

    /// Gives a snapshot other tags, as somebody else might.
    pub fn retag_snapshot(&self, place: &Place, id: &str, tags: Tags) {
        let now = lamplighter_core::Clock::now(&*self.clock);
        self.change_snapshot(place, id, |it| it.retagged.push((now, tags)));
    }

    /// Takes a snapshot away, as somebody else might.
    pub fn remove_snapshot(&self, place: &Place, id: &str) {
        let now = lamplighter_core::Clock::now(&*self.clock);
        self.change_snapshot(place, id, |it| it.gone_at = Some(now));
    }

    /// Snapshots of this volume end in `error` from now on.
    pub fn fail_snapshots_of(&self, place: &Place, volume: &str) {
        self.ec2(place, |ec2| ec2.failing.insert(volume.to_owned()));
    }

    /// The volumes there, in the order of their ids.
    pub fn volumes_in(&self, place: &Place) -> Vec<Volume> {
        self.ec2(place, |ec2| ec2.volumes.values().cloned().collect())
    }

    /// The snapshots that are there now, in the order of their ids, whoever owns them.
    pub fn snapshots_in(&self, place: &Place) -> Vec<Snapshot> {
        let now = lamplighter_core::Clock::now(&*self.clock);
        self.ec2(place, |ec2| ec2.snapshots.values().filter_map(|it| it.as_of(now)).collect())
    }

    /// Whether a call made this snapshot, and not the test.
    pub(crate) fn has_made(&self, place: &Place, id: &str) -> bool {
        self.ec2(place, |ec2| ec2.snapshots.get(id).is_some_and(|it| it.made))
    }

    fn ec2<T>(&self, place: &Place, look: impl FnOnce(&mut Ec2State) -> T) -> T {
        look(lock(&self.state).ec2.entry(place.clone()).or_default())
    }
}
