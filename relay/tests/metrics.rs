//! The documents on metrics beside the relay's export.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use relay::metrics::Metrics;
use serde_json::Value;

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)).unwrap()
}

/// Each exported metric with the kind.
fn exported(text: &str) -> BTreeSet<(String, String)> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// Every metric's name in a text.
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
        // A row for each version of connected agents; here none is connected.
        let may_be_empty = name == "linelight_uplinks_by_version";
        assert!(may_be_empty || text.lines().any(|line| line.starts_with(name)), "{name} has no value");
    }
}

#[test]
fn alerts_and_dashboard_name_metrics_that_exist() {
    let mut all = BTreeSet::new();
    for (name, kind) in exported(&Metrics::default().render()) {
        if kind == "histogram" {
            all.extend(["bucket", "sum", "count"].map(|series| format!("{name}_{series}")));
        } else {
            all.insert(name);
        }
    }
    for file in ["prometheus/rules.yml", "prometheus/rules.test.yml", "prometheus/dashboard.json"] {
        let used = named(&document(file));
        assert!(used.len() > 5, "{file} names hardly any metric");
        let missing: Vec<_> = used.difference(&all).collect();
        assert!(missing.is_empty(), "{file} names metrics that the relay has not: {missing:?}");
    }
}

fn text<'a>(panel: &'a Value, key: &str) -> &'a str {
    panel[key].as_str().unwrap_or_default()
}

/// The dashboard's panels, rows among them, in order.
fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&document("prometheus/dashboard.json")).unwrap();
    dashboard["panels"].as_array().unwrap().clone()
}

#[test]
fn the_dashboard_opens_with_whether_it_is_well() {
    let panels = panels();
    assert_eq!((text(&panels[0], "type"), text(&panels[0], "title")), ("row", "Is it well?"));
    let first: Vec<_> = panels[1..].iter().take_while(|panel| text(panel, "type") != "row").collect();
    assert!(first.len() >= 5, "{} panels say whether it is well", first.len());
    for panel in first {
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().unwrap();
        let colours: Vec<_> = steps.iter().map(|step| text(step, "color")).collect();
        assert!(colours.first() == Some(&"green") && colours.last() == Some(&"red"), "{panel}: {colours:?}");
        assert_eq!(text(&panel["options"], "colorMode"), "background", "{panel}");
    }
}

#[test]
fn every_panel_of_the_dashboard_stands_in_a_row_is_described_and_has_a_unit() {
    let (panels, mut ids, mut cells, mut titles) = (panels(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for panel in &panels {
        assert!(ids.insert(panel["id"].as_u64()), "an id twice: {panel}");
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for (x, y) in (place("x")..place("x") + place("w")).flat_map(|x| (0..place("h")).map(move |y| (x, y))) {
            assert!(x < 24 && cells.insert((x, place("y") + y)), "over another panel: {panel}");
        }
        if text(panel, "type") == "row" {
            continue;
        }
        let title = (text(panel, "type").to_owned(), text(panel, "title").to_owned());
        assert!(titles.insert(title), "a title twice: {panel}");
        assert!(text(panel, "description").len() > 15, "no description: {panel}");
        assert!(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "no unit: {panel}");
    }
    assert!(titles.len() > 25, "{} panels", titles.len());
}
