//! Viewers that send too much or break the framing.

use super::*;

/// Masked pongs, with a mask of zeros, of exactly so many bytes altogether.
fn pongs(mut bytes: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while bytes > 0 {
        // Six bytes of header; the last two frames share the rest.
        let next = if bytes > 252 {
            126
        } else if bytes > 126 {
            bytes / 2
        } else {
            bytes
        };
        all.extend([0x8a, 0x80 | (next as u8 - 6), 0, 0, 0, 0]);
        all.resize(all.len() + next - 6, 0);
        bytes -= next;
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_complete_within_so_many_bytes_of_a_viewer_however_they_come() {
    let (stage, _agent) = stage_with_line().await;
    let watch = [&[0x81, 0x80 | 35, 0, 0, 0, 0][..], br#"{"type":"watch", "username": "ali"}"#].concat();
    for (beyond, answer) in [(0, "snapshot"), (1, "viewer_protocol")] {
        let said = [pongs(MAX_BEFORE_WATCH + beyond - watch.len()), watch.clone()].concat();
        assert_eq!(said.len(), MAX_BEFORE_WATCH + beyond);
        // All bytes with the handshake, all behind it, and in pieces.
        for (leftover, room) in [(said.len(), 64 * 1024), (0, 64 * 1024), (1_000, 64 * 1024), (0, 100)] {
            let (ours, theirs) = tokio::io::duplex(room);
            let (first, rest) = said.split_at(leftover);
            let leftover = Bytes::copy_from_slice(first);
            tokio::spawn(serve_websocket(theirs, leftover, None, Arc::clone(&stage.context), None));
            let (mut reading, mut writing) = tokio::io::split(ours);
            let mut told = Vec::new();
            let (_, read) = tokio::join!(writing.write_all(rest), async {
                while !told.windows(answer.len()).any(|window| window == answer.as_bytes()) {
                    if reading.read_buf(&mut told).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                String::from_utf8_lossy(&told).into_owned()
            });
            assert!(read.contains(answer), "{beyond} beyond: {read}");
        }
    }
}

/// Counts the bytes read from it. It has bytes without end, and takes everything.
struct Flooding(Arc<std::sync::atomic::AtomicU64>);

impl AsyncRead for Flooding {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let room = buffer.remaining();
        buffer.put_slice(&vec![0; room]);
        self.0.fetch_add(room as u64, std::sync::atomic::Ordering::Relaxed);
        std::task::Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flooding {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

impl ViewerStream for Flooding {}

#[tokio::test(start_paused = true)]
async fn a_closed_viewer_that_floods_is_read_so_far_and_no_further() {
    let stage = Stage::new();
    let read = Arc::default();
    // A reserved opcode: the first byte is enough.
    let leftover = Bytes::from_static(&[0x83, 0x80, 0, 0, 0, 0]);
    serve_websocket(Flooding(Arc::clone(&read)), leftover, None, Arc::clone(&stage.context), None).await;
    assert_eq!(stage.context.metrics.viewer_closes.get(Close::ViewerProtocol), 1);
    assert_eq!(read.load(std::sync::atomic::Ordering::Relaxed), MAX_PARTING_BYTES);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_talks_too_much_is_closed() {
    let (stage, _agent) = stage_with_line().await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    for _ in 0..=Limits::default().viewer_frame_burst {
        viewer.socket.feed(Message::text("again")).await.unwrap();
    }
    viewer.socket.flush().await.unwrap();
    assert_eq!(viewer.closed().await.1, Close::ViewerTooFast);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_breaks_the_framing_is_closed() {
    let (stage, _agent) = stage_with_line().await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    viewer.say(&"x".repeat(MAX_VIEWER_FRAME + 1)).await;
    assert_eq!(viewer.closed().await.1, Close::ViewerProtocol);
}
