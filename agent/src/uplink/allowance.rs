//! The bound on a relay's messages and bytes: a rate and a burst. A relay beyond the bound costs the agent a
//! router's processor time, so the agent leaves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Messages a second, pings and unknown ones included: a relay sends an acknowledgement a second, and the watches
/// of many new pages in few messages.
const MESSAGES_PER_SECOND: u64 = 100;
const MESSAGES_BURST: u64 = 1_000;

/// Bytes a second from the network: TLS records and WebSocket frames without content count too.
const BYTES_PER_SECOND: u64 = 128 * 1024;
/// The whole watch set of 20,000 lines takes 140 KB.
const BYTES_BURST: u64 = 1024 * 1024;

/// The allowance is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the relay sends more than an agent takes in")]
pub(super) struct Exceeded;

/// A token bucket.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u64,
    burst: u64,
    per_second: u64,
    filled: Instant,
}

impl Allowance {
    /// For a relay's messages.
    pub(super) const fn of_messages(now: Instant) -> Self {
        Self { left: MESSAGES_BURST, burst: MESSAGES_BURST, per_second: MESSAGES_PER_SECOND, filled: now }
    }

    /// For a relay's bytes.
    pub(super) const fn of_bytes(now: Instant) -> Self {
        Self { left: BYTES_BURST, burst: BYTES_BURST, per_second: BYTES_PER_SECOND, filled: now }
    }

    /// Takes an amount out of the bucket.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(super) fn take(&mut self, amount: u64, now: Instant) -> Result<(), Exceeded> {
        let gained =
            now.saturating_duration_since(self.filled).as_nanos() * u128::from(self.per_second) / 1_000_000_000;
        let gained = u64::try_from(gained).unwrap_or(u64::MAX);
        if gained >= self.burst {
            self.filled = now;
        } else {
            self.filled += Duration::from_nanos(gained * 1_000_000_000 / self.per_second);
        }
        self.left = self.left.saturating_add(gained).min(self.burst);
        self.left = self.left.checked_sub(amount).ok_or(Exceeded)?;
        Ok(())
    }
}

/// A connection with a count of incoming bytes; beyond the allowance, reading fails with [`Exceeded`].
#[derive(Debug)]
pub(super) struct Metered<S> {
    stream: S,
    allowance: Allowance,
}

impl<S> Metered<S> {
    /// Counts from now on.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, allowance: Allowance::of_bytes(Instant::now()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let count = (buffer.filled().len() - before) as u64;
        Poll::Ready(self.allowance.take(count, Instant::now()).map_err(io::Error::other))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// True if a read failed with [`Exceeded`].
pub(super) fn is_exceeded(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Exceeded>())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let start = Instant::now();
        let mut allowance = Allowance::of_messages(start);
        assert_eq!(allowance.take(MESSAGES_BURST, start), Ok(()));
        assert_eq!(allowance.take(1, start), Err(Exceeded));
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        for nth in 1..=500 {
            assert_eq!(allowance.take(1, at(nth * 10)), Ok(()), "{nth}");
            assert_eq!(allowance.take(1, at(nth * 10 + 3)), Err(Exceeded), "{nth}");
        }
        assert_eq!(
            allowance.take(MESSAGES_BURST + 1, at(10_000_000)),
            Err(Exceeded),
            "no more than a burst is saved up"
        );
        assert_eq!(allowance.take(MESSAGES_BURST, at(10_000_000)), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_beyond_the_allowance_fail_the_reading() {
        let (near, mut far) = duplex(64 * 1024);
        let flood = async { while far.write_all(&[0; 4_096]).await.is_ok() {} };
        let read = async {
            let (mut metered, mut buffer, mut count) = (Metered::new(near), [0; 4_096], 0u64);
            loop {
                match metered.read(&mut buffer).await {
                    Ok(some) => count += some as u64,
                    Err(error) => return (count, is_exceeded(&error)),
                }
            }
        };
        let ((count, exceeded), ()) = tokio::join!(read, flood);
        assert!(exceeded && count <= BYTES_BURST && count > BYTES_BURST - 4_096, "{count}");
    }
}
