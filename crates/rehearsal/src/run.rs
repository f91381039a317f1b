//! Runs futures without a runtime, one poll at a time, so that a seed decides who goes next.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// What came of one poll.
pub(crate) enum Polled<T> {
    /// It has ended.
    Ended(T),
    /// It wants to go on.
    GoesOn,
    /// It waits for something that never comes: its worker has died.
    Dead,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls once.
pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Polled<F::Output> {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    match future.poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(value) => Polled::Ended(value),
        Poll::Pending if woken.0.load(Ordering::Relaxed) => Polled::GoesOn,
        Poll::Pending => Polled::Dead,
    }
}

/// Runs a future alone to its end. `None` when its worker died.
pub fn finish<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    loop {
        match poll(future.as_mut()) {
            Polled::Ended(value) => return Some(value),
            Polled::GoesOn => {}
            Polled::Dead => return None,
        }
    }
}

/// Lets others run once.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
