//! How AWS talks: requests as forms or JSON, answers as XML or JSON.

pub(crate) mod answer;
pub(crate) mod dispatch;
pub(crate) mod query;
pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod time;
pub(crate) mod xml;
