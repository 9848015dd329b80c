//! What can be wrong with the configuration, each with its remedy.

use std::io;
use std::path::PathBuf;

/// Why the configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable that must be set is not.
    #[error("{0} is missing: set it to {1}")]
    Missing(&'static str, &'static str),
    /// A secret is neither in a file nor in a variable.
    #[error("{0} is missing: put it into a file and name that file in {0}_FILE, or set {0}")]
    NoSecret(&'static str),
    /// A secret is given twice.
    #[error("{0} and {0}_FILE are both set: unset {0}, the file is the safer place")]
    FileAndValue(&'static str),
    /// A value is not what it should be.
    #[error("{name} has the value {value:?}: {why}")]
    Value {
        /// The variable.
        name: &'static str,
        /// What was given; never a secret.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A `LINELIGHT_…` variable that does not exist.
    #[error("{name} is no variable of this agent: did you mean {nearest}?")]
    Unknown {
        /// What was set.
        name: String,
        /// The variable that is spelled most like it.
        nearest: String,
    },
    /// A file is not there or may not be looked at.
    #[error("{name}: file {} is not readable: {source}; is it mounted into the container?", path.display())]
    File {
        /// The variable or its prefix.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory stands where a file should.
    #[error("{name}: {} is not a file; a mount whose source is missing becomes a directory", path.display())]
    NotAFile {
        /// The variable or its prefix.
        name: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// No router was named and none can be guessed.
    #[error(
        "LINELIGHT_ROUTER is missing and there is no default route to take it from: set it to the router's address"
    )]
    NoGateway,
    /// The plain API across a network.
    #[error(
        "the router's plain API at {0} would send its password readable across the network: \
         set LINELIGHT_ROUTER_TLS=true for api-ssl, or LINELIGHT_ROUTER_PLAINTEXT=true to accept that"
    )]
    RouterPlaintext(String),
    /// A `ws://` relay across a network.
    #[error(
        "the relay {0} would be sent the token readable across the network: \
         write wss://, or set LINELIGHT_RELAY_PLAINTEXT=true to accept that"
    )]
    RelayPlaintext(String),
    /// Two ways of trust at once.
    #[error("{0} and {1} are both set: with a pin the certificate's issuer does not matter, so unset one")]
    CaAndPin(&'static str, &'static str),
    /// The proxy's URL, not shown because it may hold a password.
    #[error("the proxy's URL is not usable: {0}")]
    Proxy(&'static str),
    /// The backlog could not hold two of the largest batches.
    #[error("a backlog for {watched} watched lines needs {kib} KiB or more: raise LINELIGHT_BACKLOG_KIB")]
    BacklogTooSmall {
        /// Lines watched at most.
        watched: usize,
        /// The least size.
        kib: usize,
    },
}

impl ConfigError {
    /// Whether it can pass by itself, as a file or a route that appears later can. Everything else stands in flags and
    /// variables, which do not change while the process lives.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::File { .. } | Self::NotAFile { .. } | Self::NoGateway)
    }

    pub(super) fn value(name: &'static str, value: &str, why: &'static str) -> Self {
        // A password that was put into an address is not repeated.
        let value = value.rsplit_once('@').map_or(value, |(_, rest)| rest);
        Self::Value { name, value: value.to_owned(), why }
    }
}
