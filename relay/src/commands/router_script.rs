//! `linelight-relay router-script`: prints a script that installs, removes or upgrades an agent on a RouterOS router.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use http::Uri;

use super::store::change_agents;
use super::times;
use crate::agents::enrolment::{password, relays};
use crate::agents::registry::{Entries, Pattern};
pub use crate::agents::script;
use crate::operators::audit::{Deed, What};
use crate::store::data_directory::{self, DataDirectory};
use crate::store::database::location::Location;
use script::{Arch, FileName, Image, ImageRef, Install, Place, RelayUrl, Storage, Subnet};

/// The largest file of certificates: RouterOS takes 60 KB as a file's content.
const MAX_CA: u64 = 32 * 1024;

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").args(["agent", "remove", "upgrade"]).required(true)))]
pub(super) struct RouterScriptArguments {
    /// Prints the script that installs the agent of this name; the agent's token is in the script and nowhere else
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,

    /// Prints the script that takes the agent off the router
    #[arg(long)]
    remove: bool,

    /// Prints the script that puts another version of the agent on the router
    #[arg(long)]
    upgrade: bool,

    /// Prints what the script of --agent will add to the router, for whoever approves it; makes no token
    #[arg(long, conflicts_with_all = ["remove", "upgrade"])]
    summary: bool,

    /// The usernames that a new agent may report: *@realm, prefix*, one, or * for all; several are allowed. A realm for each router is better
    /// than *: where several agents report a username, the one with the narrowest pattern counts
    #[arg(long, value_name = "PATTERN", num_args = 1.., conflicts_with_all = ["remove", "upgrade"])]
    lines: Vec<Pattern>,

    /// Gives a known agent another token; its present one stops working
    #[arg(long, conflicts_with_all = ["remove", "upgrade"])]
    new_token: bool,

    /// Lets the agent measure how lines answer: one ICMP echo a second to each watched line, out of the container to the PPP interfaces
    #[arg(long, conflicts_with_all = ["remove", "upgrade"])]
    response: bool,

    #[command(flatten)]
    relay: RelayArguments,

    #[command(flatten)]
    place: PlaceArguments,
}

/// How the agent finds its relay and knows it.
#[derive(Debug, Args)]
struct RelayArguments {
    /// The relay's address for agents; several with commas: the first that answers is used [default: of --public-url]
    #[arg(long, value_name = "WSS-URL", value_delimiter = ',')]
    relay_url: Vec<RelayUrl>,

    /// The SHA-256 of the relay's public key, sha256//BASE64 or hex, instead of the usual roots; two or more, for the next key too
    #[arg(long, value_name = "PIN", value_delimiter = ',', conflicts_with = "relay_ca")]
    relay_pin: Vec<String>,

    /// A file with the certificates (PEM) that may sign the relay's, instead of the usual roots
    #[arg(long, value_name = "FILE")]
    relay_ca: Option<PathBuf>,
}

/// Where on the router the agent goes.
#[derive(Debug, Args)]
struct PlaceArguments {
    /// The agent's build [default: the router's own; on 32-bit ARM armv5, which runs on each]
    #[arg(long, value_enum)]
    arch: Option<Arch>,

    /// The image's name among the router's files [default: linelight-agent-ARCH.tar]
    #[arg(long, value_name = "TAR", conflicts_with = "image")]
    file: Option<FileName>,

    /// The image's name in a registry, instead of a file
    #[arg(long, value_name = "REFERENCE")]
    image: Option<ImageRef>,

    /// Keeps the container in memory, unpacked from the file at each start [default: only if the flash is small]
    #[arg(long, conflicts_with_all = ["disk", "image"])]
    tmpfs: bool,

    /// Keeps the container and its files on this disk of the router
    #[arg(long, value_name = "NAME")]
    disk: Option<FileName>,

    /// Four addresses that nothing else uses, for router and container
    #[arg(long, value_name = "NETWORK/30", default_value = "172.31.255.0/30")]
    subnet: Subnet,
}

impl From<PlaceArguments> for Place {
    fn from(typed: PlaceArguments) -> Self {
        Self {
            arch: typed.arch,
            image: typed.image.map_or(Image::File(typed.file), Image::Remote),
            storage: match typed.disk {
                Some(name) => Storage::Disk(name),
                None if typed.tmpfs => Storage::Memory,
                None => Storage::Auto,
            },
            subnet: typed.subnet,
        }
    }
}

pub(super) fn run(
    arguments: RouterScriptArguments,
    (data, store): (&DataDirectory, &Location),
    public_url: Option<&Uri>,
    out: &mut impl Write,
) -> Result<()> {
    let RouterScriptArguments { agent, remove, summary, lines, new_token, response, relay, place, .. } = arguments;
    let text = match agent {
        None if remove => Place::from(place).remove_script(),
        None => Place::from(place).upgrade_script(),
        Some(agent) => {
            let mut install = Install { response, ..install(agent, relay, place.into(), public_url)? };
            // Whatever is wrong with the rest shows before the registry changes.
            install.script()?;
            if summary {
                install.summary()
            } else {
                install.token = token(&install.agent, lines, new_token, (data, store))?;
                install.script()?
            }
        }
    };
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// Returns the installation, without a token yet.
fn install(agent: String, relay: RelayArguments, place: Place, public_url: Option<&Uri>) -> Result<Install> {
    Ok(Install {
        agent,
        relays: relays(relay.relay_url, public_url)?,
        pins: relay.relay_pin,
        ca: relay.relay_ca.map(read_certificates).transpose()?,
        token: String::new(),
        password: password()?,
        place,
        response: false,
    })
}

fn read_certificates(path: PathBuf) -> Result<String> {
    let content = data_directory::read(&path, MAX_CA)?;
    String::from_utf8(content).with_context(|| format!("{} is not a PEM file", path.display()))
}

/// Adds the agent to the registry, or gives a known agent a new token. Without new patterns, the agent keeps its old
/// ones.
fn token(
    name: &str,
    lines: Vec<Pattern>,
    new_token: bool,
    (data, store): (&DataDirectory, &Location),
) -> Result<String> {
    let deed = Deed::new(if new_token { What::RouterToken } else { What::RouterAdded }).detail(name);
    change_agents(data, store, &deed, |entries: &mut Entries| {
        let known = entries.agents.iter().find(|agent| agent.name == name).cloned();
        let (lines, shares_lines) = match known {
            Some(_) if !new_token => anyhow::bail!(
                "the relay knows the agent {name:?}, and its token is kept nowhere: give --new-token for another one (the old one stops \
                 working), or choose another name"
            ),
            Some(before) => {
                entries.revoke(name)?;
                (if lines.is_empty() { before.lines } else { lines }, before.shares_lines)
            }
            None => {
                ensure!(
                    !lines.is_empty(),
                    "the relay does not know an agent {name:?} yet: say with --lines which usernames it may report"
                );
                (lines, false)
            }
        };
        entries.add(name, lines, shares_lines, times::unix_seconds())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn registry() -> (tempfile::TempDir, DataDirectory) {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDirectory::new(folder.path());
        Entries::default().save(&data.agents()).unwrap();
        (folder, data)
    }

    fn lines_of(data: &DataDirectory) -> Vec<String> {
        let entries = Entries::load(&data.agents()).unwrap();
        assert_eq!(entries.agents.len(), 1);
        entries.agents[0].lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_agent_is_added_once_and_its_token_replaced_only_when_told() {
        let (_folder, data) = registry();
        let store = Location::in_directory(&data);
        let none = token("tower", vec![], false, (&data, &store)).unwrap_err().to_string();
        assert!(none.contains("--lines"), "{none}");
        let first = token("tower", patterns(&["*@karoo.example"]), false, (&data, &store)).unwrap();
        let again = token("tower", vec![], false, (&data, &store)).unwrap_err().to_string();
        assert!(again.contains("--new-token"), "{again}");
        let second = token("tower", vec![], true, (&data, &store)).unwrap();
        assert_ne!(first, second);
        assert_eq!(lines_of(&data), ["*@karoo.example"]);
        token("tower", patterns(&["*"]), true, (&data, &store)).unwrap();
        assert_eq!(lines_of(&data), ["*"]);
    }
}
