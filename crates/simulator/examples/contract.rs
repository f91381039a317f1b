//! The server of the contract tests (`tests/contract`): a simulated organization whose clock
//! stands still until it is told to go on.
//!
//! It prints where it listens, then answers each line of its standard input, an order in JSON,
//! with `done` or with what was wrong. It ends when its input does.

use std::{
    error::Error,
    io::{self, BufRead, Write},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
};

use jiff::Timestamp;
use lamplighter_core::{Clock, action::BadParams};
use lamplighter_simulator::{Cloud, EndPoint, Fleet, Rules, Throttling};
use serde::Deserialize;
use tokio::{runtime::Builder, sync::oneshot};

/// When it all begins.
const BEGIN: &str = "2026-03-02T02:00:00Z";

/// What no AWS operation does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Order {
    /// Lets so many seconds pass.
    Advance(u32),
    /// Puts there what a fleet file says, beside what is there already.
    Fleet(Box<Fleet>),
    /// Lets go wrong what a file of faults says.
    Faults(Rules),
    /// Throttles calls as AWS does, or not at all.
    Throttle(bool),
}

/// A clock that only orders move. In milliseconds.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX)
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

#[expect(clippy::disallowed_methods, reason = "the input blocks; the server must go on")]
fn main() -> Result<(), Box<dyn Error>> {
    let begin: Timestamp = BEGIN.parse()?;
    let clock = Arc::new(Hand(AtomicI64::new(begin.as_millisecond())));
    let cloud = Cloud::new(clock.clone());
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let end_point = EndPoint::bind(0).await?;
        let address = end_point.local_addr();
        cloud.dial(|dials| dials.endpoint = Some(format!("http://{address}")));
        println!("{address}");
        let (stop, stopped) = oneshot::channel::<()>();
        let orders = cloud.clone();
        thread::spawn(move || {
            // Whatever ends the input ends the server.
            if let Err(error) = obey(&orders, &clock) {
                eprintln!("{error}");
            }
            drop(stop);
        });
        end_point.serve(cloud, async { drop(stopped.await) }).await?;
        Ok(())
    })
}

/// Does what each line of the input says.
fn obey(cloud: &Cloud, clock: &Hand) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let done = match serde_json::from_str(&line?) {
            Ok(order) => follow(order, cloud, clock).map_err(|bad| in_words(&bad)),
            Err(error) => Err(error.to_string()),
        };
        let mut out = io::stdout().lock();
        match done {
            Ok(()) => writeln!(out, "done")?,
            Err(error) => writeln!(out, "{}", error.replace('\n', " "))?,
        }
        out.flush()?;
    }
    Ok(())
}

fn follow(order: Order, cloud: &Cloud, clock: &Hand) -> Result<(), Vec<BadParams>> {
    match order {
        Order::Advance(seconds) => {
            clock.0.fetch_add(i64::from(seconds) * 1000, Ordering::Relaxed);
        }
        Order::Fleet(fleet) => fleet.build(cloud)?,
        Order::Faults(rules) => cloud.set_faults(rules)?,
        Order::Throttle(on) => cloud.dial(|dials| {
            dials.throttling = if on { Throttling::Aws } else { Throttling::Off };
        }),
    }
    Ok(())
}

fn in_words(bad: &[BadParams]) -> String {
    bad.iter().map(|it| format!("{}: {}; ", it.path, it.message)).collect()
}
