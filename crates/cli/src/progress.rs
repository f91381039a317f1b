//! How far runs are: one line that moves on a terminal, plain lines otherwise.

use std::{
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use lamplighter_core::{engine::Tally, job::Job};

use crate::output;

/// Between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Shows how far runs are.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    begun: Instant,
    /// Jobs that were closed before.
    closed: Option<u64>,
    /// The last plain line, and when it was said.
    said: (Instant, String),
}

impl Progress {
    /// Progress from now on.
    pub(crate) fn start() -> Progress {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress { bar, begun: Instant::now(), closed: None, said: (Instant::now(), String::new()) }
    }

    /// Shows how it stands. `open` are some of the open jobs.
    pub(crate) fn show(&mut self, tally: &Tally, open: &[Job], now: Timestamp) {
        let text = self.line(tally, open, now);
        match &self.bar {
            Some(bar) => bar.set_message(text),
            None => {
                if self.said.0.elapsed() >= PLAIN_EVERY && self.said.1 != text {
                    output::note(&text);
                    self.said = (Instant::now(), text);
                }
            }
        }
    }

    /// Takes the moving line away; plain lines end with how it stands.
    pub(crate) fn end(mut self, tally: &Tally, now: Timestamp) {
        match &self.bar {
            Some(bar) => bar.finish_and_clear(),
            None => output::note(&self.line(tally, &[], now)),
        }
    }

    fn line(&mut self, tally: &Tally, open: &[Job], now: Timestamp) -> String {
        let all = tally.all();
        let closed = all.total() - all.open;
        let ours = closed - *self.closed.get_or_insert(closed);
        let rate = ours as f64 / self.begun.elapsed().as_secs_f64().max(0.1);
        line(tally, open, now, rate)
    }
}

/// `6 places, 12 of 20 targets done, 1 failed · 3.2 jobs/s · 5 wait, next look in 25s`
fn line(tally: &Tally, open: &[Job], now: Timestamp, rate: f64) -> String {
    let (places, targets, all) = (tally.find, tally.act, tally.all());
    let closed = targets.total() - targets.open;
    let mut text = format!(
        "{} of {} places listed, {closed} of {} targets done",
        places.total() - places.open,
        places.total(),
        targets.total(),
    );
    for (count, name) in
        [(all.failed, "failed"), (targets.skipped, "skipped"), (all.stopped, "stopped")]
    {
        if count > 0 {
            text.push_str(&format!(", {count} {name}"));
        }
    }
    text.push_str(&format!(" · {rate:.1} jobs/s"));
    if let Some(waits) = waits(open, now) {
        text.push_str(&format!(" · {waits}"));
    }
    text
}

/// What the open jobs wait for.
fn waits(open: &[Job], now: Timestamp) -> Option<String> {
    let gate = open.iter().find_map(|job| job.waiting_at.as_ref());
    let throttled = open.iter().filter(|job| job.throttled > 0).count();
    let next = open.iter().filter(|job| job.lease.is_none()).filter_map(|job| job.wake_at).min();
    let mut parts = Vec::new();
    if let Some(gate) = gate {
        let count = open.iter().filter(|job| job.waiting_at.as_ref() == Some(gate)).count();
        parts.push(format!("{count} wait for room at `{gate}`"));
    }
    if throttled > 0 {
        parts.push(format!("{throttled} slowed down by AWS"));
    }
    if let Some(next) = next.filter(|next| *next > now) {
        parts.push(format!("next look in {}s", next.duration_since(now).as_secs()));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_what_failed() {
        let mut tally = Tally::default();
        (tally.spread.succeeded, tally.find.succeeded, tally.find.open) = (1, 2, 1);
        (tally.act.succeeded, tally.act.failed, tally.act.open) = (4, 1, 5);
        assert_eq!(
            line(&tally, &[], Timestamp::UNIX_EPOCH, 4.0),
            "2 of 3 places listed, 5 of 10 targets done, 1 failed · 4.0 jobs/s"
        );
    }
}
