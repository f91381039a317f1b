//! The configuration as its users meet it: what is accepted, what is said about mistakes.

mod bad;
mod good;
mod hostile;
mod render;
mod schema;
#[expect(dead_code, reason = "the parameters of its actions are only parsed")]
mod support;
