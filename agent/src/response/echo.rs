//! ICMP echo as bytes (RFC 792, RFC 4443 section 4): requests out, replies in.

use std::net::IpAddr;

/// Bytes of data in a request, as `ping` sends them.
const DATA: usize = 56;

/// Type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;

/// The whole request.
pub const REQUEST: usize = HEADER + DATA;

/// The largest reply: a request with an IPv4 header of 60 bytes before it.
pub const LARGEST_REPLY: usize = REQUEST + 60;

/// What ties replies to their requests: random numbers of this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The identifier. The kernel puts another in place of it at a datagram socket, and looks at it itself.
    pub identifier: u16,
    /// The first bytes of the data.
    pub token: u64,
}

/// Returns the request for a probe.
pub fn request(address: IpAddr, mark: Mark, sequence: u16) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    bytes[0] = if address.is_ipv4() { 8 } else { 128 };
    bytes[4..6].copy_from_slice(&mark.identifier.to_be_bytes());
    bytes[6..8].copy_from_slice(&sequence.to_be_bytes());
    bytes[8..16].copy_from_slice(&mark.token.to_be_bytes());
    if address.is_ipv4() {
        // The kernel writes the checksum of ICMPv6: it covers the addresses.
        let checksum = checksum(&bytes);
        bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
    bytes
}

/// Returns the sequence number of a reply to one of our requests; `None` for anything else. A raw socket of IPv4 gives the
/// packet with its IP header.
pub fn reply(from: IpAddr, bytes: &[u8], mark: Mark, is_raw: bool) -> Option<u16> {
    let bytes = if is_raw && from.is_ipv4() { behind_ipv4(bytes)? } else { bytes };
    let (header, data) = bytes.split_at_checked(HEADER)?;
    let is_reply = header[0] == if from.is_ipv4() { 0 } else { 129 } && header[1] == 0;
    let is_ours = !is_raw || header[4..6] == mark.identifier.to_be_bytes();
    let is_marked = data.get(..8) == Some(&mark.token.to_be_bytes());
    (is_reply && is_ours && is_marked).then(|| u16::from_be_bytes([header[6], header[7]]))
}

fn behind_ipv4(packet: &[u8]) -> Option<&[u8]> {
    let length = usize::from(packet.first()? & 0x0f) * 4;
    packet.get(length..)
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    const MARK: Mark = Mark { identifier: 0x1234, token: 0x0102_0304_0506_0708 };
    const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    fn answer(address: IpAddr) -> Vec<u8> {
        let mut bytes = request(address, MARK, 7).to_vec();
        bytes[0] = if address.is_ipv4() { 0 } else { 129 };
        bytes
    }

    #[test]
    fn a_request_sums_up_to_nothing_and_its_reply_is_known() {
        assert_eq!(checksum(&request(V4, MARK, 7)), 0);
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2, "the example of RFC 1071");
        for address in [V4, V6] {
            assert_eq!(reply(address, &answer(address), MARK, false), Some(7));
            assert_eq!(reply(address, &request(address, MARK, 7), MARK, false), None, "a request is no reply");
        }
        let raw = [&[0x46][..], &[0; 23], &answer(V4)].concat();
        assert_eq!(reply(V4, &raw, MARK, true), Some(7), "behind an IP header with options");
        assert_eq!(reply(V6, &answer(V6), MARK, true), Some(7));
    }

    #[test]
    fn a_reply_to_somebody_else_is_not_ours() {
        let other = Mark { token: 9, ..MARK };
        assert_eq!(reply(V4, &answer(V4), other, false), None);
        let elsewhere = Mark { identifier: 9, ..MARK };
        assert_eq!(reply(V6, &answer(V6), elsewhere, true), None);
        assert_eq!(reply(V6, &answer(V6), elsewhere, false), Some(7), "the kernel has looked at the identifier");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..150), is_raw: bool) {
            let _ = (reply(V4, &bytes, MARK, is_raw), reply(V6, &bytes, MARK, is_raw));
        }
    }
}
