//! In the steady state a row of a stream costs the router's task no allocation: an agent that lives in a router's few
//! megabytes must not churn them a thousand times a second.

mod replay;

const LINES: usize = 150;

#[test]
fn rows_of_the_steady_state_allocate_nothing() {
    replay::watching(LINES, |run_until: &mut dyn FnMut(u64), handover| {
        // The counters of all lines are read each 30 s as well.
        handover.averages.set(true);
        run_until(130);
        let batches = handover.backlog.borrow().next_sequence();
        let measured = allocation_counter::measure(|| run_until(190));
        let batches = handover.backlog.borrow().next_sequence() - batches;
        assert!(batches >= 62, "{batches} batches in a minute, two of them averages");
        // What is left is of the seconds (a question for the CPU load every five), not of the 9,300 rows.
        println!("{} allocations for {} rows", measured.count_total, 60 * LINES);
        assert!(measured.count_total <= 120, "{} allocations", measured.count_total);
        assert_eq!(measured.count_current, 0, "nothing is kept");
    });
}
