use super::*;

const MBPS: Option<&str> = Some("Mbps");
const KBPS: Option<&str> = Some("kbit/s");

fn unit(unit: Option<&str>) -> Option<Unit> {
    unit.map(|unit| Unit::read(unit).unwrap())
}

#[test]
fn limits_as_people_write_them() {
    for (text, bits) in [
        ("50M", 50_000_000),
        ("50m", 50_000_000),
        (" 50 Mbps ", 50_000_000),
        ("50Mbit/s", 50_000_000),
        ("50 Mbits/s", 50_000_000),
        ("50\u{A0}Mbit/s", 50_000_000),
        ("50000000", 50_000_000),
        ("50,000,000", 50_000_000),
        ("50000000 bps", 50_000_000),
        ("512k", 512_000),
        ("10240k", 10_240_000),
        ("10 240 kbit/s", 10_240_000),
        ("10'240k", 10_240_000),
        ("10,240.0k", 10_240_000),
        (".5M", 500_000),
        ("0,512M", 512_000),
        ("1.5M", 1_500_000),
        ("1,5M", 1_500_000),
        ("0.1234567M", 123_456),
        ("1G", 1_000_000_000),
        ("10.000 G", 10_000_000_000),
        ("1000G", 1_000_000_000_000),
        ("50 Мбит/с", 50_000_000),
        ("10M/10M", 10_000_000),
    ] {
        assert_eq!(single(text, None), Ok(Some(bits)), "{text}");
    }
    for text in ["", " ", "-", "–", "0", "0M", "0/0", "Unlimited", "NULL", "\\N", "n/a"] {
        assert_eq!(single(text, None), Ok(None), "{text:?}");
    }
}

#[test]
fn what_has_two_readings_is_refused_with_both() {
    for (text, column, error) in [
        ("10,240k", None, LimitError::TwoReadings(10_240, 10_240_000)),
        ("10,240", KBPS, LimitError::TwoReadings(10_240, 10_240_000)),
        ("10.240", KBPS, LimitError::TwoReadings(10_240, 10_240_000)),
        ("1.500", MBPS, LimitError::TwoReadings(1_500_000, 1_500_000_000)),
        ("10,240", None, LimitError::TwoReadings(10_240_000, 10_240)),
        ("50 MB/s", None, LimitError::TwoReadings(50_000_000, 400_000_000)),
        ("50", None, LimitError::NoUnit(50_000, 50_000_000)),
        ("0.5", None, LimitError::NoUnit(500, 500_000)),
        ("51200", None, LimitError::NoUnit(51_200, 51_200_000)),
        ("10M/20M", None, LimitError::NoOrder(10_000_000, 20_000_000)),
    ] {
        assert_eq!(single(text, unit(column)), Err(error), "{text}");
    }
    let told = LimitError::TwoReadings(10_240, 10_240_000).to_string();
    assert!(told.contains("10.24 kbps or 10.24 Mbps"), "{told}");
}

#[test]
fn what_is_no_limit_says_why() {
    for (text, error) in [
        ("fast", LimitError::Unknown),
        ("50T", LimitError::Unknown),
        ("-5M", LimitError::Unknown),
        ("50M/", LimitError::Unknown),
        ("50M/fast", LimitError::Unknown),
        ("50M/10M/5M", LimitError::Unknown),
        ("50M (fair use)", LimitError::Unknown),
        ("1001G", LimitError::TooHigh),
        ("99999999999999999999999", LimitError::TooHigh),
    ] {
        assert_eq!(single(text, None), Err(error), "{text}");
    }
}

#[test]
fn a_columns_unit_counts_where_the_value_has_none() {
    for (text, column, bits) in [("50", MBPS, 50_000_000), ("512k", MBPS, 512_000), ("10240", KBPS, 10_240_000)] {
        assert_eq!(single(text, unit(column)), Ok(Some(bits)), "{text}");
    }
}

#[test]
fn two_limits_in_one_value_are_read_by_their_order() {
    let plan = |download: u64, upload: u64| Ok(Plan { download: Some(download), upload: Some(upload) });
    for (text, column, order, expected) in [
        ("50M/10M", None, Order::DownloadFirst, plan(50_000_000, 10_000_000)),
        ("50M/10M", None, Order::UploadFirst, plan(10_000_000, 50_000_000)),
        ("50 Mbit/s / 10 Mbit/s", None, Order::DownloadFirst, plan(50_000_000, 10_000_000)),
        ("50/10", MBPS, Order::DownloadFirst, plan(50_000_000, 10_000_000)),
        ("50/10 Mbps", None, Order::DownloadFirst, plan(50_000_000, 10_000_000)),
        ("512k/4M", MBPS, Order::UploadFirst, plan(4_000_000, 512_000)),
        ("2M/10M 4M/20M 1M/8M 8/8", None, Order::Router, plan(10_000_000, 2_000_000)),
        ("10M", None, Order::Router, plan(10_000_000, 10_000_000)),
        ("10M", None, Order::DownloadFirst, Err(LimitError::NotTwo)),
        ("50/10", None, Order::DownloadFirst, Err(LimitError::NoUnit(50_000, 50_000_000))),
        ("", None, Order::DownloadFirst, Ok(Plan::default())),
        ("NULL", None, Order::Router, Ok(Plan::default())),
        ("(null)", None, Order::DownloadFirst, Ok(Plan::default())),
        ("#N/A", None, Order::DownloadFirst, Ok(Plan::default())),
        ("∞/5M", None, Order::DownloadFirst, Ok(Plan { download: None, upload: Some(5_000_000) })),
        ("unlimited/5M", None, Order::DownloadFirst, Ok(Plan { download: None, upload: Some(5_000_000) })),
    ] {
        assert_eq!(pair(text, unit(column), order), expected, "{text}");
    }
}

#[test]
fn rates_in_words() {
    for (bits, words) in
        [(0, "0 bps"), (999, "999 bps"), (10_240, "10.24 kbps"), (50_000_000, "50 Mbps"), (2_500_000_000, "2.5 Gbps")]
    {
        assert_eq!(in_words(bits), words);
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,30}") {
        let _ = single(&text, None);
        for order in [Order::DownloadFirst, Order::UploadFirst, Order::Router] {
            let _ = pair(&text, unit(MBPS), order);
        }
    }

    #[test]
    fn whole_numbers_with_a_unit_are_exact(number in 1_u64..1_000_000) {
        proptest::prop_assert_eq!(single(&format!("{number}k"), None), Ok(Some(number * 1_000)));
        proptest::prop_assert_eq!(single(&number.to_string(), unit(MBPS)), Ok(Some(number * 1_000_000)));
    }
}
