//! The regular expressions of RouterOS's `~` (POSIX extended), as far as scripts here use them: a backtracking matcher.

/// Whether the pattern matches somewhere in the text.
///
/// # Errors
/// What is wrong with the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> Result<bool, String> {
    let mut parser = Parser { rest: pattern.as_bytes() };
    let tree = parser.alternatives()?;
    if !parser.rest.is_empty() {
        return Err(format!("a closing bracket too many in the pattern {pattern:?}"));
    }
    let text = text.as_bytes();
    Ok((0..=text.len()).any(|from| step(&tree, text, from, &mut |_| true)))
}

enum Node {
    Start,
    End,
    Any,
    Class { negated: bool, ranges: Vec<(u8, u8)> },
    Byte(u8),
    Group(Vec<Vec<Node>>),
    Repeat { node: Box<Node>, least: usize, most: usize },
}

struct Parser<'a> {
    rest: &'a [u8],
}

impl Parser<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn alternatives(&mut self) -> Result<Vec<Vec<Node>>, String> {
        let mut all = vec![Vec::new()];
        while let Some(&byte) = self.rest.first() {
            match byte {
                b')' => break,
                b'|' => {
                    self.next();
                    all.push(Vec::new());
                }
                _ => {
                    let node = self.repeated()?;
                    if let Some(branch) = all.last_mut() {
                        branch.push(node);
                    }
                }
            }
        }
        Ok(all)
    }

    fn repeated(&mut self) -> Result<Node, String> {
        let node = Box::new(self.single()?);
        let (least, most) = match self.rest.first() {
            Some(b'*') => (0, usize::MAX),
            Some(b'+') => (1, usize::MAX),
            Some(b'?') => (0, 1),
            _ => return Ok(*node),
        };
        self.next();
        Ok(Node::Repeat { node, least, most })
    }

    fn single(&mut self) -> Result<Node, String> {
        Ok(match self.next() {
            Some(b'^') => Node::Start,
            Some(b'$') => Node::End,
            Some(b'.') => Node::Any,
            Some(b'(') => {
                let inner = self.alternatives()?;
                if self.next() != Some(b')') {
                    return Err("an open bracket in the pattern".to_owned());
                }
                Node::Group(inner)
            }
            Some(b'[') => self.class()?,
            Some(b'\\') => Node::Byte(self.next().ok_or("a backslash at the pattern's end")?),
            Some(b'*' | b'+' | b'?') | None => return Err("a repetition of nothing in the pattern".to_owned()),
            Some(byte) => Node::Byte(byte),
        })
    }

    fn class(&mut self) -> Result<Node, String> {
        let negated = self.rest.first() == Some(&b'^');
        if negated {
            self.next();
        }
        let mut ranges = Vec::new();
        loop {
            let from = self.next().ok_or("an open square bracket in the pattern")?;
            if from == b']' && !ranges.is_empty() {
                return Ok(Node::Class { negated, ranges });
            }
            let range = matches!(self.rest, [b'-', to, ..] if *to != b']');
            let to = if range { self.next().and(self.next()).unwrap_or(from) } else { from };
            ranges.push((from, to));
        }
    }
}

/// Whether one of the branches matches at `at`, and what follows it does too.
fn step(branches: &[Vec<Node>], text: &[u8], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    branches.iter().any(|branch| sequence(branch, text, at, then))
}

fn sequence(nodes: &[Node], text: &[u8], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    match nodes.split_first() {
        None => then(at),
        Some((first, rest)) => one(first, text, at, &mut |next| sequence(rest, text, next, then)),
    }
}

fn one(node: &Node, text: &[u8], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    let byte = text.get(at).copied();
    match node {
        Node::Start => at == 0 && then(at),
        Node::End => at == text.len() && then(at),
        Node::Any => byte.is_some() && then(at + 1),
        Node::Byte(expected) => byte == Some(*expected) && then(at + 1),
        Node::Class { negated, ranges } => {
            byte.is_some_and(|byte| ranges.iter().any(|(from, to)| (*from..=*to).contains(&byte)) != *negated)
                && then(at + 1)
        }
        Node::Group(branches) => step(branches, text, at, then),
        Node::Repeat { node, least, most } => {
            if *most > 0 {
                let (least, most) = (least.saturating_sub(1), most.saturating_sub(usize::from(*most != usize::MAX)));
                let again = &mut |next: usize| next > at && repeat(node, least, most, text, next, then);
                if one(node, text, at, again) {
                    return true;
                }
            }
            *least == 0 && then(at)
        }
    }
}

fn repeat(node: &Node, least: usize, most: usize, text: &[u8], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    if most > 0 {
        let (less, fewer) = (least.saturating_sub(1), most.saturating_sub(usize::from(most != usize::MAX)));
        if one(node, text, at, &mut |next| next > at && repeat(node, less, fewer, text, next, then)) {
            return true;
        }
    }
    least == 0 && then(at)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_posix_says() {
        for (pattern, text, expected) in [
            ("^(7[.][2-9][0-9]|[89][.])", "7.21.1 (stable)", true),
            ("^(7[.][2-9][0-9]|[89][.])", "7.9 (stable)", false),
            ("^(7[.][2-9][0-9]|[89][.])", "8.0", true),
            ("(^|/)linelight-secrets/", "flash/linelight-secrets/token.txt", true),
            ("(^|/)linelight-secrets/", "my-linelight-secrets/token.txt", false),
            ("secrets$", "secrets/x", false),
            ("^a.c*d+e?$", "abccdd", true),
            ("^[^a]", "a", false),
            ("", "x", true),
        ] {
            assert_eq!(matches(pattern, text), Ok(expected), "{pattern} {text}");
        }
        for wrong in ["(", ")", "[a", "*", "\\"] {
            assert!(matches(wrong, "x").is_err(), "{wrong}");
        }
    }
}
