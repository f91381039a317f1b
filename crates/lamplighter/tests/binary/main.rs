//! The whole program, from outside: what users type, what they read, and how it exits. Where AWS is
//! needed it is moto, or the program's own simulator, one server per test, on a free port of this machine.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod bed;
mod crash;
mod examples;
mod fire;
mod plans;
mod refused;
mod shared;
mod simulated;
mod tasks;
