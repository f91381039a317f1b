//! What it takes to fill an organization: time, and memory for each volume.

use std::sync::Arc;

use divan::{AllocProfiler, Bencher, counter::ItemsCount};
use jiff::Timestamp;
use lamplighter_core::Clock;
use lamplighter_simulator::{Cloud, Fleet};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// It is always the same time.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

fn main() {
    divan::main();
}

fn build(volumes: &str) -> Cloud {
    let text = format!(
        r#"{{ "accounts": {{ "111122223333": {{ "regions": ["eu-west-1"] }} }}, "volumes": [{volumes}] }}"#
    );
    let fleet: Fleet = serde_json::from_str(&text).expect("it is a fleet");
    let cloud = Cloud::new(Arc::new(Still));
    fleet.build(&cloud).expect("it can be built");
    cloud
}

/// What stays allocated is `alloc` and `grow` without `dealloc` and `shrink`: so many times a
/// hundred thousand bytes for each volume.
#[divan::bench(sample_count = 1, sample_size = 1, args = [
    r#"{ "count": 100000, "size": "8..500", "attached": "80%", "encrypted": "30%" }"#,
    r#"{ "count": 100000, "tags": { "backup": "daily", "team": "team-{1..4}" } }"#,
])]
fn a_hundred_thousand_volumes(bencher: Bencher<'_, '_>, volumes: &str) {
    bencher.counter(ItemsCount::new(100_000_u32)).bench_local(|| build(volumes));
}
