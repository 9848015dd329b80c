//! Every link of a document leads to a file that is there, and to a heading that is in it.

use std::path::Path;
use std::process::Command;

use crate::blocks::{document, root};

/// Returns the documents that git tracks or would track, from the repository's root.
fn documents() -> Vec<String> {
    let list = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"])
        .current_dir(root())
        .output()
        .unwrap();
    let names: Vec<_> = String::from_utf8(list.stdout).unwrap().lines().map(str::to_owned).collect();
    assert!(names.len() > 5, "the documents are gone: {names:?}");
    names.into_iter().filter(|name| root().join(name).is_file()).collect()
}

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

/// A document names a file by its path from the root, in backquotes; what is named so is there.
#[test]
fn every_file_that_a_document_names_is_there() {
    let folders = ["agent/", "relay/", "shared/", "tests/", "container/", "docs/", "fuzz/"];
    for name in documents() {
        let text = document(&name);
        let mut quoted = text.split('`').skip(1).step_by(2);
        let wrong = quoted.find(|path| {
            let is_path = folders.iter().any(|folder| path.starts_with(folder))
                && path.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
            is_path && !root().join(path).exists() && !is_built(path)
        });
        assert_eq!(wrong, None, "{name} names a file that is not there");
    }
}

/// Whether the path is made by a build.
fn is_built(path: &str) -> bool {
    Path::new(path).starts_with("relay/web/dist")
}

#[test]
fn an_anchor_is_githubs() {
    assert_eq!(anchor("What is needed"), "what-is-needed");
    assert_eq!(anchor("WebSocket, in `detail`"), "websocket-in-detail");
    assert!(has_anchor("# a\n## When it does not work\n", "when-it-does-not-work"));
}
