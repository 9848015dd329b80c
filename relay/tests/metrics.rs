//! What operators read about metrics, in docs, against what the relay exports.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use relay::metrics::Metrics;

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)).unwrap()
}

/// Each exported metric with its kind.
fn exported(text: &str) -> BTreeSet<(String, String)> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// Every word of a text that is a metric's name.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("linelight_") || word.starts_with("process_")).map(str::to_owned).collect()
}

#[test]
fn every_metric_stands_in_the_documentation_and_no_other() {
    let text = Metrics::default().render();
    let rows = document("metrics.md");
    let documented: BTreeSet<_> = rows
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            let name = cells.next()?.split('`').next()?;
            Some((name.to_owned(), cells.next()?.to_owned()))
        })
        .collect();
    assert_eq!(documented, exported(&text));
    for (name, _) in &documented {
        let help = text.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} "))).unwrap();
        assert!(
            help.len() > 5 && rows.contains(&format!("| {help} |")),
            "{name} is described otherwise than by: {help}"
        );
        // One row for each version of an agent that is connected, and here none is.
        let may_be_empty = name == "linelight_uplinks_by_version";
        assert!(may_be_empty || text.lines().any(|line| line.starts_with(name)), "{name} has no value");
    }
}

#[test]
fn alerts_and_dashboard_name_metrics_that_exist() {
    let all: BTreeSet<_> = exported(&Metrics::default().render()).into_iter().map(|(name, _)| name).collect();
    for file in ["prometheus/rules.yml", "prometheus/rules.test.yml", "prometheus/dashboard.json"] {
        let used = named(&document(file));
        assert!(used.len() > 5, "{file} names hardly any metric");
        let missing: Vec<_> = used.difference(&all).collect();
        assert!(missing.is_empty(), "{file} names metrics that the relay has not: {missing:?}");
    }
}
