//! The watched lines: the end of each watch, the producer of the samples, and the recent changes of sessions.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::LineHandle;
use tokio::time::Instant;

use super::naming::Naming;
use super::stream::{Stream, StreamId};
use super::way::Way;
use crate::routeros::dialogue::in_words;
use crate::sessions::LineTable;

/// More changes of a line's sessions than this are flapping, each within [`FLAP_WINDOW`] of the last. Flapping ends after
/// [`CALM_AFTER`] without a change.
const FLAPS: u8 = 3;
const FLAP_WINDOW: Duration = Duration::from_secs(60);
const CALM_AFTER: Duration = Duration::from_secs(300);

/// The longest wait before a line without rows is tried again.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(30);

/// So many refusals of a line's own stream prove that the router refuses the line. A reading of the tables lies between
/// two of them. They are by `.id` and by name in turn, or by name alone at a router without `.id`.
const REFUSALS_ALONE: u8 = 3;

/// A watched line.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) line: LineHandle,
    /// The end of the watch, after the last viewer left.
    pub(super) ends: Option<Instant>,
    /// True if a stream had all the line's sessions at the last review.
    pub(super) placed: bool,
    /// The stream whose rows are the line's samples.
    pub(super) producer: Option<StreamId>,
    /// A section of the producer without samples, too soon after the previous stream's last row.
    pub(super) skip: Option<u32>,
    pub(super) last_row: Option<Instant>,
    pub(super) nameable: Nameable,
    /// True if the router takes `.id`, but refused this line's: the next stream is the line's own, by name.
    pub(super) by_name: bool,
    /// Refusals of streams with this line alone, in a row.
    refusals: u8,
    /// True if the log names the line as refused.
    is_logged: bool,
    /// True if the relay was told of the refusal in this watch.
    is_told: bool,
    pub(super) changes: SessionChanges,
    pub(super) retry: Retry,
}

/// Whether `monitor-traffic` can be told of all the line's interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nameable {
    Yes,
    /// Not in the present way, and the way is not learned yet.
    NotYet,
    /// Not at this router.
    Never,
}

/// How often a line's sessions changed of late.
#[derive(Debug, Default)]
pub(super) struct SessionChanges {
    /// The sessions at the last review, as one number; 0 without any.
    fingerprint: u64,
    count: u8,
    last: Option<Instant>,
}

/// A number of lines in one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Company(pub(super) usize);

impl Company {
    /// As many as a stream has room for.
    const ANY: Self = Self(usize::MAX);
}

impl Default for Company {
    fn default() -> Self {
        Self::ANY
    }
}

/// When a line whose stream gave no rows may be placed again.
#[derive(Debug, Default)]
pub(super) struct Retry {
    /// Placements in a row without a row.
    pub(super) strikes: u8,
    /// The most lines for the next stream of this one.
    pub(super) company: Company,
    /// Those of the strikes that put the next placement off.
    pauses: u8,
    not_before: Option<Instant>,
    /// The line waits until the tables were read this often.
    pub(super) after_reading: u64,
}

/// Every watched line, by rising handle.
#[derive(Debug)]
pub(super) struct Watches {
    list: Vec<Watched>,
    /// True while the uplink is lost: nobody can say whether a line's viewers are back, so no watch ends.
    held: bool,
    capacity: usize,
    linger: Duration,
    return_linger: Duration,
}

impl Watches {
    pub(super) const fn new(capacity: usize, linger: Duration, return_linger: Duration) -> Self {
        Self { list: Vec::new(), held: false, capacity, linger, return_linger }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Watched> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Watched> {
        self.list.iter_mut()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn get(&self, line: LineHandle) -> Option<&Watched> {
        self.list.get(self.place(line).ok()?)
    }

    pub(super) fn get_mut(&mut self, line: LineHandle) -> Option<&mut Watched> {
        let place = self.place(line).ok()?;
        self.list.get_mut(place)
    }

    pub(super) fn has(&self, line: LineHandle) -> bool {
        self.place(line).is_ok()
    }

    pub(super) fn remove(&mut self, line: LineHandle) {
        self.list.retain(|watched| watched.line != line);
    }

    pub(super) const fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Replaces the set of wanted lines. Returns the lines beyond the capacity.
    pub(super) fn want(&mut self, wanted: &BTreeSet<LineHandle>, is_new_uplink: bool, now: Instant) -> Vec<LineHandle> {
        let linger = if is_new_uplink { self.return_linger } else { self.linger };
        for watched in &mut self.list {
            // A relay that asks anew knows of no refusal.
            watched.is_told &= !is_new_uplink && watched.ends.is_none();
            watched.ends = match watched.ends {
                _ if wanted.contains(&watched.line) => None,
                None => Some(now + linger),
                ends => ends,
            };
        }
        let mut refused = Vec::new();
        for line in wanted {
            match self.place(*line) {
                Err(_) if !self.make_room() => refused.push(*line),
                Err(_) => self.add(*line),
                Ok(_) => {}
            }
        }
        refused
    }

    /// Ends the due watches. Returns true if any ended.
    pub(super) fn end_due(&mut self, now: Instant) -> bool {
        if self.held {
            return false;
        }
        let before = self.list.len();
        self.list.retain(|watched| watched.ends.is_none_or(|ends| ends > now));
        self.list.len() != before
    }

    /// When the next watch ends.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.list.iter().filter_map(|watched| watched.ends).filter(|_| !self.held).min()
    }

    /// Drops unknown handles: the table forgot the line, or the relay made the handle up. Returns them.
    pub(super) fn drop_unknown(&mut self, table: &LineTable) -> Vec<LineHandle> {
        let unknown: Vec<_> = self.iter().map(|w| w.line).filter(|line| table.line(*line).is_none()).collect();
        self.list.retain(|watched| !unknown.contains(&watched.line));
        unknown
    }

    fn place(&self, line: LineHandle) -> Result<usize, usize> {
        self.list.binary_search_by_key(&line, |watched| watched.line)
    }

    /// True if one more line fits. Lingering lines give way, the next to end first.
    fn make_room(&mut self) -> bool {
        if self.list.len() < self.capacity {
            return true;
        }
        let ending = self.list.iter().enumerate().filter_map(|(nth, watched)| Some((watched.ends?, nth))).min();
        ending.map(|(_, nth)| self.list.remove(nth)).is_some()
    }

    fn add(&mut self, line: LineHandle) {
        let place = self.list.partition_point(|watched| watched.line < line);
        self.list.insert(place, Watched::new(line));
    }
}

impl Watched {
    fn new(line: LineHandle) -> Self {
        Self {
            line,
            ends: None,
            placed: false,
            producer: None,
            skip: None,
            last_row: None,
            nameable: Nameable::Yes,
            by_name: false,
            refusals: 0,
            is_logged: false,
            is_told: false,
            changes: SessionChanges::default(),
            retry: Retry::default(),
        }
    }

    /// True if the line has a producer, or can never have one.
    pub(super) fn is_settled(&self) -> bool {
        self.nameable == Nameable::Never || (self.placed && self.producer.is_some())
    }

    /// Finds out whether `monitor-traffic` can be told of the line's interfaces, and logs a line that stays without samples.
    /// Returns true if the relay is to be told of such a line.
    pub(super) fn review_names(&mut self, naming: &Naming, table: &LineTable, now: Instant) -> bool {
        if self.changes.note(table, self.line, now) {
            (self.by_name, self.refusals) = (false, 0);
        }
        let unnamed = table.sessions_of(self.line).find(|session| !naming.way().can_name(session));
        self.nameable = match unnamed {
            None => Nameable::Yes,
            Some(_) if !naming.is_known() => Nameable::NotYet,
            Some(_) => Nameable::Never,
        };
        let is_never = self.nameable == Nameable::Never;
        let refused = unnamed.filter(|_| is_never).or_else(|| {
            let all = self.refusals >= REFUSALS_ALONE;
            table.sessions_of(self.line).next().filter(|_| all)
        });
        let Some(session) = refused else {
            (self.is_logged, self.is_told) = (false, false);
            return false;
        };
        if !std::mem::replace(&mut self.is_logged, true) {
            self.log_refusal(table, session.name, is_never);
        }
        !std::mem::replace(&mut self.is_told, true)
    }

    fn log_refusal(&self, table: &LineTable, interface: &[u8], has_comma: bool) {
        let username = table.line(self.line).map(|line| in_words(line.username().as_bytes())).unwrap_or_default();
        let interface = in_words(interface);
        if has_comma {
            tracing::warn!(
                username,
                interface,
                "line has no samples: this router takes only names in monitor-traffic, and a name with a comma is taken \
                 for two; rename the interface or the PPP secret"
            );
        } else {
            tracing::warn!(
                username,
                interface,
                "line has no samples: the router takes this interface in monitor-traffic neither by .id nor by name; try \
                 /interface/monitor-traffic in the router's terminal, and rename the interface or the PPP secret"
            );
        }
    }

    /// Counts a refusal of a stream with this line alone. The other way of naming is next, if the router knows both.
    pub(super) fn refused_alone(&mut self, stream: &Stream, naming: &Naming, now: Instant) {
        self.retry.strike(now);
        self.refusals = self.refusals.saturating_add(1);
        let has_comma = stream.slots.iter().any(|slot| slot.name.contains(&b','));
        self.by_name = stream.way == Way::Ids && naming.is_known() && !has_comma;
    }

    /// A row came: the line is well.
    pub(super) const fn clear(&mut self) {
        self.refusals = 0;
        self.retry.clear();
    }

    /// Makes the stream the line's producer. A section within half an interval of the previous stream's row is skipped: a
    /// second has one sample.
    pub(super) fn take_over(&mut self, stream: &Stream, now: Instant) {
        let half = stream.interval.duration() / 2;
        let soon = self.last_row.is_some_and(|last| now.saturating_duration_since(last) < half);
        self.producer = Some(stream.id);
        self.skip = soon.then_some(stream.sections);
    }
}

impl SessionChanges {
    /// Takes the line's sessions as they are now. Returns true if they changed.
    fn note(&mut self, table: &LineTable, line: LineHandle, now: Instant) -> bool {
        let fingerprint = fingerprint(table, line);
        if self.fingerprint == fingerprint {
            return false;
        }
        let again = self.last.is_some_and(|last| now.saturating_duration_since(last) < FLAP_WINDOW);
        self.count = if again { self.count.saturating_add(1) } else { 1 };
        // The first sessions of a line are no change.
        self.last = (self.fingerprint != 0 || self.last.is_some()).then_some(now);
        self.fingerprint = fingerprint;
        true
    }

    /// True if the line's sessions come and go.
    pub(super) fn is_flapping(&self, now: Instant) -> bool {
        self.count > FLAPS && self.last.is_some_and(|last| now.saturating_duration_since(last) < CALM_AFTER)
    }
}

impl Retry {
    /// Lets the line be placed again at once: only the way of naming was wrong.
    pub(super) const fn excuse(&mut self) {
        (self.not_before, self.after_reading) = (None, 0);
    }

    /// Counts a placement without rows and puts the next one off. The first costs no time: a session may have gone
    /// just then.
    pub(super) fn strike(&mut self, now: Instant) {
        let pause = Duration::from_secs((1_u64 << self.pauses.min(5)) - 1).min(MAX_RETRY_PAUSE);
        self.strikes = self.strikes.saturating_add(1);
        self.pauses = self.pauses.saturating_add(1);
        self.not_before = Some(now + pause);
    }

    /// Counts a refusal of a stream of several lines. One of them is the reason, so nobody is put off: the next streams have
    /// half the size.
    pub(super) fn strike_of_many(&mut self, lines: usize) {
        self.company = Company(lines.div_ceil(2));
        self.strikes = self.strikes.saturating_add(1);
    }

    /// Forgets the strikes.
    const fn clear(&mut self) {
        (self.strikes, self.company, self.pauses, self.not_before) = (0, Company::ANY, 0, None);
    }

    /// Waits for a reading of the tables on the next connection, with no strikes.
    pub(super) const fn restart(&mut self, readings: u64) {
        self.clear();
        self.after_reading = readings + 1;
    }

    /// True if the line may be placed.
    pub(super) fn is_due(&self, readings: u64, now: Instant) -> bool {
        self.not_before.is_none_or(|due| due <= now) && self.after_reading <= readings
    }
}

/// A line's sessions as one number; 0 without any.
fn fingerprint(table: &LineTable, line: LineHandle) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    let count = table.sessions_of(line).map(|session| (session.key, session.name).hash(&mut hasher)).count();
    if count == 0 { 0 } else { hasher.finish() | 1 }
}
