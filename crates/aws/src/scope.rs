//! One account in one region, with credentials for it.

use std::sync::Arc;

use aws_config::SdkConfig;
use lamplighter_core::{
    Place, Scope,
    cloud::{Ec2, Instances, Kms, Rds, Session, Ssm, Tables},
};

use crate::{
    ec2::Ec2Client,
    instances::{InstancesClient, Switchboard},
    kms::KmsClient,
    rds::RdsClient,
    ssm::SsmClient,
    tables::TablesClient,
};

/// The clients of one place.
pub(crate) struct PlaceScope {
    place: Place,
    ec2: Ec2Client,
    kms: KmsClient,
    instances: InstancesClient,
    rds: RdsClient,
    ssm: SsmClient,
    tables: TablesClient,
}

impl PlaceScope {
    /// Clients for `place`. `whom` says whose credentials `config` has: those of `session`, in
    /// which calls are joined at the `switchboard`.
    pub(crate) fn new(
        config: &SdkConfig,
        place: &Place,
        session: &Session,
        whom: &str,
        switchboard: &Arc<Switchboard>,
    ) -> PlaceScope {
        let ec2 = Ec2Client::new(config, place, whom);
        let instances = InstancesClient::new(&ec2, place, session, switchboard);
        let kms = KmsClient::new(config, place, whom);
        let rds = RdsClient::new(config, place, whom);
        let ssm = SsmClient::new(config, place, whom);
        let tables = TablesClient::new(config, place, whom);
        PlaceScope { place: place.clone(), ec2, instances, kms, rds, ssm, tables }
    }
}

impl Scope for PlaceScope {
    fn place(&self) -> &Place {
        &self.place
    }

    fn ec2(&self) -> &dyn Ec2 {
        &self.ec2
    }

    fn instances(&self) -> &dyn Instances {
        &self.instances
    }

    fn kms(&self) -> &dyn Kms {
        &self.kms
    }

    fn rds(&self) -> &dyn Rds {
        &self.rds
    }

    fn ssm(&self) -> &dyn Ssm {
        &self.ssm
    }

    fn tables(&self) -> &dyn Tables {
        &self.tables
    }
}
