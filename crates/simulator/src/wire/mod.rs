//! How AWS talks: requests as forms or JSON, answers as XML or JSON.

mod query;
pub(crate) mod time;
mod xml;
