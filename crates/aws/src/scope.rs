//! One account in one region, with credentials for it.

use aws_config::SdkConfig;
use lamplighter_core::{
    Place, Scope,
    cloud::{Ec2, Kms},
};

use crate::{ec2::Ec2Client, kms::KmsClient};

/// The clients of one place.
pub(crate) struct PlaceScope {
    place: Place,
    ec2: Ec2Client,
    kms: KmsClient,
}

impl PlaceScope {
    /// Clients for `place`. `whom` says whose credentials `config` has.
    pub(crate) fn new(config: &SdkConfig, place: &Place, whom: &str) -> PlaceScope {
        PlaceScope {
            place: place.clone(),
            ec2: Ec2Client::new(config, place, whom),
            kms: KmsClient::new(config, place, whom),
        }
    }
}

impl Scope for PlaceScope {
    fn place(&self) -> &Place {
        &self.place
    }

    fn ec2(&self) -> &dyn Ec2 {
        &self.ec2
    }

    fn kms(&self) -> &dyn Kms {
        &self.kms
    }
}
