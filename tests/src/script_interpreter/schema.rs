//! Which menus, commands and properties each RouterOS version from 7.4 to 7.24 knows: what decides whether a script parses there.
//!
//! From `/console/inspect` of 7.9 to 7.24 and MikroTik's documentation of containers; 7.4 to 7.8 from 7.9, less what the change
//! logs date later. Where no source names the version of a word, the later of two possible ones stands here.

use std::collections::BTreeMap;

/// One line a menu: its path, its commands, then its properties. A word may be followed by `:FIRST-LAST`, minor versions of 7;
/// `!` marks what can be read and not written, `%` a yes or no, `=` an argument of `add` that is no property.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "/container",
        "add set remove find get print start stop shell repull:20- run:21- update:21- kill:21- restart:23- save:24-",
        "cmd comment dns domain-name entrypoint envlist:-19 envlists:20- env:21- file hostname interface logging% mounts:-20 \
      mountlists:21- mount:21- remote-image root-dir start-on-boot%:6- stop-signal:9- user:9- workdir name:19- \
      auto-restart-interval:20-22 restart-policy:23- restart-interval:23- restart-max-count:23- check-certificate%:20- devices:20- \
      memory-high:20- memory-max:23- cpu-list:21- hosts:21- layer-dir:21- stop-time:21- shm-size:22- tmpfs:22- default-dns:23- \
      healthcheck-cmd:22- healthcheck-interval:22- stop-on-unhealthy%:23- privileged%:24- swap-max:24- \
      ignore-remote-image-change%:24- status!:-20 running!%:21- stopped!%:21- tag! arch! os!",
    ),
    (
        "/container/config",
        "set get print",
        "registry-url tmpdir username:8- password:8- ram-high:-19 memory-high:20- layer-dir:11-",
    ),
    ("/container/envs", "add set remove find get print", "name:-19 list:20- key value comment"),
    (
        "/container/mounts",
        "add set remove find get print",
        "name:-20 list:21- src dst comment read-only%:20-22 mode:23-",
    ),
    ("/disk", "add:7- set remove find get print", "slot type:7- tmpfs-max-size:7- comment:10-"),
    ("/file", "add:9- set remove find get print", "name contents type!:-15 type:16- size!"),
    ("/interface", "set find get print", "name comment disabled% type! running!% dynamic!%"),
    (
        "/interface/veth",
        "add set remove find get print",
        "name address gateway comment disabled% gateway6:11- dhcp%:20- mac-address:20- container-mac-address:21- running!% dynamic!%",
    ),
    (
        "/ip/address",
        "add set remove find get print",
        "address interface comment disabled% network dynamic!% invalid!% actual-interface!",
    ),
    ("/ip/dns", "set get print", "servers dynamic-servers! allow-remote-requests%"),
    (
        "/ip/firewall/address-list",
        "add set remove find get print",
        "list address comment disabled% timeout dynamic%! creation-time!",
    ),
    (
        "/ip/firewall/filter",
        "add set remove find get print move enable disable",
        "chain action src-address dst-address src-address-list dst-address-list protocol icmp-options src-port dst-port in-interface out-interface \
      in-interface-list out-interface-list connection-state connection-nat-state jump-target reject-with log% log-prefix comment \
      disabled% hw-offload% ipsec-policy place-before= dynamic!% invalid!% bytes! packets!",
    ),
    (
        "/ip/firewall/nat",
        "add set remove find get print move enable disable",
        "chain action src-address dst-address protocol dst-port in-interface out-interface in-interface-list out-interface-list \
      to-addresses to-ports ipsec-policy comment disabled% place-before= dynamic!% invalid!%",
    ),
    (
        "/ip/firewall/raw",
        "add set remove find get print move enable disable",
        "chain action src-address in-interface in-interface-list src-address-list comment disabled% place-before= dynamic!% invalid!%",
    ),
    (
        "/ip/service",
        "set find get print enable disable",
        "name! address certificate port disabled% tls-version vrf max-sessions:17- invalid!%",
    ),
    ("/system/device-mode", "update get print", "container% scheduler% mode"),
    ("/system/package", "find get print", "name! version! disabled!%"),
    ("/system/resource", "get print", "version! architecture-name! board-name! free-hdd-space! free-memory!"),
    (
        "/system/scheduler",
        "add set remove find get print",
        "name start-time start-date interval on-event policy comment disabled%",
    ),
    (
        "/system/script",
        "add set remove find get print run",
        "name source policy comment dont-require-permissions% owner!",
    ),
    ("/user", "add set remove find get print", "name group password address comment disabled% last-logged-in!"),
    ("/user/group", "add set remove find get print", "name policy skin"),
];

/// The words of one version.
pub struct Schema {
    menus: BTreeMap<&'static str, Menu>,
}

/// One menu of one version.
pub struct Menu {
    commands: Vec<&'static str>,
    properties: BTreeMap<&'static str, Property>,
}

/// One word of a menu.
#[derive(Debug, Clone, Copy, Default)]
pub struct Property {
    /// Readable, not writable.
    pub read_only: bool,
    /// A yes or a no.
    pub flag: bool,
    /// An argument of `add` alone.
    pub argument: bool,
}

impl Schema {
    /// The words of 7.`minor`, with the package `container` or without.
    pub fn of(minor: u8, container: bool) -> Self {
        let menus = TABLE
            .iter()
            .filter(|(path, ..)| container || !path.starts_with("/container"))
            .map(|(path, commands, properties)| {
                let commands = commands.split_whitespace().filter_map(|word| known(word, minor)).collect();
                let properties = properties.split_whitespace().filter_map(|word| property(word, minor)).collect();
                (*path, Menu { commands, properties })
            })
            .collect();
        Self { menus }
    }

    /// The menu of this path.
    pub fn menu(&self, path: &str) -> Option<&Menu> {
        self.menus.get(path)
    }

    /// Whether a path leads to a menu or through one.
    pub fn leads(&self, path: &str) -> bool {
        self.menus.keys().any(|menu| menu.starts_with(path))
    }

    /// Whether a name is a property of any menu: `where` would not read a variable of such a name.
    pub fn is_property(name: &str) -> bool {
        TABLE.iter().any(|(_, _, properties)| properties.split_whitespace().any(|word| word_of(word) == name))
    }
}

impl Menu {
    /// True for a command of this menu.
    pub fn has_command(&self, name: &str) -> bool {
        self.commands.contains(&name)
    }

    /// The property of this name.
    pub fn property(&self, name: &str) -> Option<Property> {
        self.properties.get(name).copied()
    }
}

fn word_of(entry: &str) -> &str {
    entry.split([':', '!', '%', '=']).next().unwrap_or_default()
}

/// The word, if this version has it.
fn known(entry: &'static str, minor: u8) -> Option<&'static str> {
    let range = entry.split_once(':').map_or("-", |(_, range)| range);
    let (first, last) = range.split_once('-')?;
    let first = if first.is_empty() { 0 } else { first.parse().ok()? };
    let last = if last.is_empty() { u8::MAX } else { last.parse().ok()? };
    (first..=last).contains(&minor).then(|| word_of(entry))
}

fn property(entry: &'static str, minor: u8) -> Option<(&'static str, Property)> {
    let name = known(entry, minor)?;
    let marks = entry.split(':').next().unwrap_or_default();
    Some((name, Property { read_only: marks.contains('!'), flag: marks.contains('%'), argument: marks.contains('=') }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_and_go_with_their_versions() {
        let knows =
            |minor, path: &str, name: &str| Schema::of(minor, true).menu(path).unwrap().property(name).is_some();
        for (path, name, first, last) in [
            ("/container", "envlist", 4, 19),
            ("/container", "envlists", 20, 24),
            ("/container", "mounts", 4, 20),
            ("/container", "mountlists", 21, 24),
            ("/container", "auto-restart-interval", 20, 22),
            ("/container", "restart-policy", 23, 24),
            ("/container", "start-on-boot", 6, 24),
            ("/container", "ignore-remote-image-change", 24, 24),
            ("/container/envs", "list", 20, 24),
            ("/container/mounts", "name", 4, 20),
            ("/container/mounts", "read-only", 20, 22),
            ("/container/mounts", "mode", 23, 24),
            ("/disk", "tmpfs-max-size", 7, 24),
        ] {
            for minor in 4..=24 {
                assert_eq!(knows(minor, path, name), (first..=last).contains(&minor), "{path} {name} 7.{minor}");
            }
        }
        assert!(!Schema::of(19, true).menu("/container").unwrap().has_command("repull"));
        assert!(Schema::of(20, true).menu("/container").unwrap().has_command("repull"));
        assert!(Schema::of(20, false).menu("/container").is_none());
        assert!(Schema::is_property("comment") && !Schema::is_property("llImage"));
    }

    #[test]
    fn each_entry_of_the_table_can_be_read() {
        for (path, commands, properties) in TABLE {
            for entry in commands.split_whitespace().chain(properties.split_whitespace()) {
                assert!((4..=24).any(|minor| known(entry, minor).is_some()), "{path} {entry}");
            }
        }
    }
}
