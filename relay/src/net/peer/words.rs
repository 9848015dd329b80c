//! The elements of a header, from the right, as bytes.

/// The elements of one line between separators, the last one first, without the blanks around them. `None` stands for an element whose
/// quotes do not match; nothing follows it.
pub(super) struct Words<'a> {
    /// The part not yet read; `None` at the end.
    rest: Option<&'a [u8]>,
    separator: u8,
    has_quotes: bool,
}

impl<'a> Words<'a> {
    /// Splits at every separator.
    pub(super) fn plain(line: &'a [u8], separator: u8) -> Self {
        Self { rest: Some(line), separator, has_quotes: false }
    }

    /// Splits at separators outside quoted strings (RFC 9110, section 5.6.4).
    pub(super) fn quoted(line: &'a [u8], separator: u8) -> Self {
        Self { rest: Some(line), separator, has_quotes: true }
    }

    /// Returns the place of the last separator, if there is one; `Err` where a quoted string has no beginning.
    fn last_separator(&self, line: &[u8]) -> Result<Option<usize>, Unmatched> {
        let mut end = line.len();
        while let Some(at) = end.checked_sub(1) {
            match line.get(at) {
                Some(byte) if *byte == self.separator => return Ok(Some(at)),
                Some(b'"') if self.has_quotes => end = opening_quote(line, at).ok_or(Unmatched)?,
                _ => end = at,
            }
        }
        Ok(None)
    }
}

/// A quote without its partner.
struct Unmatched;

impl<'a> Iterator for Words<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.rest.take()?;
        let Ok(separator) = self.last_separator(line) else { return Some(None) };
        let Some(at) = separator else { return Some(Some(line.trim_ascii())) };
        self.rest = line.get(..at);
        Some(line.get(at + 1..).map(<[u8]>::trim_ascii))
    }
}

/// Returns the place of the quote that opens the string which ends at `closing`. A backslash before a quote makes it a letter.
fn opening_quote(line: &[u8], closing: usize) -> Option<usize> {
    let before = |at: usize| line.get(..at).unwrap_or_default();
    let mut end = closing;
    loop {
        let at = before(end).iter().rposition(|byte| *byte == b'"')?;
        let backslashes = before(at).iter().rev().take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 0 {
            return Some(at);
        }
        end = at;
    }
}

/// Returns the value of `for` in one element of a `Forwarded` header (RFC 7239, section 4); `None` without one, or with two.
pub(super) fn forwarded_for(element: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    for pair in Words::quoted(element, b';') {
        let pair = pair?;
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (pair.get(..at)?, pair.get(at + 1..)?);
        if name.trim_ascii().eq_ignore_ascii_case(b"for") && found.replace(unquoted(value.trim_ascii())?).is_some() {
            return None;
        }
    }
    found
}

/// Returns a token as it is, and a quoted string without its quotes and backslashes.
fn unquoted(value: &[u8]) -> Option<Vec<u8>> {
    let Some(inner) = value.strip_prefix(b"\"") else { return (!value.contains(&b'"')).then(|| value.to_vec()) };
    let inner = inner.strip_suffix(b"\"")?;
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        text.push(if *byte == b'\\' { *bytes.next()? } else { *byte });
    }
    Some(text)
}
