//! The program: its announcement, its control port, its end.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

use crate::client::Client;

struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simulated-router"));
        command.args(arguments).env("SIMULATED_ROUTER_PASSWORD", "simulated");
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, lines }
    }

    /// What it says up to `ready`.
    async fn announcement(&mut self) -> Vec<(String, String)> {
        let mut told = Vec::new();
        while let Some(line) = self.lines.next_line().await.expect("readable") {
            match line.split_once(' ') {
                Some((name, value)) => told.push((name.to_owned(), value.to_owned())),
                None => {
                    assert_eq!(line, "ready");
                    return told;
                }
            }
        }
        panic!("ended before it was ready: {told:?}");
    }
}

fn told(announcement: &[(String, String)], name: &str) -> String {
    let found = announcement.iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name} in {announcement:?}")).1.clone()
}

async fn command(control: &mut BufReader<TcpStream>, line: &str) -> Vec<String> {
    control.get_mut().write_all(format!("{line}\n").as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    loop {
        let mut line = String::new();
        assert_ne!(control.read_line(&mut line).await.expect("readable"), 0);
        answer.push(line.trim_end().to_owned());
        if !line.starts_with("= ") {
            return answer;
        }
    }
}

#[tokio::test]
async fn it_announces_its_ports_obeys_its_control_port_and_ends_when_told() {
    let mut program =
        Program::start(&["--subscribers", "1", "--api-ssl-port", "0", "--control-port", "0", "--second", "50"]);
    let announcement = program.announcement().await;
    let address = |name: &str| told(&announcement, name).parse::<SocketAddr>().expect("an address");
    assert_eq!(told(&announcement, "pin").len(), 64);
    assert!(address("api-ssl").ip().is_loopback());
    let mut control = BufReader::new(TcpStream::connect(address("control")).await.expect("open"));
    assert_eq!(command(&mut control, "rate alice 14780000 2100000").await, ["ok"]);
    assert!(command(&mut control, "down nobody").await[0].starts_with("error "));
    let mut client = Client::new(TcpStream::connect(address("api")).await.expect("open")).log_in().await;
    let rows = client.rows("/interface/monitor-traffic =interface=<pppoe-alice> =duration=2").await;
    assert_eq!(rows.iter().map(|row| row.get("tx-bits-per-second")).collect::<Vec<_>>(), ["14780000"; 2]);
    let samples = command(&mut control, "samples").await;
    assert_eq!(samples[1], "= 1 - 1 *F00000 <pppoe-alice> alice 2100000 14780000 14780000 2100000");
    let pid = program.child.id().expect("it runs").to_string();
    assert!(Command::new("kill").arg(pid).status().await.expect("kill").success());
    assert!(program.child.wait().await.expect("it ends").success());
}

#[tokio::test]
async fn it_is_a_customers_router_with_an_old_login() {
    let mut program = Program::start(&["--role", "customer", "--login", "old", "--tags", "last", "--no-empty"]);
    let announcement = program.announcement().await;
    assert_eq!(announcement.len(), 1, "no control port and no api-ssl without their flags");
    let address: SocketAddr = told(&announcement, "api").parse().expect("an address");
    let mut client = Client::new(TcpStream::connect(address).await.expect("open"));
    let answer = client.ask_text("/login .tag=1").await;
    assert!(answer[0].starts_with("!done =ret=") && answer[0].ends_with(" .tag=1"), "{answer:?}");
}
