//! The scripts of `linelight-relay router-script`, applied to a model of a router for each version of RouterOS that renamed something.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod found;
mod installed;
mod later;
mod refused;
