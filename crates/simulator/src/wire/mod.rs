//! How AWS talks: requests as forms or JSON, answers as XML or JSON.

mod query;
mod xml;
