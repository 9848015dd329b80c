//! How few usernames a pattern of an agent fits.

use shared::username::MAX_USERNAME;

/// How few usernames a pattern fits: more is narrower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Narrowness(u16);

impl Narrowness {
    /// Every username.
    pub(crate) const ANY: Self = Self(0);
    /// One username.
    pub(crate) const ONE: Self = Self(MAX_USERNAME as u16 + 1);

    /// Returns the number that another relay is told.
    pub(crate) fn number(self) -> u16 {
        self.0
    }

    /// Takes another relay's number.
    pub(crate) fn of_number(number: u16) -> Self {
        Self(number.min(Self::ONE.0))
    }

    /// All usernames with one part of so many bytes in common, from 1 to 255.
    pub(crate) fn of_part(bytes: usize) -> Self {
        Self(bytes.clamp(1, MAX_USERNAME) as u16)
    }
}
