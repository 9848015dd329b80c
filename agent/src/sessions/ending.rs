//! The end of a session between two readings. A missing interface is proof enough, without the tables.

use std::ops::Range;

use tokio::time::Instant;

use super::line::Line;
use super::listing::InterfaceKey;
use super::table::LineTable;

impl LineTable {
    /// Ends the session on a missing interface. Returns true if a line changed. A line with a session of the other role is
    /// left to the next reading.
    pub fn end(&mut self, gone: InterfaceKey, now: Instant) -> bool {
        let Some(nth) = self.listing.rows.iter().position(|row| row.key == gone && row.live) else { return false };
        let rows = &self.listing.rows;
        let user = rows.get(nth).map(|row| self.listing.user(row));
        let Some(handle) = user.and_then(|user| self.line_of(user)).map(Line::handle) else { return false };
        let Ok(place) = self.lines.binary_search_by_key(&handle, |line| line.handle) else { return false };
        let readings = self.readings;
        let Some(line) = self.lines.get_mut(place) else { return false };
        let live = line.first as usize..line.first as usize + usize::from(line.sessions);
        let next = rows.get(live.end).filter(|next| next.live).map(|next| self.listing.user(next));
        let carried_on = line.sessions == 1 && next.is_some() && next == user;
        if !live.contains(&nth) || carried_on {
            return false;
        }
        line.since = if line.sessions == 1 { line.down_since(readings, now) } else { line.since };
        line.sessions -= 1;
        line.stamp(&mut self.revision);
        self.listing.end(&[gone]);
        self.move_behind(nth..live.end);
        true
    }

    /// Moves the first of these rows behind the others: the live sessions of a line stand together.
    fn move_behind(&mut self, moved: Range<usize>) {
        if let Some(rows) = self.listing.rows.get_mut(moved.clone()) {
            rows.rotate_left(1);
        }
        let rows = moved.start as u32..moved.end as u32;
        if rows.len() > 1 {
            for row in self.by_interface.iter_mut().filter(|row| rows.contains(row)) {
                *row = if *row == rows.start { rows.end } else { *row } - 1;
            }
        }
    }
}
