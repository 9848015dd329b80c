//! Every target in one program; the variable FUZZ_TARGET names the target.
#![no_main]

use std::sync::LazyLock;

use properties::{control, framing, samples, sentences, subscribers, tokens, usernames, websocket};

/// The targets by the names of their own programs.
const TARGETS: [(&str, fn(&[u8])); 8] = [
    ("control", control::holds),
    ("framing", framing::holds),
    ("samples", samples::holds),
    ("sentences", sentences::holds),
    ("subscribers", subscribers::holds),
    ("tokens", tokens::holds),
    ("usernames", usernames::holds),
    ("websocket", websocket::holds),
];

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let target = TARGETS.iter().find(|(target, _)| *target == name);
    target.unwrap_or_else(|| panic!("FUZZ_TARGET is {name:?}, none of {:?}", TARGETS.map(|(name, _)| name))).1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
