//! The open `monitor-traffic` streams, oldest first.

use std::time::Duration;

use shared::LineHandle;
use tokio::time::Instant;

use super::stream::{Stream, StreamId};
use super::watches::Watches;
use super::way::Way;
use crate::routeros::commands::Interval;
use crate::sessions::LineTable;

/// Every open stream, and how this router's streams end.
#[derive(Debug)]
pub(super) struct Streams {
    list: Vec<Stream>,
    next: u32,
    /// True once the router ended a stream because an interface of the stream was gone.
    pub(super) end_with_interfaces: bool,
    /// How many streams in a row fell silent.
    silent: u8,
    silence: Duration,
}

impl Streams {
    /// Begins with none; a stream without rows for `silence` counts as silent.
    pub(super) const fn new(silence: Duration) -> Self {
        Self { list: Vec::new(), next: 1, end_with_interfaces: false, silent: 0, silence }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.list.iter_mut()
    }

    pub(super) const fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&Stream> {
        self.iter().find(|stream| stream.id == id)
    }

    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.iter_mut().find(|stream| stream.id == id)
    }

    /// Makes a stream without interfaces, to be [added](Self::add).
    pub(super) const fn create(&mut self, interval: Interval, way: Way, now: Instant) -> Stream {
        let id = StreamId(self.next);
        self.next += 1;
        Stream::new(id, interval, way, now)
    }

    pub(super) fn add(&mut self, stream: Stream) {
        self.list.push(stream);
    }

    /// Takes the stream off the list.
    pub(super) fn take(&mut self, id: StreamId) -> Option<Stream> {
        let nth = self.list.iter().position(|stream| stream.id == id)?;
        Some(self.list.remove(nth))
    }

    /// Forgets every stream, and the knowledge about this connection's streams.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        (self.silent, self.end_with_interfaces) = (0, false);
    }

    /// A row came: the streams are not silent.
    pub(super) const fn heard(&mut self) {
        self.silent = 0;
    }

    /// A silent stream, if there is one.
    pub(super) fn silent(&self, now: Instant) -> Option<StreamId> {
        self.iter().find(|stream| now.saturating_duration_since(stream.heard) >= self.silence).map(|stream| stream.id)
    }

    /// Counts a silent stream. Returns true from the second in a row on: the connection itself is then in doubt.
    pub(super) const fn count_silent(&mut self) -> bool {
        self.silent = self.silent.saturating_add(1);
        self.silent >= 2
    }

    /// Brings every slot's standing up to the tables and the watches.
    pub(super) fn review(&mut self, table: &LineTable, watches: &Watches) {
        self.iter_mut().for_each(|stream| stream.review(table, |line| watches.has(line)));
    }

    /// True if a later stream gives the line's samples, or has had time enough to.
    pub(super) fn supersede(&self, earlier: StreamId, line: LineHandle, producer: Option<StreamId>) -> bool {
        let late = |later: &Stream| later.id > earlier && later.sections >= 4 && later.live_of(line) > 0;
        producer > Some(earlier) || self.iter().any(late)
    }
}
