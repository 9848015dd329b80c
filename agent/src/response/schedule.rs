//! When to probe which line, and which answers count.
//!
//! A line is probed each second, and the lines are spread over the second. All lines together get no more probes than the limit
//! allows; beyond it each line waits longer. An answer counts once, from the address that was asked, within two seconds. A router that
//! has never answered is not lost but silent, from the tenth probe on, and is then asked each ten seconds.

use std::net::IpAddr;
use std::time::Duration;

use shared::sample::{MAX_RESPONSE_US, MIN_RESPONSE_US};
use shared::{LineHandle, Response};
use tokio::time::Instant;

use super::{EACH, LOST_AFTER};

/// The time between two probes of a silent router.
const SILENT_EACH: Duration = Duration::from_secs(10);

/// After so many probes without any answer a router is silent.
const SILENT_AFTER: u8 = 10;

/// The most probes of one line on their way: one a second, for two seconds, and one that is late.
const ON_THE_WAY: usize = 4;

/// A probe to be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Whom to ask.
    pub address: IpAddr,
    /// Tells answers apart.
    pub sequence: u16,
}

/// The outcome of a probe of a line.
pub type Outcome = (LineHandle, Response);

/// The probes of all watched lines.
#[derive(Debug)]
pub struct Schedule {
    targets: Vec<Target>,
    /// The least time between two probes of any lines; `None` to send none.
    pause: Option<Duration>,
    /// No probe is sent before.
    earliest: Option<Instant>,
    sequence: u16,
}

#[derive(Debug)]
struct Target {
    line: LineHandle,
    address: IpAddr,
    due: Instant,
    sent: heapless::Vec<Sent, ON_THE_WAY>,
    /// True after the first answer.
    answers: bool,
    /// Probes lost before the first answer.
    unanswered: u8,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    sequence: u16,
    at: Instant,
}

impl Schedule {
    /// Starts without lines. `limit`: the most probes a second; 0 for none. The first probe has the next `sequence` number.
    pub fn new(limit: u32, sequence: u16) -> Self {
        let pause = (limit > 0).then(|| Duration::from_secs(1) / limit);
        Self { targets: Vec::new(), pause, earliest: None, sequence }
    }

    /// Replaces the lines and their addresses, by rising handle. A line with another address begins anew.
    pub fn watch(&mut self, wanted: impl Iterator<Item = (LineHandle, IpAddr)>, now: Instant) {
        if self.pause.is_none() {
            return;
        }
        let mut known = std::mem::take(&mut self.targets).into_iter().peekable();
        for (line, address) in wanted {
            while known.next_if(|target| target.line < line).is_some() {}
            let same = known.next_if(|target| target.line == line && target.address == address);
            self.targets.push(same.unwrap_or_else(|| Target::new(line, address, now)));
        }
    }

    /// Returns a probe that is due, as sent.
    pub fn next(&mut self, now: Instant) -> Option<Probe> {
        if self.earliest.is_some_and(|earliest| now < earliest) {
            return None;
        }
        let target = self.targets.iter_mut().filter(|target| target.due <= now).min_by_key(|target| target.due)?;
        target.due = (target.due + target.pause()).max(now);
        self.sequence = self.sequence.wrapping_add(1);
        // A line with too many on their way waits for the next second.
        target.sent.push(Sent { sequence: self.sequence, at: now }).ok()?;
        self.earliest = Some(now + self.pause?);
        Some(Probe { address: target.address, sequence: self.sequence })
    }

    /// Forgets a probe that could not be sent: this says nothing of the line.
    pub fn unsent(&mut self, sequence: u16) {
        self.targets.iter_mut().for_each(|target| target.sent.retain(|sent| sent.sequence != sequence));
    }

    /// Takes an answer.
    pub fn answered(&mut self, from: IpAddr, sequence: u16, now: Instant) -> Option<Outcome> {
        let is_asked = |target: &&mut Target| target.sent.iter().any(|sent| sent.sequence == sequence);
        let target = self.targets.iter_mut().find(is_asked).filter(|target| target.address == from)?;
        let nth = target.sent.iter().position(|sent| sent.sequence == sequence)?;
        let taken = now.saturating_duration_since(target.sent.remove(nth).at);
        if taken >= LOST_AFTER {
            return target.lost();
        }
        if !target.answers {
            target.due = target.due.min(now + EACH);
            target.answers = true;
        }
        let micros = u32::try_from(taken.as_micros()).unwrap_or(MAX_RESPONSE_US);
        Some((target.line, Response::Micros(micros.clamp(MIN_RESPONSE_US, MAX_RESPONSE_US))))
    }

    /// Takes the next probe without an answer in time. Call again until there is none.
    pub fn expired(&mut self, now: Instant) -> Option<Outcome> {
        let is_over = |sent: &Sent| now.saturating_duration_since(sent.at) >= LOST_AFTER;
        while let Some(target) = self.targets.iter_mut().find(|target| target.sent.first().is_some_and(is_over)) {
            target.sent.remove(0);
            if let Some(outcome) = target.lost() {
                return Some(outcome);
            }
        }
        None
    }

    /// When [`next`](Self::next) or [`expired`](Self::expired) has something to say.
    pub fn wake(&self) -> Option<Instant> {
        let due = self.targets.iter().map(|target| target.due).min();
        let due = due.map(|due| self.earliest.map_or(due, |earliest| due.max(earliest)));
        let over = self.targets.iter().filter_map(|target| Some(target.sent.first()?.at + LOST_AFTER)).min();
        due.into_iter().chain(over).min()
    }
}

impl Target {
    fn new(line: LineHandle, address: IpAddr, now: Instant) -> Self {
        // Neighbouring handles far apart: Fibonacci hashing, to 1,024 places in the second.
        let place = u64::from(line.0.wrapping_mul(0x9E37_79B9) >> 22);
        let due = now + Duration::from_micros(place * 976);
        Self { line, address, due, sent: heapless::Vec::new(), answers: false, unanswered: 0 }
    }

    fn is_silent(&self) -> bool {
        !self.answers && self.unanswered >= SILENT_AFTER
    }

    fn pause(&self) -> Duration {
        if self.is_silent() { SILENT_EACH } else { EACH }
    }

    /// Before the first answer nobody knows whether the router answers probes at all.
    fn lost(&mut self) -> Option<Outcome> {
        if self.answers {
            return Some((self.line, Response::Lost));
        }
        self.unanswered = self.unanswered.saturating_add(1);
        self.is_silent().then_some((self.line, Response::Silent))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const A: LineHandle = LineHandle(1);

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + n).into()
    }

    /// A schedule with its time.
    struct Clock {
        schedule: Schedule,
        start: Instant,
        now: Instant,
    }

    impl Clock {
        fn new(limit: u32, lines: u32) -> Self {
            let start = Instant::now();
            let mut schedule = Schedule::new(limit, u16::MAX - 3);
            schedule.watch((1..=lines).map(|n| (LineHandle(n), address(n))), start);
            Self { schedule, start, now: start }
        }

        /// Runs for so many milliseconds, in steps of one. `answer` says whether and after how many milliseconds the nth probe is
        /// answered.
        fn run(&mut self, ms: u64, answer: impl Fn(usize) -> Option<u64>) -> (Vec<Probe>, Vec<Outcome>) {
            let (mut probes, mut outcomes, mut answers) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ms {
                self.now += Duration::from_millis(1);
                while let Some(probe) = self.schedule.next(self.now) {
                    let after = answer(probes.len());
                    answers.extend(after.map(|after| (self.now + Duration::from_millis(after), probe)));
                    probes.push(probe);
                }
                for (_, probe) in answers.extract_if(.., |(at, _)| *at <= self.now) {
                    outcomes.extend(self.schedule.answered(probe.address, probe.sequence, self.now));
                }
                outcomes.extend(std::iter::from_fn(|| self.schedule.expired(self.now)));
            }
            (probes, outcomes)
        }
    }

    #[test]
    fn a_line_is_probed_each_second_and_answers_in_its_time() {
        let mut clock = Clock::new(200, 1);
        let (probes, outcomes) = clock.run(10_000, |_| Some(12));
        assert_eq!(probes.len(), 10);
        assert_eq!(outcomes, vec![(A, Response::Micros(12_000)); outcomes.len()]);
        assert!((9..=10).contains(&outcomes.len()));
    }

    #[test]
    fn lines_are_spread_over_the_second() {
        let mut clock = Clock::new(1_000, 100);
        let most = (0..20).map(|_| clock.run(50, |_| Some(1)).0.len()).max();
        assert!(most < Some(10), "{most:?} of 100 lines within 50 ms");
    }

    #[test]
    fn the_limit_holds_and_every_line_gets_its_turn() {
        let mut clock = Clock::new(50, 200);
        let (probes, _) = clock.run(20_000, |_| Some(5));
        assert!((990..=1_001).contains(&probes.len()), "{} probes in 20 s", probes.len());
        for n in 1..=200 {
            let turns = probes.iter().filter(|probe| probe.address == address(n)).count();
            assert!((4..=6).contains(&turns), "line {n} was probed {turns} times");
        }
        assert_eq!(Clock::new(0, 10).run(5_000, |_| Some(1)).0, [], "no probes at all");
    }

    #[test]
    fn a_lost_probe_is_lost_after_two_seconds_and_a_late_answer_is_nothing() {
        let mut clock = Clock::new(200, 1);
        let (_, outcomes) =
            clock.run(10_000, |nth| [Some(10), None, Some(1_990), Some(2_500)].get(nth).copied().unwrap_or(Some(10)));
        let lost = outcomes.iter().filter(|(_, response)| *response == Response::Lost).count();
        assert_eq!(lost, 2, "{outcomes:?}");
        assert!(outcomes.contains(&(A, Response::Micros(1_990_000))), "{outcomes:?}");
    }

    #[test]
    fn only_the_asked_address_answers_and_only_once() {
        let mut clock = Clock::new(200, 2);
        let (probes, _) = clock.run(1_100, |_| None);
        let probe = probes[0];
        let (now, schedule) = (clock.now, &mut clock.schedule);
        assert_eq!(schedule.answered(address(99), probe.sequence, now), None);
        assert_eq!(schedule.answered(probe.address, probe.sequence.wrapping_add(777), now), None);
        assert!(schedule.answered(probe.address, probe.sequence, now).is_some());
        assert_eq!(schedule.answered(probe.address, probe.sequence, now), None, "doubled");
    }

    #[test]
    fn a_router_that_never_answers_is_silent_and_probed_seldom() {
        let mut clock = Clock::new(200, 1);
        let (probes, outcomes) = clock.run(13_000, |_| None);
        assert!((10..=13).contains(&probes.len()), "{}", probes.len());
        assert!(
            !outcomes.is_empty() && outcomes.iter().all(|(_, response)| *response == Response::Silent),
            "{outcomes:?}"
        );
        let (probes, outcomes) = clock.run(60_000, |_| None);
        assert!((5..=7).contains(&probes.len()), "{}", probes.len());
        assert!(outcomes.iter().all(|(_, response)| *response == Response::Silent));
        let (_, outcomes) = clock.run(20_000, |_| Some(12));
        let answered = outcomes.iter().filter(|(_, response)| *response == Response::Micros(12_000)).count();
        assert!(answered >= 9, "it answers, and is probed each second again: {outcomes:?}");
    }

    #[test]
    fn what_could_not_be_sent_says_nothing() {
        let mut clock = Clock::new(200, 1);
        let (probes, _) = clock.run(1_100, |_| Some(1));
        clock.run(1_000, |_| Some(1));
        let probe = std::iter::from_fn(|| {
            clock.now += Duration::from_millis(1);
            Some(clock.schedule.next(clock.now))
        });
        let probe = probe.flatten().next().unwrap();
        assert!(probe.sequence > probes[0].sequence || probe.sequence < 10);
        clock.schedule.unsent(probe.sequence);
        clock.now += LOST_AFTER;
        assert_eq!(clock.schedule.expired(clock.now), None);
    }

    #[test]
    fn another_address_begins_anew_and_the_schedule_wakes_in_time() {
        let mut clock = Clock::new(200, 2);
        clock.run(5_000, |_| Some(12));
        let wake = clock.schedule.wake().unwrap();
        assert!(wake >= clock.now && wake < clock.now + EACH);
        clock.schedule.watch([(A, address(50))].into_iter(), clock.now);
        let (probes, outcomes) = clock.run(4_000, |_| None);
        assert!(probes.iter().all(|probe| probe.address == address(50)), "{probes:?}");
        assert_eq!(outcomes, [], "no loss at a router that has not answered yet");
        clock.schedule.watch(std::iter::empty(), clock.now);
        assert_eq!(clock.schedule.wake(), None);
        assert!(clock.now > clock.start);
    }
}
