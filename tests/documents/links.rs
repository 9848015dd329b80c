//! Every link of a document leads to an existing file, and to a heading of the file.

use crate::blocks::{document, documents, root};

/// Returns the targets of Markdown links and the sources of images, without those in code.
fn targets(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        }
        if in_block {
            continue;
        }
        let begun = line.split("](").skip(1).map(|rest| rest.split(')').next().unwrap_or_default());
        let tags = ["src=\"", "srcset=\"", "href=\""];
        let tagged = tags.into_iter().flat_map(|tag| line.split(tag).skip(1));
        targets.extend(begun.map(str::to_owned));
        targets.extend(tagged.map(|rest| rest.split('"').next().unwrap_or_default().to_owned()));
    }
    targets
}

/// Returns GitHub's anchor of a heading: lower case, blanks as dashes, without punctuation.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_';
    heading.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn has_anchor(text: &str, wanted: &str) -> bool {
    text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line.trim_start_matches('#').trim()) == wanted)
}

#[test]
fn every_link_leads_somewhere() {
    let mut checked = 0;
    for name in documents() {
        let text = document(&name);
        let folder = root().join(&name).parent().unwrap().to_owned();
        for target in targets(&text).iter().filter(|target| !target.contains("://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { root().join(&name) } else { folder.join(file) };
            assert!(path.exists(), "{name} links to {target}, which is not there");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(has_anchor(&text, heading), "{name} links to {target}, which is no heading");
            }
            checked += 1;
        }
    }
    assert!(checked > 10, "no links were found");
}

#[test]
fn an_anchor_is_githubs() {
    assert_eq!(anchor("What is needed"), "what-is-needed");
    assert_eq!(anchor("WebSocket, in `detail`"), "websocket-in-detail");
    assert!(has_anchor("# a\n## When it does not work\n", "when-it-does-not-work"));
}
