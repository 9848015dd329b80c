//! What tests/counts/run counts instructions and allocations of: the bytes of a router's rows become batches in the backlog.
//!
//! Usage: `counts LINES SECONDS`; prints the allocations. Instructions are the difference of two runs.

#![expect(clippy::print_stdout, reason = "it is what the program is for")]

#[path = "../tests/replay/mod.rs"]
mod replay;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u32>().ok());
    let (Some(lines), Some(seconds)) = (numbers.next(), numbers.next()) else {
        // `cargo bench` has nothing to say here.
        return;
    };
    let seconds = u64::from(seconds);
    let measured = replay::watching(lines as usize, |run_until: &mut dyn FnMut(u64), _| {
        run_until(130);
        allocation_counter::measure(|| run_until(130 + seconds))
    });
    println!("{}", measured.count_total);
}
