//! YAML to a checked configuration, or to all the problems in it.
//!
//! This crate opens no file: whoever calls it reads them, and hands over their texts.

mod account;
mod calendar;
mod ics;
mod load;
mod node;
mod object;
mod params;
mod recurrence;
mod render;
mod report;
mod schedule;
mod schema;
mod selection;
mod shape;
mod source;
mod suggest;
mod task;
mod trigger;
mod value;
pub mod yaml;

pub use account::{Account, Role, Secret};
pub use calendar::ReadFile;
pub use load::{Config, load};
pub use render::{Style, render};
pub use report::{Problem, to_json};
pub use schema::schema;
pub use source::{FILE_MAX, Source, TOTAL_MAX};
