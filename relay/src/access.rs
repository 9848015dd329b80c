//! Who may see a line: signed links (`link`, the default), or anyone who knows a username (`open`).

use std::time::SystemTime;

use shared::Username;
use shared::close::Close;

/// How viewers are admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By a signed token for exactly one username.
    Link,
    /// By anyone who knows a username.
    Open,
}

/// What a viewer asks to see.
#[derive(Clone)]
pub enum WatchRequest {
    /// The line that a signed link opens.
    Token(String),
    /// A line by the text form of its username; `open` access only.
    Username(String),
}

/// What a viewer may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The one line.
    pub username: Username,
    /// When the stream ends; `None` is never.
    pub expires: Option<SystemTime>,
    /// Whether customer and package are shown.
    pub show_names: bool,
}

/// Decides who is admitted.
pub struct Access {
    mode: Mode,
}

impl Access {
    /// How viewers are admitted.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Decides what a viewer's first frame, or an Authorization header, opens.
    ///
    /// # Errors
    /// [`Close::LinkRefused`] or [`Close::LinkExpired`].
    pub fn admit(&self, request: &WatchRequest, _now: SystemTime) -> Result<Admission, Close> {
        match (self.mode, request) {
            (Mode::Open, WatchRequest::Username(text)) => Ok(Admission {
                username: Username::from_text(text).map_err(|_| Close::LinkRefused)?,
                expires: None,
                show_names: false,
            }),
            _ => Err(Close::LinkRefused),
        }
    }

    /// Open access, for tests and tools that need no keys.
    pub fn open() -> Self {
        Self { mode: Mode::Open }
    }
}
