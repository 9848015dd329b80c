//! docs/access.md: the answers as tables. Callers with the same answers at all doors of a group share a column.

use std::fmt::Write;

use crate::callers::Caller;

const INTRODUCTION: &str = "\
# Who may open which door

Every route of the relay, and what each kind of caller hears there. `make access` writes this file from a running relay that is asked
at every door as every caller, and a test fails when it is out of date. The routes are read from the relay's own routers, so none
is missing.

A cell is the status and the reason. At each door with a line or a person in its address, whoever is refused is refused for one that
nobody knows too, and the test compares both answers byte by byte. An answer with `101` is a WebSocket; `4xxx` is its close code.

## Callers

Each caller asks from the relay's own page unless the table says otherwise, and shows:

| caller | shows |
|---|---|
";

/// Doors with their answers, one for each caller.
pub struct Group {
    pub title: &'static str,
    pub remark: &'static str,
    pub rows: Vec<(String, Vec<String>)>,
}

/// Writes the document.
pub fn written(callers: &[Caller], groups: &[Group], once: &str) -> String {
    let mut out = INTRODUCTION.to_owned();
    for Caller { name, shows, .. } in callers {
        writeln!(out, "| {name} | {shows} |").unwrap();
    }
    for group in groups {
        write_group(&mut out, callers, group);
    }
    out + once
}

fn write_group(out: &mut String, callers: &[Caller], Group { title, remark, rows }: &Group) {
    writeln!(out, "\n## {title}\n\n{remark}\n").unwrap();
    let columns = columns(callers.len(), rows);
    // The column of the most callers is everybody else's.
    let most = columns.iter().map(Vec::len).max().unwrap_or_default();
    let mut headings = Vec::new();
    for column in &columns {
        let names: Vec<_> = column.iter().map(|caller| callers[*caller].name).collect();
        let everybody = if columns.len() == 1 { "everybody" } else { "everybody else" };
        headings.push(if column.len() == most { everybody.to_owned() } else { names.join(", ") });
    }
    writeln!(out, "| door | {} |\n|---|{}", headings.join(" | "), "---|".repeat(columns.len())).unwrap();
    for (door, cells) in rows {
        let cells: Vec<_> = columns.iter().map(|column| cells[column[0]].as_str()).collect();
        writeln!(out, "| `{door}` | {} |", cells.join(" | ")).unwrap();
    }
}

/// Returns the callers by column.
fn columns(callers: usize, rows: &[(String, Vec<String>)]) -> Vec<Vec<usize>> {
    let mut columns: Vec<Vec<usize>> = Vec::new();
    for caller in 0..callers {
        let is_same = |column: &Vec<usize>| rows.iter().all(|(_, cells)| cells[column[0]] == cells[caller]);
        match columns.iter_mut().find(|column| is_same(column)) {
            Some(column) => column.push(caller),
            None => columns.push(vec![caller]),
        }
    }
    columns
}
