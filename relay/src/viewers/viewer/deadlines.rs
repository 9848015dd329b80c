//! The deadlines of a viewer's stream, over a WebSocket and as server-sent events alike. Pure: `now` is an argument.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use shared::close::Close;
use tokio::time::{Instant, Sleep};

use crate::clock::{Now, Steady, UnixMillis};

/// The longest sleep of a viewer's task.
const FAR: Duration = Duration::from_secs(3_600);

/// The end times of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Deadlines {
    /// The end of the viewer's link.
    pub(super) expires: Option<UnixMillis>,
    /// The viewer's time to leave a relay in its drain.
    pub(super) leaves: Option<Steady>,
    /// The end of the relay's patience with a silent viewer.
    pub(super) silent: Option<Steady>,
}

impl Deadlines {
    /// Returns the reason to end the stream, if a deadline has passed.
    pub(super) fn passed(self, now: Now) -> Option<Close> {
        let is_over = |deadline: Option<Steady>| deadline.is_some_and(|deadline| now.steady >= deadline);
        if self.expires.is_some_and(|expires| now.unix >= expires) {
            Some(Close::LinkExpired)
        } else if is_over(self.leaves) {
            Some(Close::GoingAway)
        } else if is_over(self.silent) {
            Some(Close::ViewerSilent)
        } else {
            None
        }
    }

    /// Sleeps until the next deadline. Returns the reason to end the stream, if a deadline has passed.
    pub(super) fn poll(self, mut alarm: Pin<&mut Sleep>, now: Now, cx: &mut Context<'_>) -> Option<Close> {
        // An alarm that rings too early costs less than moving it with every sample.
        let next = self.alarm(now);
        if next < alarm.deadline() {
            alarm.as_mut().reset(next);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if let Some(close) = self.passed(now) {
                return Some(close);
            }
            alarm.as_mut().reset(self.alarm(now));
        }
        None
    }

    /// Returns the time to look at the deadlines again: the earliest one, or an hour from now.
    pub(super) fn alarm(self, now: Now) -> Instant {
        let expires = self.expires.map(|expires| now.steady.saturating_add(expires.since(now.unix)));
        let next = [expires, self.leaves, self.silent].into_iter().flatten().min();
        // Never in the past: a busy loop would follow.
        let wait = next.map_or(FAR, |next| Duration::from_millis((next - now.steady).max(1).unsigned_abs()));
        Instant::now() + wait.min(FAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { steady: Steady::from_millis(50_000), unix: UnixMillis::from_millis(1_795_363_200_000) };

    fn none() -> Deadlines {
        Deadlines::default()
    }

    #[test]
    fn each_deadline_ends_the_stream_with_its_own_reason_and_not_before() {
        for (deadlines, reason) in [
            (Deadlines { expires: Some(NOW.unix), ..none() }, Some(Close::LinkExpired)),
            (Deadlines { leaves: Some(NOW.steady), ..none() }, Some(Close::GoingAway)),
            (Deadlines { silent: Some(NOW.steady), ..none() }, Some(Close::ViewerSilent)),
            (Deadlines { expires: Some(NOW.unix + 1), ..none() }, None),
            (Deadlines { leaves: Some(NOW.steady + 1), ..none() }, None),
            (Deadlines { silent: Some(NOW.steady + 1), ..none() }, None),
            (none(), None),
        ] {
            assert_eq!(deadlines.passed(NOW), reason, "{deadlines:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_alarm_is_at_the_earliest_deadline() {
        let ms = Duration::from_millis;
        for (deadlines, wait) in [
            (none(), FAR),
            (Deadlines { expires: Some(UnixMillis::from_millis(i64::MAX)), ..none() }, FAR),
            (Deadlines { expires: Some(NOW.unix + 7_000), leaves: Some(NOW.steady + 9_000), ..none() }, ms(7_000)),
            (Deadlines { leaves: Some(NOW.steady + 5_000), silent: Some(NOW.steady + 4_000), ..none() }, ms(4_000)),
            (Deadlines { silent: Some(NOW.steady - 5), ..none() }, ms(1)),
        ] {
            assert_eq!(deadlines.alarm(NOW) - Instant::now(), wait, "{deadlines:?}");
        }
    }
}
