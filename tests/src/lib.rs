//! The test environment of Linelight: a simulated RouterOS router, an interpreter of RouterOS scripts over a model of a router's
//! configuration, subscribers' kernels behind a wire, and the harness that runs the built programs.
//!
//! Each room beside this library has one subject: `agent_at_router` the agent's router task at the simulated router,
//! `install_scripts` the relay's scripts for routers, `simulated_router_behaviour` the simulated router itself, and `e2e` the built
//! programs from end to end.

pub mod attacks;
pub mod bench;
pub mod harness;
pub mod homes;
pub mod script_interpreter;
pub mod simulated_router;
