//! Paths in the unparsed tokens of a macro call or of an attribute.

use proc_macro2::{TokenStream, TokenTree};

/// Returns everything with the form of a path: `a::b`, and a single name with a capital. A name behind a dot is a field or a method.
/// String literals with a path from `crate`, `self` or `super` count as well, as in `#[serde(with = "self::seconds")]`.
pub(super) fn paths(tokens: TokenStream) -> Vec<Vec<String>> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => found.extend(paths(group.stream())),
            TokenTree::Literal(literal) => found.extend(path_in(&literal.to_string())),
            TokenTree::Ident(_) => {
                let path = path_at(&tokens, at);
                let behind = at.checked_sub(1).is_some_and(|before| is_punct(&tokens, before, '.'));
                let leads_outside = at >= 2 && is_colons(&tokens, at - 2);
                let is_type = path[0].starts_with(char::is_uppercase);
                at += 3 * (path.len() - 1);
                if !behind && !leads_outside && (path.len() > 1 || is_type) {
                    found.push(path);
                }
            }
            TokenTree::Punct(_) => {}
        }
        at += 1;
    }
    found
}

/// Returns the names from this place on that `::` joins.
fn path_at(tokens: &[TokenTree], mut at: usize) -> Vec<String> {
    let mut path = Vec::new();
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        path.push(name.to_string());
        let goes_on = is_colons(tokens, at + 1) && matches!(tokens.get(at + 3), Some(TokenTree::Ident(_)));
        if !goes_on {
            break;
        }
        at += 3;
    }
    path
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens, at, ':') && is_punct(tokens, at + 1, ':')
}

fn is_punct(tokens: &[TokenTree], at: usize, wanted: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn path_in(literal: &str) -> Option<Vec<String>> {
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    let path = syn::parse_str::<syn::Path>(text).ok()?;
    let path: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let is_ours = path.len() > 1 && ["crate", "self", "super"].contains(&path[0].as_str());
    is_ours.then_some(path)
}
