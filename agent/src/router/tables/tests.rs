use super::plans::{PLAN_PAUSE, PlanStage};
use super::sessions::{LONG_ABSENT, MAX_VOID};
use super::*;
use crate::sessions::tests::listing;

const SECOND: Duration = Duration::from_secs(1);

struct Reader {
    tables: Tables,
    lines: LineTable,
    now: Instant,
}

impl Reader {
    fn new() -> Self {
        Self { tables: Tables::new(&Timing::default()), lines: LineTable::new(10), now: Instant::now() }
    }

    fn asks(&mut self, watched: bool) -> Vec<Table> {
        std::iter::from_fn(|| self.tables.next(&self.lines, watched, self.now)).collect()
    }

    fn done(&mut self, table: Table) -> Option<Completed> {
        self.tables.done(table, &self.lines, self.now)
    }

    /// Answers the session tables, with nothing in them.
    fn read_sessions(&mut self) {
        assert!(self.done(Table::Server).is_none());
        let Some(Completed::Sessions(listing, _)) = self.done(Table::Client) else { panic!("no reading") };
        let before = self.lines.apply(listing, self.now);
        self.tables.give_back(before);
    }

    fn read_all(&mut self, watched: bool) {
        assert_eq!(self.asks(watched), [Table::Server, Table::Client]);
        self.read_sessions();
        if watched {
            self.read_plans(|_, _| {});
        }
        assert!(self.asks(watched).is_empty());
    }

    /// Answers the tables of the plans, without rows; `says` adds the router's refusals.
    fn read_plans(&mut self, says: impl Fn(&mut Tables, Table)) -> PlanReading {
        for table in [Table::Profiles, Table::Secrets, Table::Addresses, Table::Clock] {
            assert_eq!(self.asks(true), [table]);
            says(&mut self.tables, table);
            assert!(self.done(table).is_none());
        }
        assert_eq!(self.asks(true), [Table::Queues]);
        says(&mut self.tables, Table::Queues);
        let Some(Completed::Plans(reading)) = self.done(Table::Queues) else { panic!("no reading") };
        reading
    }

    /// Adds a line to the table.
    fn add_line(&mut self, username: &str) {
        self.lines.apply(listing(&[(Role::Server, 1, username, username, None, true)], 10), self.now);
    }
}

#[test]
fn the_first_reading_is_at_once_and_the_plans_follow_it() {
    let mut reader = Reader::new();
    reader.read_all(true);
    assert_eq!(reader.tables.wake(false), Some(reader.now + Duration::from_secs(60)));
    reader.now += Duration::from_secs(60);
    assert_eq!(reader.asks(true), [Table::Server, Table::Client], "plans are not yet due again");
}

#[test]
fn plans_wait_for_the_first_watch_and_rest_after_the_last() {
    let mut reader = Reader::new();
    reader.read_all(false);
    reader.add_line("ali");
    reader.now += 10 * PLAN_PAUSE;
    reader.asks(false);
    reader.read_sessions();
    assert!(reader.asks(false).is_empty(), "nobody watches");
    reader.read_plans(|_, _| {});
    for _ in 0..10 {
        reader.now += 60 * SECOND;
        assert_eq!(reader.asks(false), [Table::Server, Table::Client]);
        reader.read_sessions();
        assert!(reader.asks(false).is_empty(), "nobody watches any more");
    }
    reader.read_plans(|_, _| {});
    reader.now += PLAN_PAUSE;
    reader.add_line("alice");
    reader.read_plans(|_, _| {});
}

#[test]
fn plans_that_are_not_whole_are_void_and_read_again_less_and_less_often() {
    let mut reader = Reader::new();
    reader.read_all(false);
    let mut pauses = Vec::new();
    for (table, message) in [
        (Table::Profiles, &b"interrupted"[..]),
        (Table::Secrets, b"failure: timeout"),
        (Table::Addresses, b"interrupted"),
        (Table::Queues, b"interrupted"),
    ] {
        let reading = reader.read_plans(|tables, asked| {
            if asked == table {
                tables.trap(asked, message);
            }
        });
        assert!(reading.is_void(), "{table:?}");
        let read = reader.now;
        while reader.tables.plans.stage.is_none() {
            reader.now += SECOND;
            if reader.asks(true).first() == Some(&Table::Server) {
                reader.read_sessions();
            }
        }
        pauses.push((reader.now - read).as_secs());
        // The table was requested already; this resets the request.
        reader.tables.plans.stage = Some(PlanStage { table: Table::Profiles, asked: false });
    }
    assert_eq!(pauses, [10, 20, 40, 80]);
    assert!(!reader.read_plans(|_, _| {}).is_void());
    reader.now += 59 * SECOND;
    assert!(!reader.asks(true).contains(&Table::Profiles), "this one was whole");
}

#[test]
fn plans_that_the_router_does_not_have_or_not_for_this_user_are_none() {
    for message in [&b"no such command prefix"[..], b"not enough permissions (9)", b"not enough privileges"] {
        let mut reader = Reader::new();
        reader.read_all(false);
        assert!(!reader.read_plans(|tables, asked| tables.trap(asked, message)).is_void());
    }
}

#[test]
fn hints_are_gathered_and_paced_and_more_so_while_nobody_watches() {
    let mut reader = Reader::new();
    reader.read_all(true);
    let ended = reader.now;
    reader.now += SECOND / 2;
    reader.tables.hint(reader.now);
    assert!(reader.asks(true).is_empty());
    assert_eq!(reader.tables.wake(true), Some(ended + SECOND));
    assert_eq!(reader.tables.wake(false), Some(ended + 5 * SECOND));
    reader.now = ended + SECOND;
    assert_eq!(reader.asks(true), [Table::Server, Table::Client]);
    reader.now += SECOND;
    reader.read_sessions();
    reader.tables.hint(reader.now);
    assert_eq!(reader.tables.wake(true), Some(reader.now + 4 * SECOND), "a slow router is asked less often");
    assert!(reader.asks(true).is_empty());
}

#[test]
fn a_hint_during_a_reading_leads_to_another() {
    let mut reader = Reader::new();
    reader.read_all(true);
    reader.now += 60 * SECOND;
    assert_eq!(reader.asks(true), [Table::Server, Table::Client]);
    reader.tables.hint(reader.now);
    reader.read_sessions();
    reader.now += SECOND;
    assert_eq!(reader.asks(true), [Table::Server, Table::Client]);
}

#[test]
fn a_table_that_is_cut_short_is_no_reading() {
    let mut reader = Reader::new();
    for _ in 0..MAX_VOID {
        assert!(!reader.tables.is_hopeless());
        assert_eq!(reader.asks(false), [Table::Server, Table::Client]);
        reader.tables.trap(Table::Server, b"interrupted");
        assert!(reader.done(Table::Server).is_none());
        assert!(reader.done(Table::Client).is_none());
        reader.now += 10 * SECOND;
    }
    assert!(reader.tables.is_hopeless());
    assert_eq!(reader.lines.readings(), 0);
}

#[test]
fn an_interface_that_goes_during_a_reading_is_gone_whatever_its_row_says() {
    let mut reader = Reader::new();
    let sessions = [(Role::Server, 1, "a", "ali", None, true), (Role::Server, 2, "b", "bob", None, true)];
    for round in 0..2 {
        reader.asks(true);
        reader.tables.sessions.listing = listing(&sessions, 10);
        if round == 0 {
            reader.tables.gone(InterfaceKey::new(Some(1), b""));
        }
        reader.read_sessions();
        let live = |username: &[u8]| reader.lines.line_of(username).map(|line| line.sessions());
        assert_eq!((live(b"ali"), live(b"bob")), (Some(round), Some(1)), "round {round}");
        reader.now += 60 * SECOND;
    }
}

#[test]
fn a_menu_that_the_router_does_not_have_is_empty() {
    let mut reader = Reader::new();
    reader.asks(false);
    reader.tables.trap(Table::Client, b"no such command prefix");
    reader.read_sessions();
    assert_eq!(reader.lines.readings(), 1);
}

#[test]
fn plan_tables_that_are_refused_or_silent_do_not_stop_the_rest() {
    let mut reader = Reader::new();
    reader.asks(true);
    reader.read_sessions();
    assert_eq!(reader.asks(true), [Table::Profiles]);
    reader.tables.trap(Table::Profiles, b"not enough permissions (9)");
    assert!(reader.done(Table::Profiles).is_none());
    assert_eq!(reader.asks(true), [Table::Secrets]);
    assert!(reader.tables.timed_out(Table::Secrets, &reader.lines, reader.now).is_none());
    assert_eq!(reader.asks(true), [Table::Addresses]);
    assert!(reader.tables.plans.reading.is_void());
}

#[test]
fn a_watched_line_that_is_offline_is_looked_for_and_more_often_where_the_router_does_not_tell() {
    let mut reader = Reader::new();
    reader.read_all(true);
    let mut pauses = |told: bool, offline| {
        if told {
            reader.tables.told();
        }
        reader.tables.compare(true);
        let ended = reader.now;
        loop {
            reader.now += SECOND / 2;
            reader.tables.look_for(offline, reader.now);
            if !reader.asks(true).is_empty() {
                reader.read_sessions();
                return (reader.now - ended).as_millis();
            }
        }
    };
    assert_eq!(pauses(true, SECOND), 10_500);
    assert_eq!(pauses(false, SECOND), 1_500);
    assert_eq!(pauses(false, LONG_ABSENT), 5_500);
    assert_eq!(pauses(true, SECOND), 10_500, "it tells again");
}
