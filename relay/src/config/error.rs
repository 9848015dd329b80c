//! Why the configuration cannot be used, with the remedy.

use std::net::SocketAddr;

use super::brand::MAX_BRAND;

/// A fault in a flag or a variable, or a conflict between flags.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// One flag without the other.
    #[error("--{given} needs --{missing} too")]
    Needs {
        /// The given flag.
        given: &'static str,
        /// The missing flag.
        missing: &'static str,
    },
    /// A certificate from two sides.
    #[error("--acme gets a certificate, and --tls-cert is one; give one of them")]
    TwoCertificates,
    /// Plain HTTP on an address reachable from other machines.
    #[error(
        "--{flag} {address} is plain HTTP on an address that others can reach, and links and tokens could be read on the way: \
         give --acme, or --tls-cert and --tls-key, or --plaintext behind a reverse proxy that does TLS"
    )]
    Plaintext {
        /// The listener's flag.
        flag: &'static str,
        /// The listener's address.
        address: SocketAddr,
    },
    /// Operators' figures on a reachable address, for everybody.
    #[error(
        "--private-listen {address} is an address that others can reach: give --private-token-file, with a token that requests \
         bear, or an address on loopback"
    )]
    PrivateToken {
        /// The listener's address.
        address: SocketAddr,
    },
    /// Two listeners at one address.
    #[error("--{one} and --{other} are both {address}; each needs an address or a port of its own")]
    SameAddress {
        /// One listener's flag.
        one: &'static str,
        /// The other listener's flag.
        other: &'static str,
        /// The address of both.
        address: SocketAddr,
    },
    /// An empty brand, a brand too long, or one with control characters.
    #[error("--brand needs 1 to {MAX_BRAND} bytes in one line, without control characters")]
    Brand,
    /// An unknown variable.
    #[error("the variable {name} is not known{}; `linelight-relay serve --help` names all", meant(nearest.as_ref()))]
    Variable {
        /// The variable's name.
        name: String,
        /// The most similar known variable.
        nearest: Option<&'static str>,
    },
    /// A text, but no address of a bus.
    #[error(
        "--bus is not the address of a NATS server; write it as nats://bus.example:4222, or with TLS as tls://bus.example:4222"
    )]
    BusAddress,
    /// A secret among the arguments.
    #[error(
        "--bus holds a user or a password, and everybody on this machine can read the arguments of a program: \
         write user:password into a file, and give it by --bus-credentials"
    )]
    BusSecret,
    /// A prefix that is no part of a subject.
    #[error("--bus-prefix needs letters, digits, - and _, in parts with full stops between them, at most 64 in all")]
    BusPrefix,
    /// A text, but no relay's address.
    #[error(
        "this is not a relay's address; write it as https://monitor.example, or as https://monitor.example/folder/ behind \
         a proxy that shows it in a folder, without a user, a password or a query"
    )]
    PublicUrl,
    /// A folder with the name of one of the relay's own paths.
    #[error("/{folder} is a path of the relay itself; choose another folder for it, such as /speed/")]
    PublicFolder {
        /// The folder's first name.
        folder: String,
    },
}

fn meant(nearest: Option<&&'static str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}
