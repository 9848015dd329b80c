//! A queue's `time`, such as `8h-20h,mon,tue`, and the router's clock.

use std::time::Duration;

use crate::routeros::sentence::{decimal, duration};

const DAY: Duration = Duration::from_secs(86_400);

const DAYS: [&[u8]; 7] = [b"sun", b"mon", b"tue", b"wed", b"thu", b"fri", b"sat"];

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// The weekday and the time of day at the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RouterClock {
    /// From Sunday, 0.
    weekday: usize,
    since_midnight: Duration,
}

impl RouterClock {
    /// Reads `/system/clock`: the date is `2026-11-28` since RouterOS 7.10 and `nov/28/2026` before.
    pub(super) fn read(date: &[u8], time: &[u8]) -> Option<Self> {
        let number = |digits: Option<&[u8]>| decimal(digits?);
        let mut parts = date.split(|byte| matches!(byte, b'-' | b'/'));
        let first = parts.next()?;
        let (year, month, day) = match decimal(first) {
            Some(year) => (year, number(parts.next())?, number(parts.next())?),
            None => {
                let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(first))? as u64 + 1;
                let day = number(parts.next())?;
                (number(parts.next())?, month, day)
            }
        };
        let weekday = weekday(year, month, day)?;
        duration(time).filter(|time| *time < DAY).map(|since_midnight| Self { weekday, since_midnight })
    }
}

/// The weekday of a date (Sakamoto's method).
fn weekday(year: u64, month: u64, day: u64) -> Option<usize> {
    const OFFSETS: [u64; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    let offset = OFFSETS.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let year = if (1..10_000).contains(&year) { year - u64::from(month < 3) } else { return None };
    usize::try_from((year + year / 4 - year / 100 + year / 400 + offset + day) % 7).ok()
}

/// True if a schedule holds now. An unreadable schedule holds, and so does any schedule at an unknown time.
pub(super) fn covers(schedule: &[u8], clock: Option<RouterClock>) -> bool {
    let Some(clock) = clock else { return true };
    let (mut from, mut to, mut days, mut all) = (Duration::ZERO, DAY, [false; 7], true);
    for part in schedule.split(|byte| *byte == b',').filter(|part| !part.is_empty()) {
        if let Some(day) = DAYS.iter().position(|day| day == &part) {
            (days[day], all) = (true, false);
        } else if let Some(range) = range(part) {
            (from, to) = range;
        } else {
            return true;
        }
    }
    let is_on = |weekday: usize| all || days.get(weekday % 7).copied().unwrap_or(false);
    let now = clock.since_midnight;
    if from <= to {
        return is_on(clock.weekday) && (from..to).contains(&now);
    }
    // Over midnight: the early hours are of the day before.
    (is_on(clock.weekday) && now >= from) || (is_on(clock.weekday + 6) && now < to)
}

fn range(part: &[u8]) -> Option<(Duration, Duration)> {
    let dash = part.iter().position(|byte| *byte == b'-')?;
    let (from, to) = part.split_at(dash);
    Some((duration(from)?, duration(to.get(1..)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(date: &str, time: &str) -> Option<RouterClock> {
        RouterClock::read(date.as_bytes(), time.as_bytes())
    }

    #[test]
    fn both_forms_of_a_date_have_their_weekday() {
        for (date, weekday) in [
            ("2026-11-28", Some(6)),
            ("nov/28/2026", Some(6)),
            ("1970-01-02", Some(5)),
            ("jan/02/1970", Some(5)),
            ("2024-02-29", Some(4)),
            ("2026-13-01", None),
            ("28.11.2026", None),
            ("", None),
        ] {
            assert_eq!(clock(date, "22:10:00").map(|clock| clock.weekday), weekday, "{date}");
        }
        assert_eq!(clock("2026-11-28", "24:00:00"), None);
    }

    #[test]
    fn a_schedule_holds_on_its_days_and_hours() {
        // A Saturday.
        let at = |time| clock("2026-11-28", time);
        for (schedule, time, holds) in [
            ("8h-20h,mon,tue,wed,thu,fri,sat", "08:00:00", true),
            ("8h-20h,mon,tue,wed,thu,fri,sat", "19:59:59", true),
            ("8h-20h,mon,tue,wed,thu,fri,sat", "20:00:00", false),
            ("8h-20h,mon,tue,wed,thu,fri", "12:00:00", false),
            ("0s-1d,sun,mon,tue,wed,thu,fri,sat", "23:59:59", true),
            ("08:00:00-20:00:00,sat", "07:59:59", false),
            ("8h30m-20h", "08:30:00", true),
            ("22h-6h,sat", "23:00:00", true),
            ("22h-6h,sat", "05:00:00", false),
            ("22h-6h,fri", "05:00:00", true),
            ("sat", "05:00:00", true),
            ("", "05:00:00", true),
            ("whenever", "05:00:00", true),
        ] {
            assert_eq!(covers(schedule.as_bytes(), at(time)), holds, "{schedule} at {time}");
            assert!(covers(schedule.as_bytes(), None), "{schedule} at an unknown time");
        }
    }
}
