use super::*;

const SECOND: Duration = Duration::from_secs(1);

struct Desk {
    books: Books,
    start: Instant,
}

impl Desk {
    fn new() -> Self {
        let mut books = Books::new(1);
        books.add_line("ali", 0);
        Self { books, start: Instant::now() }
    }

    fn at(&self, second: u32) -> Instant {
        self.start + second * SECOND
    }

    fn sent(&mut self, second: u32, tag: &str, first: bool) {
        let sample = Sent { mark: 100 + u64::from(second), at: self.at(second), stream: (1, tag.into()), first };
        self.books.sent(b"ali", sample);
    }

    fn shows(&self, chart: &SharedChart, snapshot: bool, seconds: &[u32], now: u32) {
        let points = seconds.iter().map(|second| (i64::from(*second) * 1_000, 100 + u64::from(*second)));
        look(chart).take(snapshot, points, self.at(now));
    }

    fn close(mut self) -> Totals {
        self.books.close(self.at(1_000));
        self.books.totals().clone()
    }
}

#[test]
fn what_everybody_saw_and_first_rows_and_overlaps_balance() {
    let mut desk = Desk::new();
    let chart = desk.books.watch("ali");
    desk.shows(&chart, true, &[], 0);
    desk.sent(1, "a", true);
    (2..5).for_each(|second| desk.sent(second, "a", false));
    desk.sent(5, "b", true);
    desk.sent(4, "b", false);
    desk.shows(&chart, false, &[2, 3], 3);
    desk.shows(&chart, false, &[4], 4);
    let totals = desk.close();
    assert!(totals.balance(), "{totals:?}");
    assert_eq!((totals.sent, totals.shown), (6, 4), "the mark of second 4 was read by both streams");
    assert_eq!(totals.lost[&Reason::FirstRow], 2);
}

#[test]
fn a_sample_that_nobody_was_shown_is_unaccounted_for_unless_it_has_a_reason() {
    let scene = |excused: bool| {
        let mut desk = Desk::new();
        let chart = desk.books.watch("ali");
        desk.shows(&chart, true, &[], 0);
        (1..6).for_each(|second| desk.sent(second, "a", false));
        desk.shows(&chart, false, &[1, 2, 4, 5], 5);
        if excused {
            let time = desk.at(3)..=desk.at(3);
            desk.books.excuse_router(0, time, Reason::ApiCut);
        }
        desk.close()
    };
    let (silent, excused) = (scene(false), scene(true));
    assert!(!silent.balance() && silent.unaccounted == 1 && silent.examples[0].contains("+0 ms: 1/a,"), "{silent:?}");
    assert!(excused.balance() && excused.lost[&Reason::ApiCut] == 1, "{excused:?}");
}

#[test]
fn a_hole_in_one_chart_of_two_is_found() {
    let mut desk = Desk::new();
    let (whole, holed) = (desk.books.watch("ali"), desk.books.watch("ali"));
    for chart in [&whole, &holed] {
        desk.shows(chart, true, &[], 0);
    }
    (1..4).for_each(|second| desk.sent(second, "a", false));
    desk.shows(&whole, false, &[1, 2, 3], 3);
    desk.shows(&holed, false, &[1, 3], 3);
    let totals = desk.close();
    assert_eq!((totals.unaccounted, totals.shown), (1, 2), "{totals:?}");
}

#[test]
fn a_snapshot_fills_a_hole_and_who_left_need_not_see_what_was_held_up() {
    let mut desk = Desk::new();
    let (stays, leaves) = (desk.books.watch("ali"), desk.books.watch("ali"));
    for chart in [&stays, &leaves] {
        desk.shows(chart, true, &[], 0);
    }
    (1..9).for_each(|second| desk.sent(second, "a", false));
    desk.shows(&stays, false, &[1, 2], 2);
    desk.shows(&leaves, false, &[1, 2, 7], 7);
    let (cut, over, left) = (desk.at(3), desk.at(6), desk.at(8));
    desk.books.trouble(0, cut);
    assert!(!desk.books.is_settled(0, over));
    desk.books.over(0, over);
    desk.books.leave("ali", &leaves, left);
    desk.shows(&stays, true, &[1, 2, 3, 4, 5, 6, 7, 8], 9);
    let totals = desk.close();
    assert!(totals.balance(), "{totals:?}");
    assert_eq!(totals.shown, 8);
}

#[test]
fn points_out_of_order_are_counted() {
    let mut desk = Desk::new();
    let chart = desk.books.watch("ali");
    desk.shows(&chart, true, &[1, 2], 2);
    (1..4).for_each(|second| desk.sent(second, "a", false));
    desk.shows(&chart, false, &[3], 3);
    desk.shows(&chart, false, &[2], 3);
    assert!(!desk.close().balance());
}

#[test]
fn a_line_that_nobody_looks_at_owes_nothing() {
    let mut desk = Desk::new();
    (1..4).for_each(|second| desk.sent(second, "a", false));
    let totals = desk.close();
    assert!(totals.balance() && totals.lost[&Reason::NobodyLooked] == 3, "{totals:?}");
}

#[test]
fn who_came_while_the_uplink_was_broken_is_owed_nothing_until_it_is_whole() {
    let scene = |came: u32| {
        let mut desk = Desk::new();
        let chart = desk.books.watch("ali");
        desk.shows(&chart, true, &[], came);
        (1..30).for_each(|second| desk.sent(second, "a", false));
        let (cut, over) = (desk.at(10), desk.at(14));
        desk.books.trouble(0, cut);
        desk.books.over(0, over);
        let seen: Vec<_> = (came + 1..10).chain(14..30).collect();
        desk.shows(&chart, false, &seen, 29);
        desk.close()
    };
    let (unheard, heard) = (scene(11), scene(3));
    assert!(unheard.balance() && unheard.lost[&Reason::NotYetWatched] == 3, "{unheard:?}");
    assert_eq!(heard.unaccounted, 4, "{heard:?}");
}

#[test]
fn a_sample_read_twice_is_known_from_one_whose_books_were_closed_before() {
    let mut desk = Desk::new();
    let chart = desk.books.watch("ali");
    desk.shows(&chart, true, &[], 0);
    (1..5).for_each(|second| desk.sent(second, "a", false));
    desk.shows(&chart, false, &[1, 2, 3, 4], 4);
    let again = Sent { mark: 1_000, at: desk.at(4) + SECOND / 2, stream: (1, b"b".to_vec()), first: false };
    desk.books.sent(b"ali", again);
    look(&chart).newest = 2_000;
    let between = desk.at(4) + SECOND / 4;
    desk.books.close(between);
    assert_eq!(desk.books.totals().sent, 4);
    let totals = desk.close();
    assert!(totals.balance() && totals.sent == 5 && totals.lost[&Reason::ReadTwice] == 1, "{totals:?}");
}

#[test]
fn a_link_that_was_broken_for_longer_than_a_watch_lasts_is_a_reason() {
    let scene = |missing: std::ops::RangeInclusive<u32>, back: u32| {
        let mut desk = Desk::new();
        let chart = desk.books.watch("ali");
        desk.shows(&chart, true, &[], 0);
        (1..40).for_each(|second| desk.sent(second, "a", false));
        desk.shows(&chart, false, &(1..10).collect::<Vec<_>>(), 10);
        look(&chart).link_broke();
        let shown: Vec<_> = (10..40).filter(|second| !missing.contains(second)).collect();
        desk.shows(&chart, true, &shown, back);
        desk.close()
    };
    let away = scene(25..=30, 30);
    assert!(away.balance() && away.lost[&Reason::LinksDown] == 6, "{away:?}");
    let watched_still = scene(15..=17, 30);
    assert_eq!(watched_still.unaccounted, 3, "{watched_still:?}");
    let back = scene(33..=34, 30);
    assert_eq!(back.unaccounted, 2, "{back:?}");
}

#[test]
fn a_broken_link_is_remembered_while_books_are_closed_second_by_second() {
    let mut desk = Desk::new();
    let chart = desk.books.watch("ali");
    desk.shows(&chart, true, &[], 0);
    (1..60).for_each(|second| desk.sent(second, "a", false));
    desk.shows(&chart, false, &[1, 2, 3, 4, 5], 5);
    look(&chart).link_broke();
    // Back while the agent cannot be told of it, who lets go 15 s after the last frame.
    let (from, to) = (desk.at(8), desk.at(16));
    desk.books.trouble(0, from);
    desk.books.over(0, to);
    desk.shows(&chart, true, &(6..60).filter(|second| !(20..=24).contains(second)).collect::<Vec<_>>(), 10);
    for second in 6..60 {
        let before = desk.at(second);
        desk.books.close(before);
    }
    let totals = desk.close();
    assert!(totals.balance() && totals.lost[&Reason::LinksDown] == 5, "{totals:?}");
}

#[test]
fn who_leaves_with_a_broken_link_is_owed_nothing_since_it_broke() {
    let scene = |breaks: bool| {
        let mut desk = Desk::new();
        let chart = desk.books.watch("ali");
        desk.shows(&chart, true, &[], 0);
        (1..40).for_each(|second| desk.sent(second, "a", false));
        desk.shows(&chart, false, &(1..10).collect::<Vec<_>>(), 10);
        let (broke, left) = (desk.at(12), desk.at(40));
        if breaks {
            look(&chart).break_link(broke);
        }
        desk.books.leave("ali", &chart, left);
        desk.close()
    };
    let (broken, whole) = (scene(true), scene(false));
    assert!(broken.balance(), "{broken:?}");
    assert!(whole.unaccounted > 20, "{whole:?}");
}
