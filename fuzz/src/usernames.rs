//! A username's text form: one for each name, and read back as the same bytes.

use shared::Username;
use shared::username::{escape, unescape};

/// The bytes are a username, and then the text form of one.
pub fn holds(data: &[u8]) {
    if let Ok(username) = Username::from_bytes(data) {
        assert_eq!(Username::from_text(&username.to_text()).as_ref(), Ok(&username));
    }
    assert_eq!(unescape(&escape(data)), data);
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(username) = Username::from_text(text)
    {
        assert_eq!(Username::from_text(&username.to_text()), Ok(username));
    }
}
