//! `linelight-relay check-subscribers FILE`: prints how each row of a subscribers file is read.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use encoding_rs::Encoding;
use shared::escape::one_line;

use crate::subscribers::parse::{Layout, Parsed, Reading, parse_each};
use crate::subscribers::{Matter, Subscriber, SubscribersFile, encoding_by_label, rate_in_words};

#[derive(Debug, Args)]
pub(super) struct CheckSubscribersArguments {
    /// The file that `serve --subscribers` is to read
    file: PathBuf,

    /// Its encoding, such as windows-1251, where it has no byte-order mark and is not UTF-8 [default: windows-1252]
    #[arg(long, alias = "subscribers-encoding", value_name = "NAME", value_parser = encoding_by_label)]
    encoding: Option<&'static Encoding>,
}

/// A message and its line in the file. Messages follow the file's order: a row comes before its notes.
type Told = (u64, String);

pub(super) fn run(arguments: CheckSubscribersArguments, out: &mut impl Write) -> Result<()> {
    let file = SubscribersFile { path: arguments.file, encoding: arguments.encoding };
    let content = file.read()?;
    let mut told: Vec<Told> = Vec::new();
    let parsed = parse_each(&content, file.encoding, |reading| told.push((reading.line, row(reading))))
        .with_context(|| format!("{} is not a subscribers file", file.path.display()))?;
    layout(&parsed.layout, out)?;
    for (line, text) in with_findings(told, &parsed) {
        writeln!(out, "line {line}: {text}")?;
    }
    summary(&parsed, out)
}

fn layout(layout: &Layout, out: &mut impl Write) -> Result<()> {
    let separator = if layout.separator == '\t' { "tab".to_owned() } else { layout.separator.to_string() };
    writeln!(out, "encoding {}, separator {separator}", layout.encoding)?;
    for (name, used) in &layout.columns {
        writeln!(out, "column \"{}\": {}", one_line(name), used.unwrap_or("not used"))?;
    }
    Ok(())
}

/// Adds the findings to the rows. A refused row has no message but its refusal.
fn with_findings(rows: Vec<Told>, parsed: &Parsed) -> Vec<Told> {
    let is_bad = |line: u64| parsed.bad.binary_search_by_key(&line, |bad| bad.line).is_ok();
    let mut told: Vec<Told> = rows.into_iter().filter(|(line, _)| !is_bad(*line)).collect();
    told.extend(parsed.doubts.iter().map(|doubt| (doubt.line, format!("note: {}", doubt.about))));
    told.extend(parsed.bad.iter().map(|bad| (bad.line, format!("refused: {}", one_line(&bad.reason.to_string())))));
    told.sort_by_key(|(line, _)| *line);
    told
}

fn summary(parsed: &Parsed, out: &mut impl Write) -> Result<()> {
    let limits = parsed.doubts.iter().filter(|doubt| matches!(doubt.about, Matter::Limit { .. })).count();
    let (used, refused) = (parsed.table.len(), parsed.bad.len());
    writeln!(
        out,
        "rows used: {used}, rows refused: {refused}, limits refused: {limits}, other notes: {}",
        parsed.doubts.len() - limits
    )?;
    if refused + limits > 0 {
        bail!("refused: rows {refused}, limits {limits}; the lines above say why");
    }
    Ok(())
}

fn row(Reading { username, plain, subscriber, .. }: &Reading<'_>) -> String {
    let Subscriber { customer, package, plan, further } = subscriber;
    let also = plain.map(|plain| format!(" (also \"{}\")", one_line(&plain.to_text()))).unwrap_or_default();
    let text = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), |text| format!("\"{}\"", one_line(text)));
    let limit = |limit: Option<u64>| limit.map_or("-".to_owned(), rate_in_words);
    let further: String =
        further.iter().map(|value| format!(", {} \"{}\"", one_line(&value.column), one_line(&value.text))).collect();
    format!(
        "username \"{}\"{also}, customer {}, package {}, download {}, upload {}{further}",
        one_line(&username.to_text()),
        text(customer),
        text(package),
        limit(plan.download),
        limit(plan.upload)
    )
}
