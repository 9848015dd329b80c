//! The effect of each command on the configuration.

use std::collections::BTreeMap;

use super::super::evaluate::{doubt, trap};
use super::super::value::Value;
use super::{RouterModel, Row, Run};

/// Seconds for unpacking an image here.
const EXTRACTION: u64 = 4;
/// Seconds until a stopped container is gone.
const STOPPING: u64 = 2;
/// Properties that hold a list, written with commas.
const LISTS: [(&str, &str); 2] = [("/ip/service", "address"), ("/ip/dns", "servers")];
/// Menus whose objects need a name of their own.
const NAMED: [(&str, &str); 5] =
    [("/interface/veth", "name"), ("/user", "name"), ("/user/group", "name"), ("/disk", "slot"), ("/file", "name")];

type Named = Vec<(String, Value)>;

impl RouterModel {
    /// Runs one command.
    pub(in super::super) fn execute(
        &mut self,
        menu: &str,
        name: &str,
        arguments: &[Value],
        named: Named,
    ) -> Run<Value> {
        match name {
            "add" => self.add(menu, named),
            "set" => self.set(menu, arguments, &named),
            "get" => self.get(menu, arguments),
            "remove" => self.each(menu, arguments, Self::remove),
            "start" => self.each(menu, arguments, Self::start),
            "stop" => self.each(menu, arguments, Self::stop),
            "repull" => self.repull(arguments, named),
            "print" if menu == "/file" => self.print_to_file(&named),
            _ => doubt(format!("{menu}/{name} is not modelled")),
        }
    }

    /// The objects of an argument: by numbers, or by a name.
    fn resolve(&self, menu: &str, argument: Option<&Value>) -> Run<Vec<u32>> {
        let ids: Vec<Value> = match argument {
            Some(Value::Array(items)) => items.clone(),
            Some(value) => vec![value.clone()],
            None => return doubt(format!("{menu}: which object")),
        };
        let mut found = Vec::new();
        for id in ids {
            let row = match id {
                Value::Id(id) => self.rows(menu).iter().find(|row| row.id == id),
                Value::Text(name) => self.rows(menu).iter().find(|row| row.has("name", &name)),
                other => return doubt(format!("{menu}: {} names no object", other.kind())),
            };
            match row {
                Some(row) => found.push(row.id),
                None => return trap("no such item"),
            }
        }
        Ok(found)
    }

    fn each(&mut self, menu: &str, arguments: &[Value], action: fn(&mut Self, &str, u32) -> Run<()>) -> Run<Value> {
        for id in self.resolve(menu, arguments.first())? {
            action(self, menu, id)?;
        }
        Ok(Value::Nothing)
    }

    fn get(&self, menu: &str, arguments: &[Value]) -> Run<Value> {
        let (object, property) = match arguments {
            [Value::Text(property)] => (None, property),
            [object, Value::Text(property)] => (Some(object), property),
            _ => return doubt(format!("{menu}/get takes an object and one property")),
        };
        let ids = match object {
            Some(object) => self.resolve(menu, Some(object))?,
            None => self.ids(menu),
        };
        match ids[..] {
            [id] => Ok(self.property(menu, id, property)),
            [] => trap("no such item"),
            _ => trap("invalid internal item number"),
        }
    }

    fn typed(&self, menu: &str, name: &str, value: Value) -> Run<Value> {
        let flag = self.schema.menu(menu).and_then(|menu| menu.property(name)).is_some_and(|property| property.flag);
        Ok(match value {
            Value::Bool(value) if flag => Value::Bool(value),
            value if flag => match value.to_string().as_str() {
                "yes" | "true" => Value::Bool(true),
                "no" | "false" => Value::Bool(false),
                other => return trap(format!("input does not match any value of {name}: {other}")),
            },
            value if LISTS.contains(&(menu, name)) => {
                let text = value.to_string();
                Value::Array(text.split(',').filter(|item| !item.is_empty()).map(Value::from).collect())
            }
            Value::Array(_) | Value::Code(_) | Value::Nothing => {
                return doubt(format!("{name} set to a {}", value.kind()));
            }
            Value::Bool(value) => Value::Text(if value { "yes" } else { "no" }.to_owned()),
            value => Value::Text(value.to_string()),
        })
    }

    fn add(&mut self, menu: &str, named: Named) -> Run<Value> {
        let mut properties = BTreeMap::new();
        let mut before = None;
        for (name, value) in named {
            if name == "place-before" {
                before = Some(self.place(menu, &value)?);
            } else {
                properties.insert(name.clone(), self.typed(menu, &name, value)?);
            }
        }
        let id = self.next_id;
        let mut row = Row { id, properties };
        self.check_new(menu, &mut row)?;
        self.next_id += 1;
        let at = before.unwrap_or(self.rows(menu).len());
        self.table(menu).insert(at, row.clone());
        self.added(menu, &row)?;
        Ok(Value::Id(id))
    }

    fn place(&self, menu: &str, value: &Value) -> Run<usize> {
        let ids = self.resolve(menu, Some(value))?;
        let at = self.rows(menu).iter().position(|row| ids.first() == Some(&row.id));
        match at.filter(|at| !self.rows(menu)[*at].has("dynamic", "true")) {
            Some(at) => Ok(at),
            None => trap("cannot place before a dynamic rule"),
        }
    }

    fn check_new(&self, menu: &str, row: &mut Row) -> Run<()> {
        if let Some((_, key)) = NAMED.iter().find(|(named, _)| *named == menu) {
            let name = row.text(key);
            if name.is_empty() || self.rows(menu).iter().any(|other| other.has(key, &name)) {
                return trap(format!("failure: {menu} {key}={name:?} is there already, or empty"));
            }
        }
        match menu {
            "/ip/address" | "/container" if !self.interface_exists(&row.text("interface")) => {
                trap("input does not match any value of interface")
            }
            "/ip/address" => {
                let network = network_of(&row.text("address"));
                row.properties.insert("network".to_owned(), Value::Text(network));
                Ok(())
            }
            "/user" if !self.rows("/user/group").iter().any(|group| group.has("name", &row.text("group"))) => {
                trap("input does not match any value of group")
            }
            "/file" => self.check_new_file(row),
            "/container" => self.check_image(&row.text("file"), &row.text("remote-image")),
            _ => Ok(()),
        }
    }

    fn check_new_file(&self, row: &mut Row) -> Run<()> {
        let name = row.text("name");
        let parent = name.rsplit_once('/').map(|(parent, _)| parent);
        if parent.is_some_and(|parent| !self.rows("/file").iter().any(|file| file.has("name", parent))) {
            return trap("failure: no such folder");
        }
        row.properties.entry("type".to_owned()).or_insert_with(|| "file".into());
        Ok(())
    }

    fn check_image(&self, file: &str, remote: &str) -> Run<()> {
        let there = self.rows("/file").iter().any(|row| row.has("name", file));
        if (file.is_empty() && remote.is_empty()) || (!file.is_empty() && !there) {
            return trap("failure: no such file");
        }
        Ok(())
    }

    fn interface_exists(&self, name: &str) -> bool {
        self.rows("/interface").iter().any(|row| row.has("name", name))
    }

    /// The default properties of a new object.
    fn added(&mut self, menu: &str, row: &Row) -> Run<()> {
        match menu {
            "/interface/veth" => {
                let mut properties = vec![("name", row.text("name").as_str().into()), ("type", "veth".into())];
                properties.extend(row.properties.get("comment").map(|comment| ("comment", comment.clone())));
                self.put("/interface", &properties);
            }
            "/ip/firewall/address-list" if row.text("address").contains(|c: char| c.is_ascii_alphabetic()) => {
                let id = self.put(
                    menu,
                    &[
                        ("list", row.text("list").as_str().into()),
                        ("address", "203.0.113.80".into()),
                        ("comment", row.text("address").as_str().into()),
                        ("dynamic", Value::Bool(true)),
                    ],
                );
                self.set_number(menu, id, "parent", row.id);
            }
            "/disk" => self.folder(&row.text("slot"), "disk"),
            "/container" => {
                let until = self.now + EXTRACTION;
                self.set_number(menu, row.id, "extracted-at", u32::try_from(until).unwrap_or(u32::MAX));
                self.set_flag(row.id, "whole", true);
                self.set_flag(row.id, "running", false);
                self.make_folder(&row.text("root-dir"));
            }
            _ => {}
        }
        Ok(())
    }

    fn set_number(&mut self, menu: &str, id: u32, name: &str, value: u32) {
        if let Some(row) = self.table(menu).iter_mut().find(|row| row.id == id) {
            row.properties.insert(name.to_owned(), Value::Number(value.into()));
        }
    }

    fn set_flag(&mut self, id: u32, name: &str, value: bool) {
        if let Some(row) = self.table("/container").iter_mut().find(|row| row.id == id) {
            row.properties.insert(name.to_owned(), Value::Bool(value));
        }
    }

    fn make_folder(&mut self, name: &str) {
        if !self.rows("/file").iter().any(|row| row.has("name", name)) {
            self.folder(name, "directory");
        }
    }

    fn set(&mut self, menu: &str, arguments: &[Value], named: &Named) -> Run<Value> {
        for id in self.resolve(menu, arguments.first())? {
            for (name, value) in named {
                let value = self.typed(menu, name, value.clone())?;
                if let Some(row) = self.table(menu).iter_mut().find(|row| row.id == id) {
                    row.properties.insert(name.clone(), value);
                }
            }
        }
        Ok(Value::Nothing)
    }

    fn remove(&mut self, menu: &str, id: u32) -> Run<()> {
        let Some(row) = self.rows(menu).iter().find(|row| row.id == id).cloned() else { return trap("no such item") };
        if row.has("dynamic", "true") {
            return trap("can not remove dynamic object");
        }
        match menu {
            "/container" if self.is_running(&row) => return trap("failure: container is running"),
            "/container" => {
                let root = row.text("root-dir");
                self.table("/file").retain(|file| !file.has("name", &root));
            }
            "/interface/veth" => {
                let name = row.text("name");
                if self.rows("/ip/address").iter().any(|address| address.has("interface", &name)) {
                    return doubt("an interface removed before its address");
                }
                self.table("/interface").retain(|interface| !interface.has("name", &name));
            }
            "/user/group" if self.rows("/user").iter().any(|user| user.has("group", &row.text("name"))) => {
                return trap("failure: group is in use");
            }
            "/disk" => {
                let slot = row.text("slot");
                self.table("/file")
                    .retain(|file| !file.has("name", &slot) && !file.text("name").starts_with(&format!("{slot}/")));
            }
            _ => {}
        }
        let parent = id.to_string();
        self.table(menu).retain(|row| row.id != id && !row.has("parent", &parent));
        Ok(())
    }

    fn is_running(&self, row: &Row) -> bool {
        let stopping = row
            .properties
            .get("stopped-at")
            .is_some_and(|at| matches!(at, Value::Number(at) if *at > self.now.cast_signed()));
        row.has("running", "true") || stopping
    }

    fn is_extracted(&self, row: &Row) -> bool {
        row.properties
            .get("extracted-at")
            .is_some_and(|at| matches!(at, Value::Number(at) if *at <= self.now.cast_signed()))
    }

    /// A container's own words: a status up to 7.20, flags from 7.21.
    pub(super) fn container_state(&self, row: &Row, name: &str) -> Option<Value> {
        let (running, extracted) = (self.is_running(row), self.is_extracted(row));
        let whole = row.has("whole", "true");
        match name {
            "status" => Some(Value::from(match (running, extracted && whole) {
                (true, _) => "running",
                (false, true) => "stopped",
                (false, false) => "extracting",
            })),
            "running" => Some(Value::Bool(running)),
            "stopped" => Some(Value::Bool(!running && extracted && whole)),
            _ => None,
        }
    }

    fn start(&mut self, menu: &str, id: u32) -> Run<()> {
        let Some(row) = self.rows(menu).iter().find(|row| row.id == id).cloned() else { return trap("no such item") };
        if !self.is_extracted(&row) {
            return doubt("a container started while its image is unpacked: the image breaks");
        }
        if self.is_running(&row) || !row.has("whole", "true") {
            return trap("failure: container is running, or has no root");
        }
        let dns = self
            .rows("/ip/dns")
            .iter()
            .any(|dns| !dns.text("servers").is_empty() || !dns.text("dynamic-servers").is_empty());
        if row.text("dns").is_empty() && !dns {
            return trap("failure: no DNS for the container");
        }
        let list = if self.minor >= 21 { "list" } else { "name" };
        let mounts = row.text(if self.minor >= 21 { "mountlists" } else { "mounts" });
        let sources: Vec<_> = self
            .rows("/container/mounts")
            .iter()
            .filter(|mount| mount.has(list, &mounts))
            .map(|mount| mount.text("src"))
            .collect();
        for source in sources {
            self.make_folder(&source);
        }
        self.set_flag(id, "running", true);
        Ok(())
    }

    fn stop(&mut self, menu: &str, id: u32) -> Run<()> {
        let Some(row) = self.rows(menu).iter().find(|row| row.id == id).cloned() else { return trap("no such item") };
        if !row.has("running", "true") {
            return trap("failure: container is not running");
        }
        self.set_flag(id, "running", false);
        let until = self.now + STOPPING;
        self.set_number(menu, id, "stopped-at", u32::try_from(until).unwrap_or(u32::MAX));
        Ok(())
    }

    fn repull(&mut self, arguments: &[Value], named: Named) -> Run<Value> {
        for id in self.resolve("/container", arguments.first())? {
            let row = self.rows("/container").iter().find(|row| row.id == id).cloned();
            if row.is_some_and(|row| self.is_running(&row)) {
                return trap("failure: container is running");
            }
            for (name, value) in &named {
                let (file, remote) = if name == "file" {
                    (value.to_string(), String::new())
                } else {
                    (String::new(), value.to_string())
                };
                self.check_image(&file, &remote)?;
                if let Some(row) = self.table("/container").iter_mut().find(|row| row.id == id) {
                    row.properties.insert(name.clone(), value.clone());
                    row.properties.insert("pulled".to_owned(), Value::Bool(true));
                }
            }
            let until = self.now + EXTRACTION;
            self.set_number("/container", id, "extracted-at", u32::try_from(until).unwrap_or(u32::MAX));
        }
        Ok(Value::Nothing)
    }

    /// `/file/print file=NAME` leaves a file NAME.txt, the only way to one before 7.9.
    fn print_to_file(&mut self, named: &Named) -> Run<Value> {
        let Some((_, name)) = named.iter().find(|(name, _)| name == "file") else {
            return doubt("/file/print without file=");
        };
        let name = format!("{name}.txt");
        let mut row = Row { id: 0, properties: BTreeMap::from([("name".to_owned(), name.as_str().into())]) };
        self.check_new_file(&mut row)?;
        self.put(
            "/file",
            &[("name", name.as_str().into()), ("type", ".txt file".into()), ("contents", "# listing".into())],
        );
        Ok(Value::Nothing)
    }
}

/// The first address of a prefix of four addresses or of one.
fn network_of(prefix: &str) -> String {
    let (address, length) = prefix.split_once('/').unwrap_or((prefix, "32"));
    let address = address.parse().map_or(0, |address: std::net::Ipv4Addr| u32::from(address));
    let hosts = length.parse().ok().and_then(|length: u32| 1_u32.checked_shl(32_u32.checked_sub(length)?)).unwrap_or(1);
    std::net::Ipv4Addr::from(address & !(hosts - 1)).to_string()
}
