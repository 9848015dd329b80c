//! The repository's files, and words in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files under `folder`, in git or not ignored by git.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let root = root();
    let list = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "--", folder])
        .current_dir(&root)
        .output()
        .unwrap();
    assert!(list.status.success(), "git ls-files: {}", String::from_utf8_lossy(&list.stderr));
    let files: Vec<_> = String::from_utf8(list.stdout)
        .unwrap()
        .lines()
        .filter(|name| name.ends_with(ending))
        .map(|name| root.join(name))
        .filter(|path| path.is_file())
        .collect();
    assert!(!files.is_empty(), "no {ending} file under {folder}: the rule would hold for nothing");
    files
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns the lines with one of the words, each with its place. Test modules are left out.
pub(crate) fn lines_with(files: &[PathBuf], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let Ok(text) = fs::read_to_string(file) else { continue };
        let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (at, line) in program.lines().enumerate().filter(|(_, line)| words.iter().any(|word| line.contains(word))) {
            found.push(format!("{}:{}: {}", file.display(), at + 1, line.trim()));
        }
    }
    found
}

pub(crate) fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}
