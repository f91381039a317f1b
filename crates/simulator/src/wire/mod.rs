//! How AWS talks: requests as forms or JSON, answers as XML or JSON.
#![cfg_attr(not(test), expect(dead_code, reason = "operations are dispatched in a later commit"))]

pub(crate) mod answer;
pub(crate) mod query;
pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod time;
pub(crate) mod xml;
