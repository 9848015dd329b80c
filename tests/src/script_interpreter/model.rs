//! A router's configuration as far as the scripts touch it, and the effects of commands.
//!
//! It is a model of what MikroTik documents, not of the router: time passes only in `:delay`, packets do not.

mod actions;

use std::collections::BTreeMap;
use std::fmt::Write;

use super::evaluate::{self, Stop, trap};
use super::schema::Schema;
use super::value::Value;

type Run<T> = Result<T, Stop>;

/// How this router hands out list properties; no source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// As an array.
    Arrays,
    /// As a text with commas.
    Texts,
}

/// One router.
pub struct RouterModel {
    minor: u8,
    lists: Lists,
    schema: Schema,
    tables: BTreeMap<String, Vec<Row>>,
    next_id: u32,
    now: u64,
    printed: Vec<String>,
}

/// One object of a menu; a menu without several objects has one row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    id: u32,
    properties: BTreeMap<String, Value>,
}

impl Row {
    fn text(&self, name: &str) -> String {
        self.properties.get(name).map(Value::to_string).unwrap_or_default()
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.text(name) == value
    }
}

impl RouterModel {
    /// A router with RouterOS 7.`minor` and the package `container`, device-mode set, nothing else configured.
    pub fn new(minor: u8) -> Self {
        let mut router = Self {
            minor,
            lists: Lists::Arrays,
            schema: Schema::of(minor, true),
            tables: BTreeMap::new(),
            next_id: 1,
            now: 0,
            printed: Vec::new(),
        };
        router.put(
            "/system/resource",
            &[
                ("version", format!("7.{minor}.2 (stable)").as_str().into()),
                ("architecture-name", "arm64".into()),
                ("free-hdd-space", Value::Number(100_000_000)),
            ],
        );
        router.put("/system/device-mode", &[("container", Value::Bool(true)), ("scheduler", Value::Bool(true))]);
        router.put("/system/package", &[("name", "container".into()), ("disabled", Value::Bool(false))]);
        router.put(
            "/ip/dns",
            &[
                ("servers", Value::Array(vec!["203.0.113.53".into()])),
                ("dynamic-servers", Value::Array(Vec::new())),
                ("allow-remote-requests", Value::Bool(true)),
            ],
        );
        for (name, port) in [("api", "8728"), ("winbox", "8291")] {
            router.put(
                "/ip/service",
                &[
                    ("name", name.into()),
                    ("port", port.into()),
                    ("disabled", Value::Bool(false)),
                    ("address", Value::Array(Vec::new())),
                ],
            );
        }
        router.put("/interface", &[("name", "ether1".into()), ("type", "ether".into())]);
        router.put("/user/group", &[("name", "full".into()), ("policy", "all".into())]);
        router.put("/user", &[("name", "admin".into()), ("group", "full".into())]);
        router
    }

    /// The same router without the package `container`.
    pub fn without_containers(mut self) -> Self {
        self.schema = Schema::of(self.minor, false);
        self.tables.remove("/system/package");
        self
    }

    /// The same router with this form of lists.
    pub fn handing_out(mut self, lists: Lists) -> Self {
        self.lists = lists;
        self
    }

    /// Adds an object in an operator's name, without any command.
    pub fn put(&mut self, menu: &str, properties: &[(&str, Value)]) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.tables.entry(menu.to_owned()).or_default().push(Row { id, properties });
        id
    }

    /// Changes a property of the object of this name, or of the menu's only one.
    pub fn change(&mut self, menu: &str, name: Option<&str>, property: &str, value: Value) {
        let rows = self.tables.entry(menu.to_owned()).or_default();
        let row = rows.iter_mut().find(|row| name.is_none_or(|name| row.has("name", name)));
        if let Some(row) = row {
            row.properties.insert(property.to_owned(), value);
        }
    }

    /// An uploaded file.
    pub fn upload(&mut self, name: &str) {
        self.put("/file", &[("name", name.into()), ("type", ".tar file".into()), ("contents", "".into())]);
    }

    /// A folder, or a disk's place among the files.
    pub fn folder(&mut self, name: &str, kind: &str) {
        self.put("/file", &[("name", name.into()), ("type", kind.into())]);
    }

    /// Runs a script as a terminal does: all of it is read before any of it runs.
    ///
    /// # Errors
    /// Where the script stops, and whether by an error that RouterOS has too or by one of this model.
    pub fn run(&mut self, script: &str) -> Result<(), Stop> {
        self.printed.clear();
        evaluate::run(self, script)
    }

    /// The output of the last script.
    pub fn printed(&self) -> &[String] {
        &self.printed
    }

    /// The values of a property over all objects of a menu, in their order.
    pub fn values(&self, menu: &str, property: &str) -> Vec<String> {
        self.rows(menu).iter().map(|row| row.text(property)).collect()
    }

    /// The objects of a menu, each as its properties in a line.
    pub fn objects(&self, menu: &str) -> Vec<String> {
        self.rows(menu).iter().map(|row| describe(&row.properties, |_| true)).collect()
    }

    /// The whole configuration and all files, without the objects' internal numbers.
    pub fn configuration(&self) -> String {
        self.text(|_, _| true)
    }

    /// What `/export` shows: no file, no password.
    pub fn export(&self) -> String {
        self.text(|menu, property| menu != "/file" && property != "password")
    }

    fn text(&self, shown: impl Fn(&str, &str) -> bool) -> String {
        let mut text = String::new();
        for (menu, rows) in &self.tables {
            for row in rows {
                let line = describe(&row.properties, |property| shown(menu, property));
                if !line.is_empty() {
                    let _ = writeln!(text, "{menu} {line}");
                }
            }
        }
        text
    }

    /// Power off and on: memory is lost, and start-up scripts run.
    ///
    /// # Errors
    /// A start-up script's error.
    pub fn reboot(&mut self) -> Result<(), Stop> {
        let in_memory: Vec<_> =
            self.rows("/disk").iter().filter(|row| row.has("type", "tmpfs")).map(|row| row.text("slot")).collect();
        let lost = |name: &str| in_memory.iter().any(|disk| name.starts_with(&format!("{disk}/")));
        self.table("/file").retain(|row| !lost(&row.text("name")));
        for row in self.table("/container") {
            let whole = !lost(&row.text("root-dir"));
            let started = whole && row.has("start-on-boot", "true");
            row.properties.insert("running".to_owned(), Value::Bool(started));
            row.properties.insert("whole".to_owned(), Value::Bool(whole));
        }
        for row in self.rows("/system/scheduler").to_vec() {
            if row.has("start-time", "startup") {
                evaluate::run(self, &row.text("on-event"))?;
            }
        }
        Ok(())
    }

    pub(super) const fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn print(&mut self, line: &str) {
        self.printed.push(line.to_owned());
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now += seconds;
    }

    pub(super) fn ids(&self, menu: &str) -> Vec<u32> {
        self.rows(menu).iter().map(|row| row.id).collect()
    }

    /// A property's value for `find` and `get`.
    pub(super) fn property(&self, menu: &str, id: u32, name: &str) -> Value {
        let Some(row) = self.rows(menu).iter().find(|row| row.id == id) else { return Value::Nothing };
        let computed = (menu == "/container").then(|| self.container_state(row, name)).flatten();
        let value = computed.or_else(|| row.properties.get(name).cloned());
        let flag = self.schema.menu(menu).and_then(|menu| menu.property(name)).is_some_and(|property| property.flag);
        match value {
            None if flag => Value::Bool(false),
            Some(Value::Array(items)) if self.lists == Lists::Texts => {
                Value::Text(items.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
            }
            value => value.unwrap_or(Value::Nothing),
        }
    }

    pub(super) fn script_source(&self, arguments: &[Value]) -> Run<String> {
        let name = arguments.first().map(ToString::to_string).unwrap_or_default();
        let found = self.rows("/system/script").iter().find(|row| row.has("name", &name));
        found.map_or_else(|| trap("no such item"), |row| Ok(row.text("source")))
    }

    fn rows(&self, menu: &str) -> &[Row] {
        self.tables.get(menu).map_or(&[], Vec::as_slice)
    }

    fn table(&mut self, menu: &str) -> &mut Vec<Row> {
        self.tables.entry(menu.to_owned()).or_default()
    }
}

fn describe(properties: &BTreeMap<String, Value>, shown: impl Fn(&str) -> bool) -> String {
    let shown = properties.iter().filter(|(name, _)| shown(name));
    shown.map(|(name, value)| format!("{name}={:?}", value.to_string())).collect::<Vec<_>>().join(" ")
}
