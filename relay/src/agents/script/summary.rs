//! The summary of a script for a router: the script's additions in about twenty lines, for the person who approves
//! them.

use super::{Image, Install, RAM_BELOW_MIB, RAM_SIZE, Storage, join};

const CLOSING: &str = "\
The script stops before it changes anything if RouterOS is older than 7.4, if the package container or the device mode is
missing, or if a name or a network above is in use. It replaces nothing but its own. The agent reads: it knows a fixed list
of commands, and the relay cannot add to it. `linelight-relay router-script --remove` prints the script that undoes this one.
";

impl Install {
    /// Returns the summary: a line for each menu of the router with a change by the script.
    pub fn summary(&self) -> String {
        let rows = self.rows();
        let width = rows.iter().map(|(menu, _)| menu.len()).max().unwrap_or(0);
        let rows: String = rows.iter().map(|(menu, adds)| format!("{menu:width$}  {adds}\n")).collect();
        format!("The script for the agent {} adds this to the router:\n\n{rows}\n{CLOSING}", self.agent)
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = self.network_rows();
        rows.extend(self.access_rows());
        rows.extend(self.container_rows());
        rows
    }

    fn network_rows(&self) -> Vec<(&'static str, String)> {
        let (container, gateway) = (self.place.subnet.address(2), self.place.subnet.address(1));
        let relays = join(self.relays.iter().map(|url| format!("{}:{}", url.host, url.port)), ", ");
        let hosts = join(self.relays.iter().map(|url| &url.host), ", ");
        vec![
            ("/interface/veth", format!("linelight, the container's own interface, {container}")),
            ("/ip/address", format!("{gateway}/30 on linelight")),
            (
                "/ip/firewall/filter",
                "first in input: from the container to the router's API only (and to its DNS, if it answers)".into(),
            ),
            (
                "",
                format!(
                    "first in forward: from the container to {relays} only (and to DNS, if the router does not answer)"
                ),
            ),
            ("", "first in forward: answers back to the container".into()),
            ("", self.probes().into()),
            ("/ip/firewall/address-list", format!("linelight-relay: {hosts}")),
            ("/ip/firewall/nat", format!("first in srcnat: masquerade for {container} alone")),
        ]
    }

    fn access_rows(&self) -> Vec<(&'static str, String)> {
        let container = self.place.subnet.address(2);
        let api = format!(
            "api: on for {container} only, if it is off; {container}/32 more, if it has a list; else unchanged"
        );
        vec![
            ("/user/group", "linelight, with the policies read and api".into()),
            ("/user", format!("linelight, from {container} only, with a password of its own")),
            ("/ip/service", api),
        ]
    }

    fn container_rows(&self) -> Vec<(&'static str, String)> {
        let variables = join(self.variables().iter().map(|(name, _)| name), ", ");
        vec![
            ("/file", format!("linelight-secrets: {}; no export shows them", self.files())),
            ("/container/envs", format!("{variables}; no secret")),
            ("/container/mounts", "linelight-secrets as /secrets, for reading".into()),
            ("/container", format!("{}; started with the router", self.container())),
            ("/disk", self.memory_disk()),
            (
                "/system/script",
                "linelight-start, which adds the container again; with that disk, or before RouterOS 7.6".into(),
            ),
            (
                "/system/scheduler",
                "linelight-start, which runs the script when the router starts; with the script".into(),
            ),
        ]
    }

    fn probes(&self) -> &'static str {
        if self.response {
            "also in forward: ICMP echo from the container to the PPP interfaces, to measure how lines answer"
        } else {
            "no probes to subscribers: without --response the page does not show how a line answers"
        }
    }

    fn files(&self) -> &'static str {
        if self.ca.is_some() { "password.txt, token.txt, relay-ca.txt" } else { "password.txt, token.txt" }
    }

    fn container(&self) -> String {
        let image = match &self.place.image {
            Image::File(Some(name)) => format!("from the file {}", name.0),
            Image::File(None) => {
                let arch = self.place.arch.map_or_else(|| "ARCH".to_owned(), |arch| arch.to_string());
                format!("from the file linelight-agent-{arch}.tar")
            }
            Image::Remote(name) => format!("from {}", name.0),
        };
        match &self.place.storage {
            Storage::Disk(disk) => format!("linelight on the disk {}, {image}", disk.0),
            Storage::Auto | Storage::Memory => format!("linelight, {image}"),
        }
    }

    fn memory_disk(&self) -> String {
        let size = format!("linelight-ram, a disk in memory of {RAM_SIZE} at most");
        match &self.place.storage {
            Storage::Memory => size,
            Storage::Auto => format!("{size}; only if the flash has less than {RAM_BELOW_MIB} MiB free"),
            Storage::Disk(_) => "nothing".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{INSTALL, START, tests::install};

    /// Returns the menus with a change by a script: before `/add` or `/set`, or as the first argument of `llEnsure`.
    fn menus(script: &str) -> BTreeSet<String> {
        let words = |line: &str| -> Vec<String> {
            let ensured = line.split("$llEnsure \"").nth(1).and_then(|rest| rest.split('"').next());
            let written = line.split(['"', ' ', '[', '(', '{']).filter(|word| word.starts_with('/'));
            let written = written.filter_map(|word| word.strip_suffix("/add").or_else(|| word.strip_suffix("/set")));
            written.chain(ensured).filter(|menu| !menu.is_empty()).map(str::to_owned).collect()
        };
        // An error message may contain commands for the reader; the script does not run them.
        script.lines().filter(|line| !line.contains(":error")).flat_map(words).collect()
    }

    #[test]
    fn every_menu_that_the_script_writes_to_is_in_the_summary() {
        let menus: BTreeSet<String> = menus(INSTALL).union(&menus(START)).cloned().collect();
        assert!(menus.len() >= 15, "{menus:?}");
        let summary = install().summary();
        for menu in menus {
            assert!(
                summary.lines().any(|line| line.split_whitespace().next() == Some(&menu)),
                "{menu} is not in\n{summary}"
            );
        }
    }

    #[test]
    fn the_summary_is_about_twenty_lines_and_tells_no_secret() {
        let install = install();
        let summary = install.summary();
        assert!((18..=24).contains(&summary.lines().count()), "{summary}");
        assert!(!summary.contains(&install.token) && !summary.contains(&install.password));
        for part in ["relay.example:443", "172.31.255.2", "--remove", "LINELIGHT_TOKEN_FILE"] {
            assert!(summary.contains(part), "{part} is not in\n{summary}");
        }
    }
}
