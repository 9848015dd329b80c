//! Code blocks and tables of a Markdown document.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns the text of a document, named from the repository's root.
pub(crate) fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns the documents in git, or not ignored by git, from the repository's root.
pub(crate) fn documents() -> Vec<String> {
    let list = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"])
        .current_dir(root())
        .output()
        .unwrap();
    let names: Vec<_> = String::from_utf8(list.stdout).unwrap().lines().map(str::to_owned).collect();
    assert!(names.len() > 5, "the documents are gone: {names:?}");
    names.into_iter().filter(|name| root().join(name).is_file()).collect()
}

/// Returns the fenced code blocks of one language, in order. A block inside a list loses the list's indent.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(opened) = line.trim_start().strip_prefix("```") else { continue };
        let indent = line.len() - line.trim_start().len();
        let content: Vec<_> = lines
            .by_ref()
            .take_while(|line| line.trim_start() != "```")
            .map(|line| line.get(indent..).unwrap_or_default())
            .collect();
        if opened == language {
            found.push(content.join("\n") + "\n");
        }
    }
    found
}

/// Returns the one code block of a language.
pub(crate) fn the_block(document_name: &str, language: &str) -> String {
    let found = blocks(&document(document_name), language);
    assert_eq!(found.len(), 1, "{document_name} has {} blocks of {language}", found.len());
    found.into_iter().next().unwrap()
}

/// Returns the rows of all tables as their cells, without the rules of dashes; a head row is a row too.
pub(crate) fn rows(text: &str) -> Vec<Vec<String>> {
    let cells = |row: &str| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    text.lines()
        .filter_map(|line| line.trim().strip_prefix('|')?.strip_suffix('|'))
        .filter(|row| !row.starts_with("---"))
        .map(cells)
        .collect()
}

#[test]
fn blocks_are_found_by_their_language() {
    let text = "a\n```sh\none\n```\n- x\n\n  ```json\n  {\n    1\n  ```\n```sh\ntwo\n```\n";
    assert_eq!(blocks(text, "sh"), ["one\n", "two\n"]);
    assert_eq!(blocks(text, "json"), ["{\n  1\n"]);
    assert_eq!(rows("| a | b |\n|---|---|\n| `c` | d |\n"), [["a", "b"], ["`c`", "d"]]);
}
