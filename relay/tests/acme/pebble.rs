//! Pebble, Let's Encrypt's server for tests, on loopback with a folder of its own; ended when dropped. Every name leads to
//! 127.0.0.1 by a name server that belongs to Pebble.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// The ports of a relay that Pebble proves names at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proved {
    pub(crate) tls: u16,
    pub(crate) http: u16,
}

/// A running authority.
pub(crate) struct Pebble {
    processes: Vec<Child>,
    folder: TempDir,
    listen: SocketAddr,
    management: SocketAddr,
    arguments: Vec<String>,
}

impl Pebble {
    /// Starts an authority. `tests/setup acme` installs it.
    pub(crate) async fn start(proved: Proved) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost", "127.0.0.1"].map(str::to_owned)).unwrap();
        fs::write(folder.path().join("cert.pem"), cert.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
        let [listen, management, names] = [free_port(), free_port(), free_name_port()].map(address);
        let config = json!({"pebble": {
            "listenAddress": listen.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": folder.path().join("cert.pem"),
            "privateKey": folder.path().join("key.pem"),
            "httpPort": proved.http,
            "tlsPort": proved.tls,
        }});
        fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let arguments = vec![
            "-config".to_owned(),
            folder.path().join("config.json").display().to_string(),
            "-dnsserver".to_owned(),
            names.to_string(),
        ];
        let mut pebble = Self { processes: Vec::new(), folder, listen, management, arguments };
        let name_server = [
            "-dns01",
            &names.to_string(),
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
        ]
        .map(str::to_owned);
        let management = ["-management".to_owned(), address(free_port()).to_string()];
        pebble.run("pebble-challtestsrv", &[&name_server[..], &management].concat());
        super::eventually("the name server answers", async || TcpStream::connect(names).await.is_ok()).await;
        pebble.come_back().await;
        pebble
    }

    /// The directory's address.
    pub(crate) fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.listen.port())
    }

    /// The certificate of the directory itself.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Ends the authority; the name server goes on. It has forgotten everything when it comes back.
    pub(crate) fn go_away(&mut self) {
        let mut authority = self.processes.pop().unwrap();
        authority.kill().unwrap();
        authority.wait().unwrap();
    }

    /// Starts the authority again.
    pub(crate) async fn come_back(&mut self) {
        let arguments = self.arguments.clone();
        self.run("pebble", &arguments);
        super::eventually("Pebble answers", async || {
            let is_there = async |port| TcpStream::connect(port).await.is_ok();
            is_there(self.listen).await && is_there(self.management).await
        })
        .await;
    }

    /// What the authority has written.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("pebble.log")).unwrap()
    }

    /// The root of the certificates that it gives.
    pub(crate) async fn root(&self) -> rustls::pki_types::CertificateDer<'static> {
        use rustls::pki_types::pem::PemObject;
        let config = super::trusting_file(&self.ca());
        let stream = TcpStream::connect(self.management).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::clone(&config)).connect(name, stream).await.unwrap();
        let answer = super::common::exchange(stream, "GET", "/roots/0", "").await;
        rustls::pki_types::CertificateDer::from_pem_slice(&answer.body).unwrap()
    }

    fn run(&mut self, program: &str, arguments: &[String]) {
        let log = || {
            File::options().create(true).append(true).open(self.folder.path().join(format!("{program}.log"))).unwrap()
        };
        let mut command = Command::new(Path::new("/usr/bin").join(program));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).stdout(log()).stderr(log());
        // Without waits, and without the nonces that Pebble refuses to teach clients a lesson.
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0").env("PEBBLE_AUTHZREUSE", "0");
        self.processes.push(command.spawn().expect("tests/setup acme was run"));
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Returns a port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn free_name_port() -> u16 {
    loop {
        let port = free_port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}
