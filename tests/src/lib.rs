//! Starts real processes on free loopback ports, drives traffic through them, and cleans up by pid.

pub mod corpus;
