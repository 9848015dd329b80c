//! Why a frame is rejected.

/// The reason for rejecting a frame. The receiver closes the uplink, because it can trust no later frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes end before the batch does.
    #[error("sample frame is cut short")]
    Truncated,
    /// The first byte names a kind unknown to this version. The receiver skips the frame: a newer agent may send such a
    /// kind.
    #[error("sample frame has unknown kind {0}")]
    UnknownKind(u8),
    /// The header's length field is smaller than the fixed part.
    #[error("sample frame has a header of {0} bytes, too short")]
    HeaderLength(u8),
    /// A varint is longer than ten bytes or more than 64 bits.
    #[error("sample frame has an overlong varint")]
    Varint,
    /// The handles do not rise, or exceed 32 bits.
    #[error("sample frame's handles do not rise")]
    HandleOrder,
    /// A rate is above [`MAX_RATE`](crate::sample::MAX_RATE).
    #[error("sample frame has a rate of {0} bit/s, above the limit")]
    Rate(u64),
    /// A response is above [`MAX_RESPONSE_US`](crate::sample::MAX_RESPONSE_US).
    #[error("sample frame has a response of {0} microseconds, above the limit")]
    Response(u64),
    /// The places of drops do not rise, or lie beyond the last sample, or a count of drops is 0 or above
    /// [`MAX_DROPS`](crate::sample::MAX_DROPS).
    #[error("sample frame has drops that fit no sample")]
    Drops,
    /// Bytes are left after the last sample.
    #[error("sample frame has {0} bytes too many")]
    Trailing(usize),
}
