//! The floor: writes the same frames to as many sockets by a loop of `send(2)`, and does nothing else. It answers no ping,
//! notices no reader that stopped, and knows its samples beforehand; no server can be below it.
//!
//! Usage: `bench-bare-loop ADDRESS LINES LINES_PER_ROUTER THREADS`; prints `ready ADDRESS`.

use std::io::{Write as _, stdout};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use rustix::net::{SendFlags, send};
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec};
use tests::bench::{line, mark, phase_us, upload};
use tokio_tungstenite::tungstenite::{Message, accept};

/// The sockets of each line of one router.
type Router = Mutex<Vec<Vec<TcpStream>>>;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let address: IpAddr = words.next().context("ADDRESS LINES LINES_PER_ROUTER THREADS")?.parse()?;
    let numbers: Vec<usize> = words.map(|word| word.parse()).collect::<Result<_, _>>()?;
    let [lines, per_router, threads] = numbers[..] else { anyhow::bail!("LINES LINES_PER_ROUTER THREADS") };
    let routers: Arc<[Router]> =
        (0..lines.div_ceil(per_router)).map(|_| Mutex::new((0..per_router).map(|_| Vec::new()).collect())).collect();
    for nth in 0..threads {
        let routers = Arc::clone(&routers);
        thread::spawn(move || write_for_ever(&routers, nth, threads, per_router));
    }
    let listener = TcpListener::bind((address, 0))?;
    writeln!(stdout(), "ready {}", listener.local_addr()?)?;
    for stream in listener.incoming() {
        // A viewer may go before the first frame.
        let _: Result<()> = admit(stream?, &routers, per_router);
    }
    Ok(())
}

fn admit(stream: TcpStream, routers: &[Router], per_router: usize) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = accept(stream)?;
    let watch: serde_json::Value = serde_json::from_str(socket.read()?.to_text()?)?;
    let line = watch["username"].as_str().and_then(line).context("no line")?;
    socket.send(Message::text(r#"{"type":"snapshot"}"#))?;
    let mut lines =
        routers.get(line / per_router).context("no such line")?.lock().unwrap_or_else(PoisonError::into_inner);
    lines[line % per_router].push(socket.get_ref().try_clone()?);
    Ok(())
}

/// Every `step`th router is this thread's, from `first` on.
fn write_for_ever(routers: &[Router], first: usize, step: usize, per_router: usize) {
    let mut own: Vec<usize> = (first..routers.len()).step_by(step).collect();
    own.sort_by_key(|&router| phase_us(router));
    for second in mark::now_us() / 1_000_000 + 1.. {
        for &router in &own {
            sleep_until(second * 1_000_000 + phase_us(router));
            tick(&routers[router], router * per_router);
        }
    }
}

fn tick(router: &Router, first_line: usize) {
    let marked = mark::of(mark::now_us());
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut lines = router.lock().unwrap_or_else(PoisonError::into_inner);
    for (nth, viewers) in lines.iter_mut().enumerate().filter(|(_, viewers)| !viewers.is_empty()) {
        let up = upload(first_line + nth);
        let text = format!(r#"{{"type":"sample","t":{unix},"down":{marked},"up":{up}}}"#);
        // A text frame in one piece, shorter than 126 bytes.
        let mut frame = vec![0x81, text.len() as u8];
        frame.extend_from_slice(text.as_bytes());
        viewers.retain(|viewer| send(viewer, &frame, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_ok());
    }
}

fn sleep_until(us: u64) {
    let (seconds, rest) = (us / 1_000_000, us % 1_000_000);
    let at = Timespec { tv_sec: seconds.cast_signed(), tv_nsec: rest.cast_signed() * 1_000 };
    // Woken early, the loop writes early.
    let _ = clock_nanosleep_absolute(ClockId::Monotonic, &at);
}
