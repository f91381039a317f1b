//! The real binary, from outside: what users type, what they read, and how it exits. Where AWS is
//! needed it is moto, one server per test, on a free port of this machine.

mod bed;
mod cli;
mod crash;
mod plans;
mod tasks;
