//! What Linelight is tried against: a simulated RouterOS router, an interpreter of RouterOS scripts over a model of a router's
//! configuration, and the harness that runs the built programs.
//!
//! The rooms beside this library say whose test they are: `agent_at_router` is the agent's router task at the simulated router,
//! `install_scripts` the scripts that the relay writes for routers, `simulated_router_behaviour` the simulated router itself, and
//! `e2e` the built programs from end to end.

pub mod attacks;
pub mod bench;
pub mod harness;
pub mod script_interpreter;
pub mod simulated_router;
