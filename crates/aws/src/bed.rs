//! A simulated organization at the other end of a loopback port, for tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep, TokioSleep};
use jiff::SignedDuration;
use lamplighter_core::Place;
use lamplighter_simulator::{Cloud, EndPoint, Rule, Rules};
use lamplighter_testkit::VirtualClock;
use tokio::sync::oneshot;

use crate::config::default_http_client;

/// A cloud of one account, `111122223333` in `eu-west-1`, whose clock stands still, and what a
/// process there finds.
pub(crate) struct Bed {
    pub(crate) cloud: Cloud,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) config: SdkConfig,
    names: AtomicU32,
    /// Ends the end point when it is dropped.
    _serving: oneshot::Sender<()>,
}

impl Bed {
    pub(crate) async fn new() -> Bed {
        let clock = Arc::new(VirtualClock::new("2026-03-29T02:00:00Z".parse().unwrap(), 1));
        let cloud = Cloud::new(clock.clone());
        cloud.open(&Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        });
        cloud.dial(|it| it.times.table = SignedDuration::ZERO);
        let end_point = EndPoint::bind(0).await.unwrap();
        let url = format!("http://{}", end_point.local_addr());
        cloud.dial(|it| it.endpoint = Some(url.clone()));
        let (serving, stopped) = oneshot::channel::<()>();
        tokio::spawn(end_point.serve(cloud.clone(), async { drop(stopped.await) }));
        let version = BehaviorVersion::v2026_01_12();
        let own = Credentials::new("AKIAPROCESS", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(version)
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(own))
            .http_client(default_http_client(version).unwrap())
            .endpoint_url(url)
            .sleep_impl(Hasty)
            .build();
        Bed { cloud, clock, config, names: AtomicU32::new(0), _serving: serving }
    }

    /// A name that nothing here has yet.
    pub(crate) fn name(&self) -> String {
        format!("made-{}", self.names.fetch_add(1, Ordering::SeqCst))
    }

    /// Lets go wrong what these rules say from now on.
    pub(crate) fn faults(&self, faults: impl IntoIterator<Item = Rule>) {
        let rules = Rules { seed: 1, faults: faults.into_iter().collect() };
        self.cloud.set_faults(rules).unwrap();
    }

    /// The writing calls to a service since the last time.
    pub(crate) fn written(&self, service: &str) -> Vec<&'static str> {
        let calls = self.cloud.take_calls().into_iter();
        let writes = calls.filter(|it| {
            it.service == service && it.access == lamplighter_simulator::Access::Writes
        });
        writes.map(|it| it.operation).collect()
    }
}

/// Sleeps that are over at once where the SDK waits before it tries again, and real ones where
/// it bounds a call: those are at least five seconds.
#[derive(Debug)]
struct Hasty;

impl AsyncSleep for Hasty {
    fn sleep(&self, time: Duration) -> Sleep {
        match time < Duration::from_secs(5) {
            true => Sleep::new(tokio::task::yield_now()),
            false => TokioSleep::new().sleep(time),
        }
    }
}

/// A rule about these operations of DynamoDB, or of SQS.
pub(crate) fn rule(actions: &str) -> Rule {
    let action = serde_json::from_value(serde_json::json!(actions.split(' ').collect::<Vec<_>>()));
    Rule { action: Some(action.unwrap()), ..Rule::default() }
}
