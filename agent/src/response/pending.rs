//! Outcomes of probes and drops of queues, by line, until the line's next sample takes them.

use heapless::Deque;
use shared::{Detail, LineHandle, Response};

/// The most outcomes that wait. A loss is known two seconds late, beside the answers of later probes; each of them comes
/// with a sample of its own. Beyond this the oldest goes, answered or lost: a router that is read each five seconds must
/// not show more loss than there is.
const WAITING: usize = 3;

/// What waits, by rising handle. As many entries as there are watched lines.
#[derive(Debug, Default)]
pub struct Pending {
    lines: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    line: LineHandle,
    outcomes: Deque<Response, WAITING>,
    drops: u32,
}

impl Pending {
    /// Takes the outcome of a probe.
    pub fn note(&mut self, line: LineHandle, outcome: Response) {
        let waiting = self.of(line);
        if outcome == Response::Silent {
            waiting.outcomes.clear();
        }
        if waiting.outcomes.is_full() {
            waiting.outcomes.pop_front();
        }
        // There is room: see above.
        let _ = waiting.outcomes.push_back(outcome);
    }

    /// Takes the drops of a row, packets a second. Those of a line's sessions add up.
    pub fn note_drops(&mut self, line: LineHandle, drops: u32) {
        let waiting = self.of(line);
        waiting.drops = waiting.drops.saturating_add(drops);
    }

    /// Takes what waits for a sample of the line.
    pub fn take(&mut self, line: LineHandle) -> Detail {
        let place = self.lines.binary_search_by_key(&line, |waiting| waiting.line);
        let Some(waiting) = place.ok().and_then(|nth| self.lines.get_mut(nth)) else { return Detail::default() };
        let response = waiting.outcomes.pop_front().unwrap_or_default();
        Detail { response, drops: std::mem::take(&mut waiting.drops) }
    }

    /// Forgets unwatched lines.
    pub fn forget(&mut self, is_watched: impl Fn(LineHandle) -> bool) {
        self.lines.retain(|waiting| is_watched(waiting.line));
    }

    fn of(&mut self, line: LineHandle) -> &mut Waiting {
        let place = self.lines.binary_search_by_key(&line, |waiting| waiting.line);
        let nth = place.unwrap_or_else(|nth| {
            self.lines.insert(nth, Waiting { line, outcomes: Deque::new(), drops: 0 });
            nth
        });
        &mut self.lines[nth]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: LineHandle = LineHandle(1);
    const B: LineHandle = LineHandle(2);

    fn told(pending: &mut Pending, samples: usize) -> Vec<Response> {
        (0..samples).map(|_| pending.take(A).response).collect()
    }

    #[test]
    fn each_sample_takes_one_outcome_and_all_drops() {
        let mut pending = Pending::default();
        pending.note(B, Response::Micros(9));
        pending.note(A, Response::Lost);
        pending.note(A, Response::Micros(5));
        pending.note_drops(A, 2);
        pending.note_drops(A, 3);
        assert_eq!(pending.take(A), Detail { response: Response::Lost, drops: 5 });
        assert_eq!(pending.take(A), Detail { response: Response::Micros(5), drops: 0 });
        assert_eq!(pending.take(A), Detail::default());
        assert_eq!(pending.take(B).response, Response::Micros(9));
    }

    #[test]
    fn a_slow_router_is_told_the_newest_and_silence_ends_what_was_before() {
        let mut pending = Pending::default();
        (1..=5).for_each(|micros| pending.note(A, Response::Micros(micros)));
        let newest = [Response::Micros(3), Response::Micros(4), Response::Micros(5), Response::NotMeasured];
        assert_eq!(told(&mut pending, 4), newest);
        pending.note(A, Response::Lost);
        pending.note(A, Response::Silent);
        assert_eq!(told(&mut pending, 2), [Response::Silent, Response::NotMeasured]);
    }

    #[test]
    fn unwatched_lines_are_forgotten() {
        let mut pending = Pending::default();
        pending.note(A, Response::Lost);
        pending.note(B, Response::Lost);
        pending.forget(|line| line == B);
        assert_eq!((pending.take(A).response, pending.take(B).response), (Response::NotMeasured, Response::Lost));
    }
}
