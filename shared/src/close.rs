//! Every WebSocket close code of Linelight in one table: its meaning, and the time after which the closed side connects
//! again.
//!
//! Codes 4000 to 4099 belong to the uplink, 4100 to 4199 to the viewers (RFC 6455, section 7.4.2 leaves 4000 to 4999 to
//! applications). A number is never used again. The page's tests read the same table from `golden/close.json`.

/// The time after which the closed side connects again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// With the ordinary back-off.
    BackOff,
    /// After at least this many seconds, plus a random jitter.
    After(u32),
    /// Not by itself: something must change first.
    Never,
}

/// A close code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Close {
    /// The other side is done.
    Normal = 1000,
    /// The relay or the agent stops or restarts.
    GoingAway = 1001,

    /// A message breaks the protocol.
    ProtocolError = 4000,
    /// No complete hello in time.
    HelloTimeout = 4001,
    /// A message is larger than allowed.
    FrameTooLarge = 4002,
    /// Another agent reports under this token and is alive.
    Duplicate = 4003,
    /// This agent opened a newer uplink.
    Replaced = 4004,
    /// The token was revoked.
    Revoked = 4005,
    /// More messages than an agent may send.
    TooFast = 4006,
    /// The other side of the uplink stopped answering.
    Silent = 4007,

    /// No first frame in time.
    WatchTimeout = 4100,
    /// The first frame is not a watch, or a later one breaks the rules.
    ViewerProtocol = 4101,
    /// The token opens no line: wrong signature, audience or form, or this relay wants a token and got none.
    LinkRefused = 4102,
    /// The token's time is over.
    LinkExpired = 4103,
    /// The line has reached its maximum number of viewers.
    LineFull = 4104,
    /// The relay has reached its maximum number of viewers.
    RelayFull = 4105,
    /// More frames or bytes than a viewer may send.
    ViewerTooFast = 4106,
    /// No pong in time.
    ViewerSilent = 4107,
    /// Too many links from this address were refused within a minute.
    TooManyFailures = 4108,
    /// The viewer's address opened the line once more than its share: its oldest seat gave way.
    OpenedElsewhere = 4109,
    /// The viewer's address watches too many usernames that no agent reports.
    TooManyUnknown = 4110,
}

impl Close {
    /// All of them, in order of their numbers.
    pub const ALL: [Self; 21] = [
        Self::Normal,
        Self::GoingAway,
        Self::ProtocolError,
        Self::HelloTimeout,
        Self::FrameTooLarge,
        Self::Duplicate,
        Self::Replaced,
        Self::Revoked,
        Self::TooFast,
        Self::Silent,
        Self::WatchTimeout,
        Self::ViewerProtocol,
        Self::LinkRefused,
        Self::LinkExpired,
        Self::LineFull,
        Self::RelayFull,
        Self::ViewerTooFast,
        Self::ViewerSilent,
        Self::TooManyFailures,
        Self::OpenedElsewhere,
        Self::TooManyUnknown,
    ];

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// Returns the close code with this number; `None` for an unknown number.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|close| close.code() == code)
    }

    /// True if an uplink can end with this code.
    pub const fn ends_uplinks(self) -> bool {
        self.code() < 4_100
    }

    /// True if a viewer's stream can end with this code.
    pub const fn ends_viewers(self) -> bool {
        matches!(self.code(), ..4_000 | 4_100..)
    }

    /// The name, also sent as the close frame's reason and as a viewer error's `reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::GoingAway => "going_away",
            Self::ProtocolError => "protocol_error",
            Self::HelloTimeout => "hello_timeout",
            Self::FrameTooLarge => "frame_too_large",
            Self::Duplicate => "duplicate",
            Self::Replaced => "replaced",
            Self::Revoked => "revoked",
            Self::TooFast => "too_fast",
            Self::Silent => "silent",
            Self::WatchTimeout => "watch_timeout",
            Self::ViewerProtocol => "viewer_protocol",
            Self::LinkRefused => "link_refused",
            Self::LinkExpired => "link_expired",
            Self::LineFull => "line_full",
            Self::RelayFull => "relay_full",
            Self::ViewerTooFast => "viewer_too_fast",
            Self::ViewerSilent => "viewer_silent",
            Self::TooManyFailures => "too_many_failures",
            Self::OpenedElsewhere => "opened_elsewhere",
            Self::TooManyUnknown => "too_many_unknown",
        }
    }

    /// Whether and when to come back after this code.
    pub const fn retry(self) -> Retry {
        match self {
            Self::Normal | Self::GoingAway | Self::HelloTimeout | Self::Silent | Self::WatchTimeout => Retry::BackOff,
            Self::ViewerSilent => Retry::BackOff,
            Self::LineFull | Self::RelayFull => Retry::After(30),
            Self::ProtocolError | Self::FrameTooLarge | Self::Duplicate | Self::TooFast => Retry::After(60),
            Self::TooManyFailures | Self::TooManyUnknown => Retry::After(60),
            Self::Revoked => Retry::After(300),
            Self::Replaced | Self::OpenedElsewhere => Retry::Never,
            Self::ViewerProtocol | Self::LinkRefused | Self::LinkExpired | Self::ViewerTooFast => Retry::Never,
        }
    }
}
