//! Other relays as viewers of this relay's lines: a seat for each line that a peer watches, and one frame for each agent and tick.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use shared::frame::{self, Header};
use shared::{Detail, Epoch, LineHandle, Response, Sample};
use tokio::sync::Notify;

use super::messages::{Message, Past, RelayId};
use crate::clock::{Now, UnixMillis};
use crate::lines::audience::{DirectWrite, ViewerSink, Written};
use crate::lines::hub::elsewhere::RelaySeat;
use crate::lines::live::Update;
use crate::wire::response::Measured;
use crate::wire::viewer_frame::{Averages, History, TimedSample};
use crate::wire::websocket::SHORT_HEADER;

/// Samples that wait for the bus; beyond it a seat falls behind, and is served from the line's ring.
const MAX_WAITING: usize = 100_000;

/// Added to the relay's steady time in frames, milliseconds: a sample may be older than the relay's start, and no uptime is negative.
const UPTIME_BASE_MS: i64 = 3_600_000;

/// Updates of one seat in one turn. The rest waits for the next turn.
const UPDATES_AT_ONCE: usize = 8;

/// A line of a claim that a peer watches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    peer: RelayId,
    claim: u64,
    line: LineHandle,
}

/// All seats of all peers.
#[derive(Default)]
pub(super) struct Guests {
    seats: HashMap<Place, Guest>,
    waiting: Arc<Waiting>,
    /// The number of the last frame of a peer and claim.
    sequences: HashMap<(RelayId, u64), u64>,
}

struct Guest {
    seat: RelaySeat,
    waker: Waker,
    sink: Arc<Sink>,
}

/// What seats have to tell.
#[derive(Debug, Default)]
struct Waiting {
    samples: Mutex<Vec<(Place, TimedSample)>>,
    ready: Mutex<Vec<Place>>,
    wake: Notify,
}

/// The socket of a peer's seat: samples wait together until the tick is complete.
#[derive(Debug)]
struct Sink {
    place: Place,
    waiting: Arc<Waiting>,
}

/// Wakes the cluster's task for one seat.
struct SeatWaker {
    place: Place,
    waiting: Arc<Waiting>,
}

/// A frame or a message for one peer.
pub(super) enum Told {
    /// A batch of samples.
    Frame(RelayId, Vec<u8>),
    /// Everything else.
    Message(RelayId, Message),
}

impl ViewerSink for Sink {
    fn prefetch(&self) {}

    fn try_write(&self, frame: &[u8]) -> Written {
        let Some(sample) = sample_of(frame) else { return Written::Nothing };
        if self.waiting.put(self.place.clone(), sample) { Written::All } else { Written::Nothing }
    }
}

/// Reads a sample of a viewer's frame, which bears WebSocket's header.
fn sample_of(frame: &[u8]) -> Option<TimedSample> {
    serde_json::from_slice(frame.get(SHORT_HEADER..)?).ok()
}

impl Waiting {
    /// False without room.
    fn put(&self, place: Place, sample: TimedSample) -> bool {
        let mut samples = self.samples.lock();
        let has_room = samples.len() < MAX_WAITING;
        if has_room {
            samples.push((place, sample));
        }
        drop(samples);
        self.wake.notify_one();
        has_room
    }
}

impl Wake for SeatWaker {
    fn wake(self: Arc<Self>) {
        self.waiting.ready.lock().push(self.place.clone());
        self.waiting.wake.notify_one();
    }
}

impl Guests {
    /// Completes when a seat has something to tell.
    pub(super) fn woken(&self) -> impl Future<Output = ()> + use<> {
        let waiting = Arc::clone(&self.waiting);
        async move { waiting.wake.notified().await }
    }

    /// Returns the number of seats.
    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    /// Gives a peer exactly these lines of a claim. `join` takes a seat at a line; it has none for a handle that is no line's.
    pub(super) fn seat(
        &mut self,
        peer: &RelayId,
        claim: u64,
        lines: &[LineHandle],
        join: impl Fn(LineHandle) -> Option<RelaySeat>,
    ) {
        self.seats
            .retain(|place, _| place.peer != *peer || place.claim != claim || lines.binary_search(&place.line).is_ok());
        if lines.is_empty() {
            self.sequences.remove(&(peer.clone(), claim));
        }
        for line in lines {
            let place = Place { peer: peer.clone(), claim, line: *line };
            if self.seats.contains_key(&place) {
                continue;
            }
            let Some(seat) = join(*line) else { continue };
            let waiting = Arc::clone(&self.waiting);
            let waker = Waker::from(Arc::new(SeatWaker { place: place.clone(), waiting: Arc::clone(&waiting) }));
            let sink = Arc::new(Sink { place: place.clone(), waiting });
            waker.wake_by_ref();
            self.seats.insert(place, Guest { seat, waker, sink });
        }
    }

    /// Returns everything that peers are to be told now.
    pub(super) fn take(&mut self, now: Now) -> Vec<Told> {
        let mut told = Vec::new();
        let ready = std::mem::take(&mut *self.waiting.ready.lock());
        for place in ready {
            self.poll(&place, now, &mut told);
        }
        let samples = std::mem::take(&mut *self.waiting.samples.lock());
        self.frame(samples, now, &mut told);
        told
    }

    /// Polls one seat until it has nothing to tell.
    fn poll(&self, place: &Place, now: Now, told: &mut Vec<Told>) {
        let Some(Guest { seat, waker, sink }) = self.seats.get(place) else { return };
        let cx = Context::from_waker(waker);
        for _ in 0..UPDATES_AT_ONCE {
            let sink: Arc<dyn ViewerSink> = Arc::clone(sink) as _;
            let direct = DirectWrite { sink, ping_due: None, response: None };
            match seat.line.poll(seat.number, Some(direct), now, &cx) {
                Poll::Ready(update) => self.tell(place, update, now, told),
                Poll::Pending => return,
            }
        }
        waker.wake_by_ref();
    }

    fn tell(&self, place: &Place, update: Update, now: Now, told: &mut Vec<Told>) {
        match update {
            Update::Sample { frame, .. } => {
                sample_of(&frame).map(|sample| self.waiting.put(place.clone(), sample));
            }
            Update::Samples(history) => {
                for sample in history.samples() {
                    self.waiting.put(place.clone(), sample);
                }
            }
            Update::Averages(averages) => told.push(past(place, History::default(), Some(averages), now)),
            Update::Snapshot(snapshot) => told.push(past(place, snapshot.history, snapshot.averages, now)),
            // The peer judges the state itself, by the reports.
            Update::State(_) | Update::Ended(_) => {}
        }
    }

    /// Makes one frame of all samples of one peer, claim and moment.
    fn frame(&mut self, samples: Vec<(Place, TimedSample)>, now: Now, told: &mut Vec<Told>) {
        let mut ticks: BTreeMap<(RelayId, u64, UnixMillis), BTreeMap<LineHandle, TimedSample>> = BTreeMap::new();
        for (Place { peer, claim, line }, sample) in samples {
            ticks.entry((peer, claim, sample.t)).or_default().insert(line, sample);
        }
        for ((peer, claim, t), samples) in ticks {
            let sequence = self.sequences.entry((peer.clone(), claim)).or_default();
            *sequence += 1;
            let header =
                Header { epoch: Epoch(claim), sequence: *sequence, uptime_ms: uptime(t, now), replayed: false };
            told.push(Told::Frame(peer, encoded(&header, &samples)));
        }
    }
}

/// Encodes samples as the agent's own relay got them: with details where there are any.
fn encoded(header: &Header, samples: &BTreeMap<LineHandle, TimedSample>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32 + 12 * samples.len());
    let rates: Vec<Sample> =
        samples.iter().map(|(line, sample)| Sample { line: *line, download: sample.down, upload: sample.up }).collect();
    if samples.values().all(|sample| sample.response.is_none() && sample.drops == 0) {
        frame::encode(header, &rates, &mut bytes);
        return bytes;
    }
    let detail = |sample: &TimedSample| Detail { response: said(sample.response), drops: sample.drops };
    let details: Vec<Detail> = samples.values().map(detail).collect();
    frame::encode_detailed(header, &rates, &details, &mut bytes);
    bytes
}

/// Returns a response as an agent says it.
fn said(measured: Option<Measured>) -> Response {
    match measured {
        None => Response::NotMeasured,
        Some(Measured::Lost) => Response::Lost,
        Some(Measured::Micros(micros)) => Response::Micros(micros),
    }
}

fn past(place: &Place, history: History, averages: Option<Averages>, now: Now) -> Told {
    let past = Past { claim: place.claim, line: place.line, now: now.unix, history, averages };
    Told::Message(place.peer.clone(), Message::Snapshot(Box::new(past)))
}

/// Returns a time of this relay's wall clock on the scale of its frames.
pub(super) fn uptime(t: UnixMillis, now: Now) -> u64 {
    let steady = now.steady.as_millis().saturating_sub(now.unix.since(t));
    u64::try_from(steady.saturating_add(UPTIME_BASE_MS)).unwrap_or(0)
}
