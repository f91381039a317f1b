//! A queue: which message is received when.
//!
//! Source: SQS Developer Guide, "Amazon SQS visibility timeout", "FIFO queue delivery logic",
//! "Exactly-once processing in Amazon SQS", "Amazon SQS fair queues", "Using dead-letter queues
//! in Amazon SQS".

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::Tags;

use super::{
    attributes::Attributes,
    handle::Handle,
    message::{Content, Message},
};
use crate::refusal::Refusal;

/// Messages of a queue that were received and are neither deleted nor visible again.
const MOST_IN_FLIGHT: usize = 120_000;
/// Messages of one group that a receive looks at.
const LOOKS: usize = 100;
/// How long a FIFO queue remembers what it has taken.
const REMEMBERS_FOR: SignedDuration = SignedDuration::from_mins(5);
/// How long a message can be invisible after it was received, however often that is prolonged.
pub(crate) const LONGEST_INVISIBLE: SignedDuration = SignedDuration::from_hours(12);

/// A queue with its messages.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) arn: String,
    pub(crate) created_at: Timestamp,
    pub(crate) modified_at: Timestamp,
    pub(crate) purged_at: Option<Timestamp>,
    pub(crate) attributes: Attributes,
    pub(crate) tags: Tags,
    messages: BTreeMap<u64, Message>,
    /// The messages of each group in the order in which they are visible. Those without a group
    /// are in the group without a name.
    groups: BTreeMap<String, BTreeSet<(Timestamp, u64)>>,
    /// All messages in the order in which they were sent.
    ages: BTreeSet<(Timestamp, u64)>,
    count: u64,
    /// What a FIFO queue has taken, by group and token.
    taken: BTreeMap<(String, String), Taken>,
}

/// A message that a FIFO queue has taken.
#[derive(Clone, Debug)]
struct Taken {
    at: Timestamp,
    sent: Sent,
}

/// What the sender of a message is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) sequence: Option<String>,
}

/// What a receiver gets, and what nobody could do.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) messages: Vec<(Handle, Message)>,
    /// These were received too often, and go to another queue.
    pub(crate) dead: Vec<Message>,
}

/// How many messages there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visible: usize,
    pub(crate) in_flight: usize,
    pub(crate) delayed: usize,
}

impl Queue {
    pub(crate) fn new(arn: String, attributes: Attributes, tags: Tags, now: Timestamp) -> Queue {
        Queue {
            arn,
            created_at: now,
            modified_at: now,
            purged_at: None,
            attributes,
            tags,
            messages: BTreeMap::new(),
            groups: BTreeMap::new(),
            ages: BTreeSet::new(),
            count: 0,
            taken: BTreeMap::new(),
        }
    }

    /// Takes a message that was checked. A FIFO queue takes one and the same only once.
    pub(crate) fn send(
        &mut self,
        content: Content,
        sender: &str,
        id: String,
        now: Timestamp,
    ) -> Sent {
        let mut sent = Sent { id, sequence: None };
        let mut token = content.message_deduplication_id.clone();
        if self.attributes.is_fifo() {
            self.taken.retain(|_, it| now < it.at + REMEMBERS_FOR);
            let content_token = content.token();
            let scope = match self.attributes.remembers_by_group() {
                true => content.message_group_id.clone().unwrap_or_default(),
                false => String::new(),
            };
            let key = (scope, content_token.clone());
            if let Some(taken) = self.taken.get(&key) {
                return taken.sent.clone();
            }
            sent.sequence = Some(format!("1{:019}", self.count + 1));
            self.taken.insert(key, Taken { at: now, sent: sent.clone() });
            token = Some(content_token);
        }
        let delay = content.delay(&self.attributes);
        self.put(Message {
            id: sent.id.clone(),
            body: content.message_body,
            attributes: content.message_attributes,
            sender: sender.to_owned(),
            sent_at: now,
            group: content.message_group_id,
            token,
            sequence: sent.sequence.clone(),
            receives: 0,
            receives_here: 0,
            first_received_at: None,
            received_at: None,
            visible_at: now + delay,
            dead_letter_of: None,
        });
        sent
    }

    /// Takes a message that was received too often from another queue. In a standard queue it
    /// keeps its age.
    pub(crate) fn take_dead_letter(&mut self, mut message: Message, of: &str, now: Timestamp) {
        message.receives_here = 0;
        message.received_at = None;
        message.visible_at = now;
        message.dead_letter_of.get_or_insert_with(|| of.to_owned());
        if self.attributes.is_fifo() {
            message.sent_at = now;
            message.sequence = Some(format!("1{:019}", self.count + 1));
        }
        self.put(message);
    }

    /// Gives out up to `most` messages, which are then invisible for some time.
    pub(crate) fn receive(
        &mut self,
        most: usize,
        invisible: SignedDuration,
        now: Timestamp,
    ) -> Result<Received, Refusal> {
        self.expire(now);
        let in_flight = self.counts(now).in_flight;
        let fifo = self.attributes.is_fifo();
        if in_flight >= MOST_IN_FLIGHT {
            return match fifo {
                true => Ok(Received::default()),
                false => Err(Refusal::new(
                    "OverLimit",
                    "The maximum number of in flight messages is reached",
                )
                .status(403)),
            };
        }
        let most_receives = self.attributes.redrive()?.map_or(u32::MAX, |it| it.most_receives);
        let mut received = Received::default();
        let mut next = match fifo {
            true => Next::Fifo(self.fifo_order(now)),
            false => Next::Standard(self.tenants(now)),
        };
        while received.messages.len() < most
            && let Some(number) = next.next()
        {
            let Some(message) = self.messages.get(&number) else { continue };
            if message.receives_here >= most_receives {
                received.dead.extend(self.remove(number));
                continue;
            }
            received.messages.extend(self.give(number, invisible, now));
        }
        Ok(received)
    }

    /// Deletes the message of a handle. One of an earlier receive deletes nothing.
    pub(crate) fn delete(&mut self, handle: &Handle, now: Timestamp) -> Result<(), Refusal> {
        self.expire(now);
        let Some(message) = self.messages.get(&handle.message) else { return Ok(()) };
        let expired = message.visible_at <= now || message.receives != handle.receive;
        match (expired, self.attributes.is_fifo()) {
            // A FIFO queue may have given it to somebody else.
            (true, true) => Err(expired_handle()),
            (true, false) if message.receives != handle.receive => Ok(()),
            _ => {
                self.remove(handle.message);
                Ok(())
            }
        }
    }

    /// Makes a message invisible from now on for so long, or visible at once.
    pub(crate) fn change_visibility(
        &mut self,
        handle: &Handle,
        invisible: SignedDuration,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.expire(now);
        let Some(message) = self.messages.get(&handle.message) else {
            return Err(Refusal::new(
                "InvalidParameterValue",
                "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or \
                 is not available for visibility timeout change.",
            ));
        };
        if message.receives != handle.receive {
            return Err(expired_handle());
        }
        if message.visible_at <= now {
            let message = "The specified message isn't in flight.";
            return Err(Refusal::new("MessageNotInflight", message));
        }
        let received_at = message.received_at.unwrap_or(now);
        if now + invisible > received_at + LONGEST_INVISIBLE {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!(
                    "Value {} for parameter VisibilityTimeout is invalid. Reason: Total \
                     VisibilityTimeout for the message is beyond the limit [43200 seconds].",
                    invisible.as_secs()
                ),
            ));
        }
        if let Some(mut message) = self.remove(handle.message) {
            message.visible_at = now + invisible;
            self.insert(handle.message, message);
        }
        Ok(())
    }

    /// Deletes all messages.
    pub(crate) fn purge(&mut self, now: Timestamp) {
        self.messages.clear();
        self.groups.clear();
        self.ages.clear();
        self.purged_at = Some(now);
    }

    /// How many messages there are.
    pub(crate) fn counts(&self, now: Timestamp) -> Counts {
        let mut counts = Counts::default();
        for group in self.groups.values() {
            for (_, number) in group.range((now, u64::MAX)..) {
                match self.messages.get(number).is_some_and(|it| it.received_at.is_some()) {
                    true => counts.in_flight += 1,
                    false => counts.delayed += 1,
                }
            }
        }
        counts.visible = self.messages.len() - counts.in_flight - counts.delayed;
        counts
    }

    /// Deletes what is older than the queue keeps messages.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        let keeps = self.attributes.number("MessageRetentionPeriod");
        let keeps = SignedDuration::from_secs(keeps as i64);
        while let Some((sent_at, number)) = self.ages.first()
            && *sent_at + keeps <= now
        {
            self.remove(*number);
        }
    }

    fn put(&mut self, message: Message) {
        self.count += 1;
        self.insert(self.count, message);
    }

    fn insert(&mut self, number: u64, message: Message) {
        let group = message.group.clone().unwrap_or_default();
        self.groups.entry(group).or_default().insert((message.visible_at, number));
        self.ages.insert((message.sent_at, number));
        self.messages.insert(number, message);
    }

    fn remove(&mut self, number: u64) -> Option<Message> {
        let message = self.messages.remove(&number)?;
        self.ages.remove(&(message.sent_at, number));
        let name = message.group.as_deref().unwrap_or_default();
        if let Some(group) = self.groups.get_mut(name) {
            group.remove(&(message.visible_at, number));
            if group.is_empty() {
                self.groups.remove(name);
            }
        }
        Some(message)
    }

    /// Gives out one message.
    fn give(
        &mut self,
        number: u64,
        invisible: SignedDuration,
        now: Timestamp,
    ) -> Option<(Handle, Message)> {
        let mut message = self.remove(number)?;
        message.receives += 1;
        message.receives_here += 1;
        message.first_received_at.get_or_insert(now);
        message.received_at = Some(now);
        message.visible_at = now + invisible;
        let handle = Handle::new(&self.arn, self.created_at, number, message.receives);
        self.insert(number, message.clone());
        Some((handle, message))
    }

    /// What a FIFO queue may give out, in order: of each group that has nothing in flight, what
    /// is visible up to the first that is not. The group that waits longest comes first.
    fn fifo_order(&self, now: Timestamp) -> Vec<u64> {
        let mut groups = Vec::new();
        for group in self.groups.values() {
            let mut order: Vec<u64> = group.iter().map(|(_, number)| *number).collect();
            order.sort_unstable();
            let messages: Vec<_> = order.iter().filter_map(|it| self.messages.get(it)).collect();
            let in_flight = |it: &&Message| it.visible_at > now && it.received_at.is_some();
            if messages.iter().any(in_flight) {
                continue;
            }
            let visible = messages.iter().take_while(|it| it.visible_at <= now).count();
            order.truncate(visible);
            groups.push(order);
        }
        groups.sort_unstable();
        let mut order = groups.concat();
        order.reverse();
        order
    }

    /// The groups of a standard queue: those with the fewest messages in flight come first, so
    /// that nobody waits behind somebody who has many.
    fn tenants(&self, now: Timestamp) -> BinaryHeap<Reverse<Tenant>> {
        let tenant = |(name, group): (&String, &BTreeSet<_>)| {
            let in_flight = group.range((now, u64::MAX)..).count();
            let visible: Vec<_> = group.range(..=(now, u64::MAX)).copied().take(LOOKS).collect();
            let mut visible = visible.into_iter();
            // Messages without a group are each by themselves.
            let in_flight = if name.is_empty() { 0 } else { in_flight };
            visible.next().map(|head| {
                let rest = visible.rev().collect();
                Reverse(Tenant { in_flight, head, rest, counts: !name.is_empty() })
            })
        };
        self.groups.iter().filter_map(tenant).collect()
    }
}

/// What a receive may give out next.
enum Next {
    /// In this order, from the end.
    Fifo(Vec<u64>),
    /// Of these groups.
    Standard(BinaryHeap<Reverse<Tenant>>),
}

/// A group of a standard queue.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Tenant {
    in_flight: usize,
    /// Its message that has been visible for longest.
    head: (Timestamp, u64),
    /// The others, from the end.
    rest: Vec<(Timestamp, u64)>,
    /// Whether what is given out counts for the next.
    counts: bool,
}

impl Iterator for Next {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        match self {
            Next::Fifo(order) => order.pop(),
            Next::Standard(tenants) => {
                let Reverse(mut tenant) = tenants.pop()?;
                let (_, number) = tenant.head;
                if let Some(head) = tenant.rest.pop() {
                    tenant.head = head;
                    tenant.in_flight += usize::from(tenant.counts);
                    tenants.push(Reverse(tenant));
                }
                Some(number)
            }
        }
    }
}

fn expired_handle() -> Refusal {
    Refusal::new(
        "InvalidParameterValue",
        "Value for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    )
}

#[cfg(test)]
mod tests;
