//! The bus of several relays, as typed and then checked.

use url::Url;

use super::ConfigError;
use super::typed::BusArguments;
use crate::cluster::bus::BusSettings;

impl BusArguments {
    /// Checks the flags of the bus; `None` without a bus.
    ///
    /// # Errors
    /// A wrong address, an address with a secret, a wrong prefix, or a file without a bus.
    pub(super) fn check(self) -> Result<Option<BusSettings>, ConfigError> {
        let Self { bus, bus_credentials, bus_ca, bus_prefix } = self;
        if bus.is_empty() {
            return match (bus_credentials, bus_ca) {
                (Some(_), _) => Err(ConfigError::Needs { given: "bus-credentials", missing: "bus" }),
                (_, Some(_)) => Err(ConfigError::Needs { given: "bus-ca", missing: "bus" }),
                _ => Ok(None),
            };
        }
        for server in &bus {
            check_server(server)?;
        }
        let is_plain = |name: &str| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            !name.is_empty() && name.bytes().all(is_letter)
        };
        if bus_prefix.len() > 64 || !bus_prefix.split('.').all(is_plain) {
            return Err(ConfigError::BusPrefix);
        }
        Ok(Some(BusSettings { servers: bus, credentials: bus_credentials, ca: bus_ca, prefix: bus_prefix }))
    }
}

/// Refuses what is no address of a bus, and a secret in it: everybody on the machine reads the list of arguments.
fn check_server(server: &str) -> Result<(), ConfigError> {
    let url = Url::parse(server).map_err(|_| ConfigError::BusAddress)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError::BusSecret);
    }
    let is_bus = matches!(url.scheme(), "nats" | "tls") && url.has_host() && url.query().is_none();
    if is_bus { Ok(()) } else { Err(ConfigError::BusAddress) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bus: &str) -> BusArguments {
        let bus = bus.split(',').filter(|server| !server.is_empty()).map(str::to_owned).collect();
        BusArguments { bus, bus_credentials: None, bus_ca: None, bus_prefix: "linelight".to_owned() }
    }

    #[test]
    fn addresses_are_checked_and_a_secret_among_them_is_refused_with_the_remedy() {
        assert!(typed("").check().unwrap().is_none());
        let settings = typed("nats://a.example,tls://b.example:4223").check().unwrap().unwrap();
        assert_eq!(settings.servers, ["nats://a.example", "tls://b.example:4223"]);
        for secret in ["nats://relay:secret@a.example", "nats://a.example,nats://token@b.example"] {
            let error = typed(secret).check().unwrap_err().to_string();
            assert!(error.contains("--bus-credentials") && !error.contains("secret"), "{error}");
        }
        for other in ["a.example:4222", "http://a.example", "nats://", "nats://a.example?x=1"] {
            assert!(matches!(typed(other).check(), Err(ConfigError::BusAddress)), "{other}");
        }
    }

    #[test]
    fn a_prefix_is_part_of_a_subject_and_files_need_a_bus() {
        for prefix in ["", "a..b", "a b", "a.>", "*", "."] {
            let typed = BusArguments { bus_prefix: prefix.to_owned(), ..typed("nats://a.example") };
            assert!(matches!(typed.check(), Err(ConfigError::BusPrefix)), "{prefix}");
        }
        let prefix = BusArguments { bus_prefix: "isp.north-1".to_owned(), ..typed("nats://a.example") };
        assert_eq!(prefix.check().unwrap().unwrap().prefix, "isp.north-1");
        let file = BusArguments { bus_ca: Some("ca.pem".into()), ..typed("") };
        assert!(matches!(file.check(), Err(ConfigError::Needs { given: "bus-ca", missing: "bus" })));
    }
}
