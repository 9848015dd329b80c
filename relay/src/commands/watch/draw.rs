//! A line's readout as text: one line for programs, a block of rows for a terminal of any width.

use unicode_width::UnicodeWidthChar;

use super::readout::{Rates, Readout};
use super::verdict::{Direction, Verdict, judge, percent};
use crate::commands::times;
use crate::wire::response::{Measured, ResponseWay};
use crate::wire::viewer_frame::{LineState, Notice, TimedSample};

/// The minimum width of a row, in columns.
const NARROWEST: usize = 20;
/// The fewest columns of a sparkline.
const LEAST_SPARKS: usize = 6;
/// Heights of a sparkline's columns, lowest first.
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns the readout as one line, for programs.
pub(super) fn line(readout: &Readout) -> String {
    let mut parts = vec![who(readout), state(readout)];
    if let Some(rates) = readout.rates() {
        parts.push(format!("↓ {}", beside_plan(readout, rates, Direction::Download)));
        parts.push(format!("↑ {}", beside_plan(readout, rates, Direction::Upload)));
    }
    parts.extend(response(readout));
    parts.extend(shared_plan(readout));
    parts.extend(averages(readout));
    parts.extend(verdict(readout));
    parts.join("  ")
}

/// Returns the readout as rows, none wider than `columns`.
pub(super) fn rows(readout: &Readout, columns: usize) -> Vec<String> {
    let columns = columns.max(NARROWEST);
    let mut rows = wrapped(&who(readout), columns);
    let package = readout.who.package.as_ref().map(|package| format!(", {package}")).unwrap_or_default();
    rows.extend(wrapped(&format!("{}{package}", state_in_words(readout)), columns));
    if let Some(rates) = readout.rates() {
        for (sign, direction) in [('↓', Direction::Download), ('↑', Direction::Upload)] {
            let figures = format!("{sign} {}", beside_plan(readout, rates, direction));
            rows.extend(with_sparks(readout, &figures, direction, columns));
        }
    }
    for text in
        response(readout).into_iter().chain(shared_plan(readout)).chain(averages(readout)).chain(verdict(readout))
    {
        rows.extend(wrapped(&text, columns));
    }
    rows
}

fn who(readout: &Readout) -> String {
    let customer = readout.who.customer.as_ref().map(|customer| format!(" ({customer})")).unwrap_or_default();
    format!("{}{customer}", readout.who.username)
}

fn state(readout: &Readout) -> String {
    readout.status.map(|status| status.state.as_str()).unwrap_or_default().to_owned()
}

fn state_in_words(readout: &Readout) -> String {
    let Some(status) = readout.status else { return String::new() };
    let since = status.since.and_then(|since| u64::try_from(since.as_millis() / 1_000).ok());
    let since = since.map(|since| format!(" since {}", times::minute(since))).unwrap_or_default();
    let words = match status.state {
        LineState::Running => "running",
        LineState::Stalled => "stalled: the session is up, its samples are late",
        LineState::Offline => "offline: the router has no session",
        LineState::Unreachable => "unreachable: the agent or its router does not answer",
        LineState::Unknown => "unknown: no agent reports this username; see `linelight-relay explain`",
        LineState::Starting => "starting: the relay waits for its agents",
    };
    let limit = match status.notice {
        Some(Notice::TooManyWatched) => ", without samples: its agent watches as many lines as it may",
        Some(Notice::RouterRefuses) => ", without samples: its router refuses them; see `linelight-relay explain`",
        Some(Notice::OutOfTouch) => ", because another relay, which has the agent, cannot be reached",
        Some(Notice::Averages) | None => "",
    };
    format!("{words}{since}{limit}")
}

/// Returns how the line answers, by the last sample.
fn response(readout: &Readout) -> Option<String> {
    let status = readout.status.filter(|status| status.state == LineState::Running)?;
    if status.response? == ResponseWay::Silent {
        return Some("the subscriber's router answers no probes".to_owned());
    }
    let ms = |micros: u32| format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100);
    let quiet = status.quiet.map(|quiet| format!(", quiet {}", ms(quiet))).unwrap_or_default();
    Some(match readout.samples.back()?.response? {
        Measured::Micros(micros) => format!("answers in {}{quiet}", ms(micros)),
        Measured::Lost => format!("the last probe was lost{quiet}"),
    })
}

fn shared_plan(readout: &Readout) -> Option<String> {
    readout.plan.shared.then(|| "the plan is shared with other lines".to_owned())
}

fn averages(readout: &Readout) -> Option<String> {
    let status = readout.status.filter(|_| readout.averages_stand_in())?;
    let seconds = status.interval / 1_000;
    Some(format!("averages over {seconds} s; `linelight-relay explain` says why"))
}

/// Returns a rate, right-aligned, with its share of the plan.
fn beside_plan(readout: &Readout, rates: Rates, direction: Direction) -> String {
    let rate = match direction {
        Direction::Download => rates.down,
        Direction::Upload => rates.up,
    };
    match direction.limit(&readout.plan) {
        Some(limit) => format!("{:>11} {:>3} % of {}", written(rate), percent(rate, limit), written_short(limit)),
        None => format!("{:>11}", written(rate)),
    }
}

fn verdict(readout: &Readout) -> Option<String> {
    let status = readout.status.filter(|status| status.state == LineState::Running && !readout.averages_stand_in())?;
    let samples: Vec<TimedSample> = readout.samples.iter().copied().collect();
    let verdict = judge(&samples, status.interval.into(), &readout.plan)?;
    Some(match verdict {
        Verdict::Over(direction) => {
            format!("{} above the plan: the plan may be recorded wrongly", direction.name())
        }
        Verdict::Full(direction, seconds) => format!("full: {} at its limit for {seconds} s", direction.name()),
        Verdict::Busy(direction, share) => format!("busy: {} at {share} % of the plan", direction.name()),
        Verdict::Quiet => "hardly used".to_owned(),
        Verdict::Room => "has room".to_owned(),
    })
}

/// Returns figures with a sparkline, or the figures alone if the row has no room.
fn with_sparks(readout: &Readout, figures: &str, direction: Direction, columns: usize) -> Vec<String> {
    let room = columns.saturating_sub(width(figures) + 1);
    if room < LEAST_SPARKS || readout.averages_stand_in() {
        return wrapped(figures, columns);
    }
    let interval = readout.status.map_or(1_000, |status| i64::from(status.interval)).max(1);
    let samples: Vec<TimedSample> = readout.samples.iter().copied().collect();
    vec![format!("{figures} {}", sparks(&samples, interval, direction, direction.limit(&readout.plan), room))]
}

/// Returns the newest samples as columns: one for each interval, and a space for a missing sample. The highest column
/// is the plan, or the largest rate above the plan.
fn sparks(samples: &[TimedSample], interval: i64, direction: Direction, plan: Option<u64>, columns: usize) -> String {
    let Some(last) = samples.last() else { return String::new() };
    let mut slots: Vec<Option<u64>> = vec![None; columns];
    for sample in samples {
        let back = usize::try_from((last.t - sample.t + interval / 2) / interval).unwrap_or(usize::MAX);
        if let Some(slot) =
            back.checked_add(1).and_then(|back| columns.checked_sub(back)).and_then(|at| slots.get_mut(at))
        {
            *slot = Some(direction.of(sample));
        }
    }
    let top = slots.iter().flatten().copied().chain(plan).max().unwrap_or(0).max(1);
    let height = |rate: u64| (u128::from(rate) * 7).div_ceil(u128::from(top));
    let spark = |rate: u64| usize::try_from(height(rate)).ok().and_then(|height| SPARKS.get(height)).copied();
    slots.into_iter().map(|slot| slot.and_then(spark).unwrap_or(' ')).collect()
}

/// Returns a rate in the page's format: Mbps with two decimals, kbps below 1 Mbps, Gbps from 1,000 Mbps.
fn written(bits_per_second: u64) -> String {
    let (unit, name) = unit(bits_per_second);
    let hundredths = bits_per_second / (unit / 100);
    format!("{}.{:02} {name}", hundredths / 100, hundredths % 100)
}

/// Returns a plan's limit, without decimals of nought.
fn written_short(bits_per_second: u64) -> String {
    let (unit, name) = unit(bits_per_second);
    if bits_per_second.is_multiple_of(unit) {
        format!("{} {name}", bits_per_second / unit)
    } else {
        written(bits_per_second)
    }
}

const fn unit(bits_per_second: u64) -> (u64, &'static str) {
    match bits_per_second {
        0..1_000_000 => (1_000, "kbps"),
        1_000_000..1_000_000_000 => (1_000_000, "Mbps"),
        _ => (1_000_000_000, "Gbps"),
    }
}

/// Returns how many columns of a terminal a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Returns a text in rows of at most `columns`, split at spaces if possible.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let (mut rows, mut row, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split_inclusive(' ') {
        if used > 0 && used + width(word.trim_end()) > columns {
            rows.push(std::mem::take(&mut row));
            used = 0;
        }
        for c in word.chars() {
            let columns_of_c = c.width().unwrap_or(0);
            if used + columns_of_c > columns {
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            if used > 0 || c != ' ' {
                row.push(c);
                used += columns_of_c;
            }
        }
    }
    rows.push(row);
    rows.iter().map(|row| row.trim_end().to_owned()).filter(|row| !row.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::readout::tests::{after, golden};
    use super::*;
    use crate::clock::UnixMillis;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_written_for_programs() {
        let mut readout = after(&["snapshot-running", "sample"]);
        let who = "4446@karoo.example (Protea Motors)";
        assert_eq!(
            line(&readout),
            format!("{who}  running  ↓  14.78 Mbps  29 % of 50 Mbps  ↑ 620.00 kbps   6 % of 10 Mbps")
        );
        readout.take(&golden("state-offline"));
        assert_eq!(line(&readout), format!("{who}  offline"));
        let averages = line(&after(&["snapshot-averages", "state-averages"]));
        assert!(
            averages
                .ends_with("↑   0.00 kbps   0 % of 10 Mbps  averages over 30 s; `linelight-relay explain` says why"),
            "{averages}"
        );
        assert_eq!(line(&after(&["snapshot-bare"])), "caf%E9 50%25  unknown");
    }

    #[test]
    fn a_block_says_plan_share_state_and_verdict() {
        let mut readout = after(&["snapshot-running"]);
        for second in 0..30 {
            let t = 1_795_363_201_000_i64 + second * 1_000;
            readout.take(&format!(r#"{{"type":"sample","t":{t},"down":49500000,"up":100000}}"#));
        }
        let rows = rows(&readout, 50);
        assert_eq!(rows[0], "4446@karoo.example (Protea Motors)");
        assert!(rows.iter().any(|row| row.contains("running since 2026-11-22")), "{rows:?}");
        let download = rows.iter().find(|row| row.starts_with("↓  49.50 Mbps  99 % of 50 Mbps ")).unwrap();
        assert!(download.ends_with('█') && width(download) == 50, "{rows:?}");
        assert_eq!(rows.last().unwrap(), "full: download at its limit for 30 s");
    }

    #[test]
    fn a_line_says_how_it_answers() {
        let told = |frames: &[&str]| line(&after(frames));
        assert!(told(&["snapshot-response", "sample-response"]).contains("  answers in 12.3 ms, quiet 11.8 ms"));
        assert!(told(&["snapshot-response", "sample-lost"]).contains("  the last probe was lost, quiet 11.8 ms"));
        assert!(told(&["snapshot-running", "sample", "state-silent"]).contains("answers no probes"));
        assert!(!told(&["snapshot-running", "sample"]).contains("answers"));
    }

    #[test]
    fn a_shared_plan_is_called_so() {
        let told = "the plan is shared with other lines";
        let readout = after(&["snapshot-shared"]);
        assert!(line(&readout).contains(told) && rows(&readout, 50).contains(&told.to_owned()));
        assert!(!line(&after(&["snapshot-running"])).contains("shared"));
    }

    #[test]
    fn sparks_rise_to_the_plan_and_leave_gaps() {
        let samples = |rates: &[(i64, u64)]| -> Vec<TimedSample> {
            rates
                .iter()
                .map(|&(t, down)| TimedSample { t: UnixMillis::from_millis(t * 1_000), down, ..TimedSample::default() })
                .collect()
        };
        let drawn = |rates: &[(i64, u64)], plan| sparks(&samples(rates), 1_000, Direction::Download, plan, 6);
        assert_eq!(drawn(&[(1, 0), (2, 50), (3, 100)], Some(100)), "   ▁▅█");
        assert_eq!(drawn(&[(1, 100), (4, 100)], Some(100)), "  █  █");
        assert_eq!(drawn(&[(1, 10), (2, 20)], None), "    ▅█");
        assert_eq!(drawn(&[(1, 200), (2, 100)], Some(100)), "    █▅", "above the plan");
        assert_eq!(drawn(&[], Some(100)), "");
        assert_eq!(drawn(&[(1, u64::MAX), (2, 0)], None), "    █▁");
    }

    #[test]
    fn rates_are_written_as_on_the_page() {
        for (bits, text) in [
            (0, "0.00 kbps"),
            (999_999, "999.99 kbps"),
            (1_000_000, "1.00 Mbps"),
            (14_780_000, "14.78 Mbps"),
            (999_999_999, "999.99 Mbps"),
            (1_500_000_000, "1.50 Gbps"),
        ] {
            assert_eq!(written(bits), text);
        }
        assert_eq!((written_short(50_000_000), written_short(1_500_000)), ("50 Mbps".into(), "1.50 Mbps".into()));
    }

    proptest! {
        #[test]
        fn no_row_is_wider_than_the_terminal(
            columns in NARROWEST..120, name in "\\PC{0,60}", package in "[a-z ]{0,80}", down in 0u64..2_000_000_000,
        ) {
            let mut readout = after(&["snapshot-running"]);
            readout.who.customer = Some(shared::escape::one_line(&name).to_string());
            readout.who.package = Some(package);
            readout.take(&format!(r#"{{"type":"sample","t":1795363201000,"down":{down},"up":0}}"#));
            for row in rows(&readout, columns) {
                prop_assert!(width(&row) <= columns, "{} columns: {row:?}", width(&row));
            }
        }

        #[test]
        fn wrapping_loses_no_letter(text in "[a-zé世 ]{0,200}", columns in NARROWEST..60) {
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&wrapped(&text, columns).concat()), letters(&text));
        }
    }
}
