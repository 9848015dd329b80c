//! The provider's brand: one short line of text.

/// The longest brand, in bytes: one line of a phone's page.
pub(super) const MAX_BRAND: usize = 100;

/// True if the text is neither blank nor too long, and holds no control character.
pub(super) fn is_brand(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_BRAND && !text.chars().any(char::is_control)
}
