//! The faults of a configuration, each with a remedy.

use std::io;
use std::path::PathBuf;

/// A fault of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A necessary variable is not set.
    #[error("{0} is missing: set it to {1}")]
    Missing(&'static str, &'static str),
    /// A secret is neither in a file nor in a variable.
    #[error("{0} is missing: write the secret into a file and name the file in {0}_FILE, or set {0}")]
    NoSecret(&'static str),
    /// A secret is given twice.
    #[error("{0} and {0}_FILE are both set: unset {0}; the file is the safer place")]
    FileAndValue(&'static str),
    /// A value has a wrong form.
    #[error("{name} has the value {value:?}: {why}")]
    Value {
        /// The variable.
        name: &'static str,
        /// The value; never a secret.
        value: String,
        /// The fault.
        why: &'static str,
    },
    /// A `LINELIGHT_…` variable is unknown.
    #[error("{name} is not a variable of this agent: did you mean {nearest}?")]
    Unknown {
        /// The unknown name.
        name: String,
        /// The known variable with the most similar name.
        nearest: String,
    },
    /// A file is not there or may not be looked at.
    #[error("{name}: file {} is not readable: {source}; is it mounted into the container?", path.display())]
    File {
        /// The variable, or the part before `_FILE`.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path names a directory.
    #[error("{name}: {} is not a file; a mount whose source is missing becomes a directory", path.display())]
    NotAFile {
        /// The variable, or the part before `_FILE`.
        name: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// No router was named and none can be guessed.
    #[error(
        "LINELIGHT_ROUTER is missing, and without a default route there is no guess: set LINELIGHT_ROUTER to the router's address"
    )]
    NoGateway,
    /// The plain API across a network.
    #[error(
        "the plain API at {0} would carry the password readable across the network: \
         set LINELIGHT_ROUTER_TLS=true for api-ssl, or LINELIGHT_ROUTER_PLAINTEXT=true to accept that"
    )]
    RouterPlaintext(String),
    /// A `ws://` relay across a network.
    #[error(
        "the token would cross the network readable on the way to {0}: \
         write wss://, or set LINELIGHT_RELAY_PLAINTEXT=true to accept that"
    )]
    RelayPlaintext(String),
    /// Two ways of trust at once.
    #[error("{0} and {1} are both set: with a pin the certificate's issuer does not matter, so unset one")]
    CaAndPin(&'static str, &'static str),
    /// The proxy's URL is wrong; not shown, because there may be a password in the URL.
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
    /// True if the fault can pass without a change of flags or variables: a file or a route may appear later. Flags and
    /// variables do not change while the process lives.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::File { .. } | Self::NotAFile { .. } | Self::NoGateway)
    }

    pub(super) fn value(name: &'static str, value: &str, why: &'static str) -> Self {
        // A password in an address is not repeated.
        let value = value.rsplit_once('@').map_or(value, |(_, rest)| rest);
        Self::Value { name, value: value.to_owned(), why }
    }
}
