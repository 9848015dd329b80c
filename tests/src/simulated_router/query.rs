//! The `?query` words of `print`: a stack machine over one row (MikroTik's API page, "Queries").

/// Whether a row is selected: every value left on the stack is true.
pub(crate) fn selects<'a>(queries: impl Iterator<Item = &'a [u8]>, row: &[(&str, Vec<u8>)]) -> bool {
    let mut stack = Vec::new();
    for query in queries {
        match query.strip_prefix(b"#") {
            Some(operations) => operate(operations, &mut stack),
            None => stack.push(matches_row(query, row)),
        }
    }
    stack.into_iter().all(|value| value)
}

fn matches_row(query: &[u8], row: &[(&str, Vec<u8>)]) -> bool {
    let value_of =
        |name: &[u8]| row.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, value)| value.as_slice());
    if let Some(name) = query.strip_prefix(b"-") {
        return value_of(name).is_none();
    }
    let (compare, rest) = match query.split_first() {
        Some((b'=', rest)) => (Compare::Equal, rest),
        Some((b'<', rest)) => (Compare::Less, rest),
        Some((b'>', rest)) => (Compare::Greater, rest),
        _ => (Compare::Equal, query),
    };
    let Some(at) = rest.iter().position(|byte| *byte == b'=') else { return value_of(rest).is_some() };
    value_of(&rest[..at]).is_some_and(|value| compare.holds(value, &rest[at + 1..]))
}

#[derive(Clone, Copy)]
enum Compare {
    Equal,
    Less,
    Greater,
}

impl Compare {
    fn holds(self, value: &[u8], wanted: &[u8]) -> bool {
        let order = match (integer(value), integer(wanted)) {
            (Some(value), Some(wanted)) => value.cmp(&wanted),
            _ => value.cmp(wanted),
        };
        match self {
            Self::Equal => value == wanted,
            Self::Less => order.is_lt(),
            Self::Greater => order.is_gt(),
        }
    }
}

fn integer(text: &[u8]) -> Option<i128> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `!` negates the top, `&` and `|` join two. Digits are a position from the top: before another character they push a copy of
/// the value there (a `.` ends them and does nothing more), at the word's end only the value there remains. A `.` elsewhere pushes
/// a copy of the top.
fn operate(operations: &[u8], stack: &mut Vec<bool>) {
    let mut at = 0;
    while let Some(&operation) = operations.get(at) {
        if operation.is_ascii_digit() {
            let end =
                operations[at..].iter().position(|byte| !byte.is_ascii_digit()).map_or(operations.len(), |n| at + n);
            copy(&operations[at..end], end == operations.len(), stack);
            at = end + usize::from(operations.get(end) == Some(&b'.'));
            continue;
        }
        apply(operation, stack);
        at += 1;
    }
}

fn copy(digits: &[u8], is_last: bool, stack: &mut Vec<bool>) {
    let index = integer(digits).and_then(|index| usize::try_from(index).ok());
    let Some(value) = index.and_then(|index| stack.iter().rev().nth(index)).copied() else { return };
    if is_last {
        stack.clear();
    }
    stack.push(value);
}

fn apply(operation: u8, stack: &mut Vec<bool>) {
    let Some(top) = stack.pop() else { return };
    match operation {
        b'!' => stack.push(!top),
        b'&' => {
            let other = stack.pop().unwrap_or(true);
            stack.push(top && other);
        }
        b'|' => {
            let other = stack.pop().unwrap_or(false);
            stack.push(top || other);
        }
        b'.' => stack.extend([top, top]),
        _ => stack.push(top),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(queries: &[&str]) -> bool {
        let row = [("type", b"ether".to_vec()), ("mtu", b"1500".to_vec()), ("name", b"<pppoe-a=b>".to_vec())];
        selects(queries.iter().map(|query| query.as_bytes()), &row)
    }

    #[test]
    fn presence_equality_and_order() {
        for (query, expected) in [
            ("type", true),
            ("comment", false),
            ("-comment", true),
            ("-type", false),
            ("type=ether", true),
            ("=type=ether", true),
            ("type=vlan", false),
            ("name=<pppoe-a=b>", true),
            ("comment=", false),
            (">mtu=200", true),
            ("<mtu=200", false),
            (">type=a", true),
            (">comment=", false),
        ] {
            assert_eq!(selected(&[query]), expected, "?{query}");
        }
    }

    #[test]
    fn stack_operations() {
        assert!(selected(&[]), "no query selects everything");
        assert!(!selected(&["type=ether", "mtu=1"]), "what remains is joined by and");
        assert!(selected(&["type=ether", "mtu=1", "#|"]));
        assert!(!selected(&["type=ether", "mtu=1", "#&"]));
        assert!(selected(&["mtu=1", "#!"]));
        assert!(selected(&["type=ether", "mtu=1", "#!&"]));
        assert!(selected(&["type=vlan", "type=ether", "#|", "mtu=1500", "#&"]));
        assert!(selected(&["mtu=1", "type=ether", "#0"]), "an index at the end leaves that value alone");
        assert!(!selected(&["mtu=1", "type=ether", "#1"]));
        assert!(selected(&["mtu=1", "type=ether", "#1!&|"]), "an index copies: not mtu=1, and ether, or mtu=1");
        assert!(selected(&["mtu=1", "#.!|"]), "a dot copies the top: not mtu=1, or mtu=1");
    }
}
