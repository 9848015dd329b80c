//! The owner of addresses, as the limits see it: one IPv4 address, or one IPv6 network of 64 bits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first 96 bits of an IPv4 address that a translator wrote as IPv6 (RFC 6052, section 2.1).
const TRANSLATED: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// All addresses of one owner. Each limit by address counts a group as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum AddressGroup {
    /// All requests without a known address. They share one group, so that nobody gains by hiding an address.
    #[default]
    Unknown,
    /// One IPv4 address.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address: the owner of one address has the whole network.
    V6(u64),
}

impl From<IpAddr> for AddressGroup {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => translated(address).map_or_else(|| Self::V6(network(address)), Self::V4),
        }
    }
}

impl From<Option<IpAddr>> for AddressGroup {
    fn from(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Unknown, Self::from)
    }
}

fn network(address: Ipv6Addr) -> u64 {
    let [a, b, c, d, ..] = address.segments();
    [a, b, c, d].into_iter().fold(0, |bits, segment| bits << 16 | u64::from(segment))
}

/// Returns the IPv4 address within a translated one. All of IPv4 is one network of 64 bits there.
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    address.segments().starts_with(&TRANSLATED).then(|| Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(text: &str) -> AddressGroup {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn an_ipv4_address_is_a_group_in_every_spelling() {
        let plain = group("203.0.113.7");
        assert_eq!(plain, AddressGroup::V4(Ipv4Addr::new(203, 0, 113, 7)));
        assert_eq!(group("::ffff:203.0.113.7"), plain);
        assert_eq!(group("64:ff9b::203.0.113.7"), plain);
        assert_ne!(group("203.0.113.8"), plain);
        assert_ne!(group("64:ff9b::203.0.113.8"), plain);
    }

    #[test]
    fn an_ipv6_network_is_a_group() {
        assert_eq!(group("2001:db8::1"), group("2001:db8::ffff:ffff:ffff:ffff"));
        assert_eq!(group("2001:db8::1"), AddressGroup::V6(0x2001_0db8_0000_0000));
        assert_ne!(group("2001:db8::1"), group("2001:db8:0:1::1"));
        assert_ne!(group("64:ff9b:1::1"), group("64:ff9b::1"), "only the well-known prefix is translated");
    }

    #[test]
    fn no_address_is_a_group_of_its_own() {
        assert_eq!(AddressGroup::from(None), AddressGroup::Unknown);
        assert_ne!(AddressGroup::from(None), group("0.0.0.0"));
        assert_ne!(AddressGroup::from(None), group("::"));
    }
}
