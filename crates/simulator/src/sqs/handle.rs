//! Receipt handles: what a receiver deletes a message with.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use crate::refusal::Refusal;

/// A receipt handle: a message of a queue, as it was received once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handle {
    /// The queue, of which there may be another with the same name later.
    queue: u64,
    /// The message's number in it.
    pub(super) message: u64,
    /// Which receive it was.
    pub(super) receive: u32,
}

impl Handle {
    pub(super) fn new(queue: &str, since: Timestamp, message: u64, receive: u32) -> Handle {
        Handle { queue: hash((queue, since)), message, receive }
    }

    /// Reads a handle of this queue.
    pub(super) fn read(queue: &str, since: Timestamp, text: &str) -> Result<Handle, Refusal> {
        let read = || {
            let rest = text.strip_prefix("AQEB")?;
            let number = |from: usize, to: usize| u64::from_str_radix(rest.get(from..to)?, 16).ok();
            let (number_of, receive) = (number(16, 32)?, u32::try_from(number(32, 40)?).ok()?);
            let handle = Handle { queue: number(0, 16)?, message: number_of, receive };
            let valid = handle.queue == hash((queue, since)) && handle.to_string() == text;
            valid.then_some(handle)
        };
        read().ok_or_else(|| {
            let message =
                format!("The input receipt handle \"{text}\" is not a valid receipt handle.");
            Refusal::new("ReceiptHandleIsInvalid", message)
        })
    }
}

impl std::fmt::Display for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Handle { queue, message, receive } = self;
        // The last part proves that the handle was made here.
        let seal = hash((0x51_u8, queue, message, receive));
        write!(f, "AQEB{queue:016x}{message:016x}{receive:08x}{seal:016x}")
    }
}

fn hash(it: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_good_for_its_queue_only() {
        let since = Timestamp::UNIX_EPOCH;
        let handle = Handle::new("queue", since, 7, 2);
        let text = handle.to_string();
        let read =
            |queue, since, text: &str| Handle::read(queue, since, text).map_err(|it| it.code);
        assert_eq!(read("queue", since, &text), Ok(handle));
        let later = Timestamp::from_second(1).unwrap();
        let forged = text.replacen("7", "8", 1);
        for (queue, since, text) in [
            ("other", since, &*text),
            ("queue", later, &*text),
            ("queue", since, &*forged),
            ("queue", since, ""),
            ("queue", since, "AQEBé"),
        ] {
            assert_eq!(read(queue, since, text), Err("ReceiptHandleIsInvalid"), "{text}");
        }
    }
}
