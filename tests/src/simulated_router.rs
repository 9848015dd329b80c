//! A simulated MikroTik router: the RouterOS API with PPPoE sessions, traffic that looks like people, and every known way of
//! failing its clients. A product of its own: it shares no code with the agent, so that it can prove the agent wrong.
//!
//! In a test, [`SimulatedRouter::start`] opens ports on loopback, or [`SimulatedRouter::unconnected`] and
//! [`SimulatedRouter::serve`] run the API over any stream. Everything stops when the value is dropped. It is deterministic
//! for a seed, and a router's second can be made shorter than a real one.

mod call;
mod clock;
pub mod control;
mod core;
pub mod framing;
mod listen;
mod login;
mod menus;
mod misbehaviour;
mod monitor;
mod ports;
mod print;
mod query;
mod record;
mod sentence;
mod session;
mod setup;
mod state;
mod tls;
mod traffic;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::core::{Core, Gate, State};
use self::ports::Service;
use self::state::Kind;
use crate::homes::SharedWeather;

pub use self::login::Login;
pub use self::menus::QUEUE_PROPERTIES;
pub use self::misbehaviour::{BadName, Injection, Misbehaviour, Partial, Vanished};
pub use self::record::{Command, Connection, Record, SampleSent, Stream};
pub use self::sentence::{Sentence, TagPlacement};
pub use self::setup::{Policies, Role, Setup};
pub use self::state::Port;
pub use self::tls::Tls;
pub use self::traffic::{Person, Rate, Rates};

/// A running router; the drop of the value stops everything.
pub struct SimulatedRouter {
    core: Arc<Core>,
    address: Option<SocketAddr>,
    tls_address: Option<SocketAddr>,
    identity: Option<tls::Identity>,
    ports: Vec<JoinHandle<()>>,
    /// What happens to packets on their way to subscribers' routers, where kernels answer for these.
    pub wire: SharedWeather,
}

impl SimulatedRouter {
    /// Opens the API's ports and begins to serve.
    ///
    /// # Errors
    /// The errors of binding a port or making a certificate.
    pub async fn start(setup: Setup) -> io::Result<Self> {
        let mut router = Self::unconnected(setup.clone());
        router.address = Some(router.open(setup.api, Service::Api).await?);
        let service = match setup.tls {
            Tls::Off => return Ok(router),
            Tls::NoCertificate => Service::ApiTlsWithoutCertificate,
            Tls::Certificate => {
                let identity = tls::identity()?;
                router.identity = Some(identity.clone());
                Service::ApiTls(Box::new(identity))
            }
        };
        router.tls_address = Some(router.open(setup.api_tls, service).await?);
        Ok(router)
    }

    /// A router without ports, for [`serve`](Self::serve).
    pub fn unconnected(setup: Setup) -> Self {
        let core = Core::new(&setup, setup.world());
        Self {
            core,
            address: None,
            tls_address: None,
            identity: None,
            ports: Vec::new(),
            wire: SharedWeather::default(),
        }
    }

    async fn open(&mut self, address: SocketAddr, service: Service) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let mut listening = self.core.listening.subscribe();
        let open = *listening.borrow_and_update() + 1;
        self.ports.push(tokio::spawn(ports::accept(Arc::clone(&self.core), address, listener, service)));
        let _ = listening.wait_for(|now| *now == open).await;
        Ok(address)
    }

    /// Serves the API over a stream of any kind, from `127.0.0.1` as far as the router's log is concerned.
    pub fn serve<S>(&self, stream: S) -> JoinHandle<()>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let core = Arc::clone(&self.core);
        tokio::spawn(async move { ports::admit(core, stream, "127.0.0.1", false).await })
    }

    /// The plain API's address; `None` for a router without ports.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Where api-ssl listens.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_address
    }

    /// SHA-256 of the SubjectPublicKeyInfo of api-ssl's certificate.
    pub fn spki_pin(&self) -> Option<[u8; 32]> {
        self.identity.as_ref().map(|identity| identity.pin)
    }

    /// The same in lower-case hexadecimal.
    pub fn spki_pin_hex(&self) -> Option<String> {
        self.spki_pin().map(|pin| login::hex(&pin))
    }

    /// api-ssl's certificate, as a file for a client's trust.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.certificate_pem.as_str())
    }
}

/// Sessions, clients and interfaces.
impl SimulatedRouter {
    /// Brings up a server session and tells its interface: an idle static entry of this username, else a new dynamic one,
    /// `<pppoe-USERNAME>` or, beside a running one, `<pppoe-USERNAME-1>`.
    pub fn session_up(&self, username: &[u8]) -> Port {
        self.core.update(|state, now| state.world.session_up(username, now))
    }

    /// Ends every server session of a username; how many there were.
    pub fn session_down(&self, username: &[u8]) -> usize {
        self.core.update(|state, now| state.world.session_down(username, now))
    }

    /// Ends the session of one interface; false for a name without a session.
    pub fn interface_down(&self, name: &[u8]) -> bool {
        self.core.update(|state, now| state.world.interface_down(name, now))
    }

    /// Adds a static server entry of its own name, idle until [`session_up`](Self::session_up).
    pub fn add_static_entry(&self, name: &[u8], username: &[u8]) -> Port {
        self.core.update(|state, _| state.world.add_interface(name, Kind::Server, username))
    }

    /// Adds a PPPoE client, disconnected until [`client_up`](Self::client_up).
    pub fn add_client(&self, name: &[u8], username: &[u8]) -> Port {
        self.core.update(|state, _| state.world.add_interface(name, Kind::Client("ether1"), username))
    }

    /// Connects the PPPoE clients of a username; how many of them were down.
    pub fn client_up(&self, username: &[u8]) -> usize {
        self.core.update(|state, now| state.world.client_up(username, now))
    }

    /// Disconnects the PPPoE clients of a username, whose interfaces stay; how many of them were up.
    pub fn client_down(&self, username: &[u8]) -> usize {
        self.core.update(|state, now| state.world.client_down(username, now))
    }

    /// Renames an interface; the id stays. False for an unknown interface or a taken name.
    pub fn rename(&self, from: &[u8], to: &[u8]) -> bool {
        self.core.update(|state, now| state.world.rename(from, to, now))
    }

    /// Adds a `/ppp/secret` or changes it. Profiles are `default`, `home-20`, `home-50`, `rural`, `office` and `fibre-300`; another
    /// name counts as `default`. It shows in a session's queue from the next connect on.
    pub fn set_secret(&self, username: &[u8], profile: &str, comment: &[u8]) {
        let profile = state::profile_named(profile).name;
        self.core.update(|state, _| state.world.set_secret(username, profile, comment, b"not-to-be-asked-for"));
    }

    /// Puts a static simple queue before the others, with these properties; the rest are RouterOS's defaults. See
    /// [`QUEUE_PROPERTIES`].
    pub fn add_queue(&self, properties: Vec<(&'static str, Vec<u8>)>) {
        self.core.update(|state, _| state.world.add_queue(properties));
    }

    /// Every interface, in the order of `/interface/print`.
    pub fn ports(&self) -> Vec<Port> {
        self.core.read(|state| state.world.ports())
    }

    /// Sets the traffic of a username's line, in present and later sessions.
    pub fn set_rate(&self, username: &[u8], rate: Rate) {
        self.core.update(|state, now| state.world.set_rate(username, rate, now));
    }

    /// Sets the traffic of one interface; false for an unknown name.
    pub fn set_interface_rate(&self, name: &[u8], rate: Rate) -> bool {
        self.core.update(|state, now| state.world.set_interface_rate(name, rate, now))
    }
}

/// The router itself.
impl SimulatedRouter {
    /// Sets the load in `/system/resource`, in per cent.
    pub fn set_cpu_load(&self, per_cent: u8) {
        self.core.update(|state, _| state.world.cpu_load = per_cent);
    }

    /// Sets the router's clock, in Unix seconds.
    pub fn set_clock(&self, unix_seconds: u64) {
        self.core.update(|state, now| state.world.clock = unix_seconds.saturating_sub(now / 1000));
    }

    /// Sets the version in `/system/resource`, such as `7.23.1 (stable)`.
    pub fn set_version(&self, version: &str) {
        self.core.update(|state, _| state.world.version = version.to_owned());
    }

    /// Sets the identity.
    pub fn set_identity(&self, identity: &[u8]) {
        self.core.update(|state, _| state.world.identity = identity.to_vec());
    }

    /// Sets the place of the tag in replies.
    pub fn set_tags(&self, placement: TagPlacement) {
        self.core.update(|state, _| state.tags = placement);
    }

    /// Sets whether a print without rows sends `!empty`, as 7.18 and later do.
    pub fn set_empty(&self, empty: bool) {
        self.core.update(|state, _| state.empty = empty);
    }

    /// Sets the policies of the API user's group, for logins and sessions alike.
    pub fn set_policies(&self, policies: Policies) {
        self.core.update(|state, _| state.policies = policies);
    }

    /// Changes the API user's password; logged-in sessions go on.
    pub fn set_password(&self, password: &str) {
        self.core.update(|state, _| state.password = password.as_bytes().to_vec());
    }

    /// Switches misbehaviours on and off.
    pub fn misbehave(&self, change: impl FnOnce(&mut Misbehaviour)) {
        self.core.update(|state, _| change(&mut state.misbehaviour));
    }

    /// Sends bytes to every open API connection, once and out of turn.
    pub fn inject(&self, injection: &Injection) {
        // Without a connection there is nobody to send to.
        let _ = self.core.injections.send(injection.bytes().into());
    }

    /// Drops every open API connection.
    pub fn drop_connections(&self) {
        self.core.gate.send_modify(|gate| gate.generation += 1);
    }

    /// Stops answering without closing anything, or goes on and answers everything asked meanwhile.
    pub fn stall(&self, stalled: bool) {
        self.core.gate.send_modify(|gate| gate.stalled = stalled);
    }

    /// Closes the ports: new connections are refused and open ones stay. Or opens the ports again.
    pub async fn refuse_connections(&self, refusing: bool) {
        let mut listening = self.core.listening.subscribe();
        self.core.gate.send_modify(|gate: &mut Gate| gate.refusing = refusing);
        let open = if refusing { 0 } else { self.ports.len() };
        let _ = listening.wait_for(|now| *now == open).await;
    }
}

/// The record of everything received and sent.
impl SimulatedRouter {
    /// Looks at the record without copying.
    pub fn record<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        self.core.read(|state| look(&state.record))
    }

    /// Every received sentence, secrets of `/login` masked, oldest first.
    pub fn commands(&self) -> Vec<Command> {
        self.record(|record| record.commands().cloned().collect())
    }

    /// Every written row of monitor-traffic, oldest first.
    pub fn samples(&self) -> Vec<SampleSent> {
        self.record(|record| record.samples().cloned().collect())
    }

    /// The same, and forgets them: for runs of hours.
    pub fn take_samples(&self) -> Vec<SampleSent> {
        self.core.update(|state, _| state.record.samples.drain(..).collect())
    }

    /// The commands without an end of their own: monitor-traffic with its interfaces, listen, print with follow or interval.
    pub fn active_streams(&self) -> Vec<Stream> {
        self.record(|record| record.streams().cloned().collect())
    }

    /// The router's log: logins, logouts and failed logins.
    pub fn log(&self) -> Vec<String> {
        self.record(|record| record.log().map(str::to_owned).collect())
    }

    /// Completes when the record fulfils the condition, perhaps at once.
    pub async fn wait_until(&self, mut condition: impl FnMut(&Record) -> bool) {
        self.core.wait_until(|state: &State| condition(&state.record)).await;
    }
}

impl Drop for SimulatedRouter {
    fn drop(&mut self) {
        self.ports.iter().for_each(JoinHandle::abort);
        self.core.gate.send_modify(|gate| gate.stopped = true);
    }
}
