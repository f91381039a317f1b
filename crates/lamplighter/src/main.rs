//! lamplighter
fn main() {}
