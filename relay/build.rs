//! Compresses, hashes and embeds the page.

fn main() {}
