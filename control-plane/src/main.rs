//! SecBeat's control plane.

fn main() {}
