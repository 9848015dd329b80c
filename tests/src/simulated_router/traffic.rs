//! What subscribers do with their lines: exact rates for tests, and five kinds of people. Everything here is a function
//! of the seed, the username and the second, so that a run can be repeated.
//!
//! Download and upload are the subscriber's throughout; which of them is rx is the interface's business (`state.rs`).

/// Bits per second of one line, from the subscriber's point of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Towards the subscriber, in bits per second.
    pub download: u64,
    /// From the subscriber, in bits per second.
    pub upload: u64,
}

impl Rates {
    /// Both rates, in bits per second.
    pub const fn new(download: u64, upload: u64) -> Self {
        Self { download, upload }
    }

    /// Both sums, at most `u64::MAX`.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            download: self.download.saturating_add(other.download),
            upload: self.upload.saturating_add(other.upload),
        }
    }
}

/// The source of a line's rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Always exactly these.
    Exact(Rates),
    /// The behaviour of such a person within a plan.
    Person(Person),
    /// Ten million and the router's milliseconds since start as download, a tenth as upload: no two samples are alike, and
    /// each one tells its own time.
    Clock,
}

/// Somebody at the other end of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// Watches a film: a burst for every segment, near silence between.
    Video,
    /// Downloads as fast as the plan allows, with TCP's sawtooth.
    Download,
    /// Talks over video: much the same in both directions.
    Call,
    /// Sends a backup: full upload, acknowledgements down.
    Backup,
    /// Is not at home; telephones and televisions whisper.
    Idle,
}

impl Person {
    /// All of them, in the order of assignment to subscribers.
    pub const ALL: [Self; 5] = [Self::Video, Self::Download, Self::Call, Self::Backup, Self::Idle];

    /// The person's word at the control port and in the program's flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Download => "download",
            Self::Call => "call",
            Self::Backup => "backup",
            Self::Idle => "idle",
        }
    }
}

/// Whose dice: the router's seed and the username.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, name: &[u8]) -> Self {
        // FNV-1a: two usernames differ in every throw.
        let hash = name
            .iter()
            .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
        Self(mix(hash ^ mix(seed)))
    }

    /// A number from 0 to `below` - 1 for this second and purpose; the same at every call.
    pub(crate) fn throw(self, second: u64, purpose: u64, below: u64) -> u64 {
        mix(self.0 ^ mix(second ^ (purpose << 56))) % below.max(1)
    }
}

/// The finaliser of SplitMix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// The rates of [`Rate::Clock`] at so many milliseconds since the router's start.
pub(crate) const fn clock_rates(now: u64) -> Rates {
    let download = now.saturating_add(10_000_000);
    Rates::new(download, download / 10)
}

/// The rates of one second of a person's line under a plan.
pub(crate) fn person_rates(person: Person, plan: Rates, dice: Dice, second: u64) -> Rates {
    let rates = match person {
        Person::Video => video(plan, dice, second),
        Person::Download => download(plan, dice, second),
        Person::Call => call(dice, second),
        Person::Backup => backup(plan, dice, second),
        Person::Idle => idle(dice, second),
    };
    Rates { download: rates.download.min(plan.download), upload: rates.upload.min(plan.upload) }
}

/// A value between 95 and 105 % of `rate`.
fn around(rate: u64, dice: Dice, second: u64, purpose: u64) -> u64 {
    rate / 100 * 95 + dice.throw(second, purpose, rate / 10)
}

fn video(plan: Rates, dice: Dice, second: u64) -> Rates {
    const CYCLE: u64 = 10;
    let phase = (second + dice.throw(0, 1, CYCLE)) % CYCLE;
    let burst = plan.download.min(25_000_000);
    let download = match phase {
        0 => burst / 2,
        1 | 2 => burst,
        3 => burst / 3,
        _ => 90_000,
    };
    Rates::new(around(download, dice, second, 2), around(download / 40 + 12_000, dice, second, 3))
}

fn download(plan: Rates, dice: Dice, second: u64) -> Rates {
    const SAWTOOTH: u64 = 17;
    let phase = (second + dice.throw(0, 1, SAWTOOTH)) % SAWTOOTH;
    let share = if phase == 0 { 55 } else { (80 + phase * 2).min(97) };
    let download = plan.download / 100 * share;
    let jitter = dice.throw(second, 2, plan.download / 50);
    Rates::new(download + jitter, around(download / 45, dice, second, 3))
}

fn call(dice: Dice, second: u64) -> Rates {
    // A camera that is now and then switched off.
    let camera = dice.throw(second / 60, 1, 8) != 0;
    let rate = if camera { 2_200_000 } else { 96_000 };
    Rates::new(around(rate, dice, second, 2), around(rate, dice, second, 3))
}

fn backup(plan: Rates, dice: Dice, second: u64) -> Rates {
    let upload = plan.upload / 100 * 92 + dice.throw(second, 1, plan.upload / 20);
    Rates::new(around(upload / 50, dice, second, 2), upload)
}

fn idle(dice: Dice, second: u64) -> Rates {
    let blip = if dice.throw(second, 1, 20) == 0 { 400_000 } else { 0 };
    Rates::new(blip + 1_500 + dice.throw(second, 2, 18_000), blip / 10 + 900 + dice.throw(second, 3, 9_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Rates = Rates::new(50_000_000, 10_000_000);

    fn hour(person: Person, seed: u64) -> Vec<Rates> {
        let dice = Dice::new(seed, b"alice");
        (0..3600).map(|second| person_rates(person, PLAN, dice, second)).collect()
    }

    #[test]
    fn the_same_seed_is_the_same_hour_and_another_seed_is_not() {
        for person in Person::ALL {
            assert_eq!(hour(person, 1), hour(person, 1), "{person:?}");
            assert_ne!(hour(person, 1), hour(person, 2), "{person:?}");
        }
    }

    #[test]
    fn nobody_exceeds_their_plan() {
        let small = Rates::new(500_000, 100_000);
        for person in Person::ALL {
            for second in 0..600 {
                let rates = person_rates(person, small, Dice::new(3, b"bob"), second);
                assert!(rates.download <= small.download && rates.upload <= small.upload, "{person:?} {rates:?}");
            }
        }
    }

    #[test]
    fn people_look_like_themselves() {
        let mean = |rates: &[Rates], of: fn(&Rates) -> u64| rates.iter().map(of).sum::<u64>() / rates.len() as u64;
        let video = hour(Person::Video, 7);
        let busy = video.iter().filter(|rates| rates.download > 5_000_000).count();
        assert!((1000..1500).contains(&busy), "{busy} seconds of bursts in an hour");
        assert!(mean(&hour(Person::Download, 7), |rates| rates.download) > PLAN.download / 10 * 8);
        assert!(mean(&hour(Person::Backup, 7), |rates| rates.upload) > PLAN.upload / 10 * 9);
        assert!(mean(&hour(Person::Idle, 7), |rates| rates.download) < 60_000);
        let call = hour(Person::Call, 7);
        let (down, up) = (mean(&call, |rates| rates.download), mean(&call, |rates| rates.upload));
        assert!(down.abs_diff(up) < down / 20, "{down} down, {up} up");
    }
}
