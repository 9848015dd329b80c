//! PPPoE sessions and clients coming up and going down.

use std::net::Ipv4Addr;

use super::{Change, FIRST_ACTIVE_ID, FIRST_SESSION_ID, Interface, Kind, Link, Port, World, hex_id};
use crate::simulated_router::menus::{self, Menu};

/// Subscribers' addresses are counted up from here, in the range of carrier NAT (RFC 6598).
const FIRST_ADDRESS: u32 = u32::from_be_bytes([100, 64, 0, 2]);

impl World {
    /// Brings up a session on the server: on an idle static entry of this username, else on a dynamic interface.
    pub(crate) fn session_up(&mut self, username: &[u8], now: u64) -> Port {
        self.settle(now);
        let idle = |interface: &Interface| {
            interface.kind == Kind::Server && interface.link.is_none() && interface.username == username
        };
        let at = self.interfaces.iter().position(idle).unwrap_or_else(|| self.add_dynamic(username));
        self.link_up(at, now)
    }

    /// Adds a dynamic interface, still down, and returns the index.
    fn add_dynamic(&mut self, username: &[u8]) -> usize {
        let id = self.next_dynamic;
        self.next_dynamic += 1;
        let name = self.free_name(username);
        self.push_interface(id, name, Kind::Server, username, true);
        self.interfaces.len() - 1
    }

    /// `<pppoe-USERNAME>`; for a taken name with `-1`, `-2` and so on before the bracket.
    fn free_name(&self, username: &[u8]) -> Vec<u8> {
        let first = [b"<pppoe-", username, b">"].concat();
        if self.interface_named(&first).is_none() {
            return first;
        }
        let numbered = |number: u32| [b"<pppoe-", username, format!("-{number}>").as_bytes()].concat();
        (1..=u32::MAX).map(numbered).find(|name| self.interface_named(name).is_none()).unwrap_or(first)
    }

    fn link_up(&mut self, at: usize, now: u64) -> Port {
        let username = self.interfaces[at].username.clone();
        self.interfaces[at].link = Some(self.new_link(&username, now));
        let id = self.interfaces[at].id;
        self.tell_interface(id, now);
        self.tell_link(id, now);
        self.interfaces[at].port()
    }

    fn new_link(&mut self, username: &[u8], now: u64) -> Link {
        let number = self.next_link;
        self.next_link += 1;
        let queue = self.profile_of(username).rate_limit.map(|(_, limits)| {
            self.next_queue += 1;
            (self.next_queue, limits)
        });
        let octet = |place| self.dice(username).throw(0, place, 256);
        Link {
            since: now,
            address: Ipv4Addr::from(FIRST_ADDRESS + number),
            caller_id: format!(
                "02:{:02X}:{:02X}:{:02X}:{:02X}:{:02X}",
                octet(1),
                octet(2),
                octet(3),
                octet(4),
                octet(5)
            ),
            active_id: FIRST_ACTIVE_ID + number,
            session_id: FIRST_SESSION_ID + number,
            queue,
        }
    }

    /// Ends every server session of a username; how many there were.
    pub(crate) fn session_down(&mut self, username: &[u8], now: u64) -> usize {
        let ended: Vec<u32> = self.running(Kind::Server, username).collect();
        ended.iter().for_each(|id| self.link_down(*id, now));
        ended.len()
    }

    /// Ends the session of one interface; false for a name without a session.
    pub(crate) fn interface_down(&mut self, name: &[u8], now: u64) -> bool {
        let ended =
            self.interface_named(name).filter(|interface| interface.link.is_some()).map(|interface| interface.id);
        ended.map(|id| self.link_down(id, now)).is_some()
    }

    /// Connects the PPPoE clients of a username; how many of them were down.
    pub(crate) fn client_up(&mut self, username: &[u8], now: u64) -> usize {
        self.settle(now);
        let is_down = |interface: &Interface| {
            matches!(interface.kind, Kind::Client(_)) && interface.link.is_none() && interface.username == username
        };
        let down: Vec<usize> = (0..self.interfaces.len()).filter(|at| is_down(&self.interfaces[*at])).collect();
        down.iter().for_each(|at| drop(self.link_up(*at, now)));
        down.len()
    }

    /// Disconnects the PPPoE clients of a username, whose interfaces stay; how many of them were up.
    pub(crate) fn client_down(&mut self, username: &[u8], now: u64) -> usize {
        let ended: Vec<u32> = self.running(Kind::Client(""), username).collect();
        ended.iter().for_each(|id| self.link_down(*id, now));
        ended.len()
    }

    fn running(&self, kind: Kind, username: &[u8]) -> impl Iterator<Item = u32> {
        let same_kind = move |interface: &&Interface| {
            std::mem::discriminant(&interface.kind) == std::mem::discriminant(&kind) && interface.link.is_some()
        };
        let of_user = self.interfaces.iter().filter(same_kind).filter(move |interface| interface.username == username);
        of_user.map(|interface| interface.id)
    }

    fn link_down(&mut self, id: u32, now: u64) {
        self.settle(now);
        let Some(at) = self.interfaces.iter().position(|interface| interface.id == id) else { return };
        let interface = &mut self.interfaces[at];
        let Some(link) = interface.link.take() else { return };
        interface.link_downs += 1;
        if interface.kind == Kind::Server {
            self.tell_gone(Menu::PppActive, link.active_id);
        }
        if let Some((queue, _)) = link.queue.filter(|_| self.interfaces[at].kind == Kind::Server) {
            self.tell_gone(Menu::QueueSimple, queue);
        }
        if !self.interfaces[at].dynamic {
            return self.tell_interface(id, now);
        }
        let gone = self.interfaces.remove(at);
        self.departed = self.departed.plus(gone.meter);
        self.tell_gone(Menu::PppoeServer, id);
        self.tell_gone(Menu::Interface, id);
    }

    /// Renames an interface; the id stays. False for an unknown interface or a taken name.
    pub(crate) fn rename(&mut self, from: &[u8], to: &[u8], now: u64) -> bool {
        if self.interface_named(to).is_some() {
            return false;
        }
        let Some(interface) = self.interfaces.iter_mut().find(|interface| interface.name == from) else { return false };
        interface.name = to.to_vec();
        let id = interface.id;
        self.tell_interface(id, now);
        true
    }

    fn tell_gone(&mut self, menu: Menu, id: u32) {
        self.changes.push(Change { menu, id: hex_id(id), row: None });
    }

    fn tell_interface(&mut self, id: u32, now: u64) {
        let Some(interface) = self.interface(id) else { return };
        let menu = match interface.kind {
            Kind::Server => Menu::PppoeServer,
            Kind::Client(_) => Menu::PppoeClient,
            Kind::Ether(_) => Menu::Interface,
        };
        let row = menus::interface_row(self, interface);
        let mut changes = vec![Change { menu: Menu::Interface, id: hex_id(id), row: Some(row) }];
        let own = match menu {
            Menu::PppoeServer => Some(menus::server_session_row(interface, now)),
            Menu::PppoeClient => Some(menus::client_row(interface)),
            _ => None,
        };
        changes.extend(own.map(|row| Change { menu, id: hex_id(id), row: Some(row) }));
        self.changes.extend(changes);
    }

    fn tell_link(&mut self, id: u32, now: u64) {
        let Some(interface) = self.interface(id).filter(|interface| interface.kind == Kind::Server) else { return };
        let Some(link) = &interface.link else { return };
        let active = Change {
            menu: Menu::PppActive,
            id: hex_id(link.active_id),
            row: Some(menus::active_row(interface, link, now)),
        };
        let queue = link.queue.map(|(queue, limits)| Change {
            menu: Menu::QueueSimple,
            id: hex_id(queue),
            row: Some(menus::queue_row(interface, queue, limits, self.rates(interface, now))),
        });
        self.changes.push(active);
        self.changes.extend(queue);
    }
}
