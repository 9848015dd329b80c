//! The memory of an open page over plain TCP, measured on the process: 4 KB beyond the idle relay at most, 1.5 KB aimed at.
//!
//! A test binary of its own, so that nothing else allocates meanwhile; the viewers' own ends are bare sockets, whose
//! memory is the kernel's.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod measured;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use measured::resident_bytes;
use relay::limits::Limits;
use relay::lines::hub::Hub;
use relay::metrics::Metrics;
use relay::net::site::Site;
use relay::subscribers::Subscribers;
use relay::viewers::context::ViewerContext;
use relay::viewers::links::Access;
use relay::viewers::viewer::serve_websocket;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Two sockets each, below the usual limit of 1,024 open files.
const VIEWERS: u64 = 400;

/// Opens pages, one for each line, and reads the beginning of each snapshot.
fn open_pages(address: std::net::SocketAddr, names: std::ops::Range<u64>) -> Vec<TcpStream> {
    let open = |name| {
        let mut socket = TcpStream::connect(address).unwrap();
        let watch = format!(r#"{{"type":"watch","username":"subscriber-{name}"}}"#);
        let header = [0x81, 0x80 | u8::try_from(watch.len()).unwrap(), 0, 0, 0, 0];
        socket.write_all(&[&header[..], watch.as_bytes()].concat()).unwrap();
        socket.read_exact(&mut [0; 64]).unwrap();
        socket
    };
    names.map(open).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_page_is_small() {
    let metrics = Arc::<Metrics>::default();
    let limits = Limits::default();
    let now = tokio::time::Instant::now();
    let hub = Hub::new(limits.clone(), Subscribers::none(), Arc::clone(&metrics), now);
    let (_drain, drain) = watch::channel(false);
    let access = Arc::new(Access::open());
    let site = Arc::new(Site::new(None, limits.failed_attempts, Arc::clone(&metrics)));
    let metrics_of_context = Arc::clone(&metrics);
    let context =
        Arc::new(ViewerContext { hub, access, site, limits, brand: None, metrics: metrics_of_context, drain });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve_websocket(stream, bytes::Bytes::new(), None, Arc::clone(&context), None));
        }
    });
    let open = |names| tokio::task::spawn_blocking(move || open_pages(address, names));
    // The runtime's own tables have their size after the first ones.
    let _first = open(0..40).await.unwrap();
    let before = resident_bytes();
    let _pages = open(40..40 + VIEWERS).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), async {
        while metrics.viewers.get() < 40 + VIEWERS {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let each = resident_bytes().saturating_sub(before) / VIEWERS;
    println!("an open page with a line of its own: {each} bytes");
    assert!(each <= 4_096, "{each} bytes");
}
