//! The command `linelight-relay`.

fn main() {}
