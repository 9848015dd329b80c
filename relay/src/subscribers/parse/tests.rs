use shared::control::{MAX_TEXT, Plan};

use super::super::{LimitError, encoding_by_label};
use super::*;

mod markers;

fn read(content: &[u8]) -> Parsed {
    parse(content, None).unwrap()
}

fn row<'a>(parsed: &'a Parsed, username: &[u8]) -> &'a Subscriber {
    parsed.table.get(&Username::from_bytes(username).unwrap()).unwrap()
}

fn customer<'a>(parsed: &'a Parsed, username: &[u8]) -> Option<&'a str> {
    row(parsed, username).customer.as_deref()
}

fn has(parsed: &Parsed, username: &[u8]) -> bool {
    parsed.table.contains(&Username::from_bytes(username).unwrap())
}

fn bad_lines(parsed: &Parsed) -> Vec<u64> {
    parsed.bad.iter().map(|bad| bad.line).collect()
}

fn ali() -> Subscriber {
    Subscriber {
        customer: Some("Baba, Ali".into()),
        package: Some("Fibre 50/10".into()),
        plan: Plan { download: Some(50_000_000), upload: Some(10_000_000) },
        further: Box::default(),
    }
}

/// The row without what a file has beside name, package and plan.
fn named(parsed: &Parsed, username: &[u8]) -> Subscriber {
    Subscriber { further: Box::default(), ..row(parsed, username).clone() }
}

#[test]
fn the_plain_case() {
    let file = "username,customer,package,download,upload\nali,\"Baba, Ali\",Fibre 50/10,50M,10 Mbps\nbob,,,,\n";
    let parsed = read(file.as_bytes());
    assert!(parsed.bad.is_empty() && parsed.doubts.is_empty());
    assert_eq!(*row(&parsed, b"ali"), ali());
    assert_eq!(
        *row(&parsed, b"bob"),
        Subscriber { customer: None, package: None, plan: Plan::default(), further: Box::default() }
    );
}

#[test]
fn exports_of_every_kind_give_the_same_row() {
    let semicolons = "Upload (Mbps);Notes;PPPoE-Username;Customer Name;Plan;Download limit\r\n\
                      10;\"a;b\";ali; Baba, Ali ;Fibre 50/10;50000000\r\n;;;;;\r\n";
    for (system, file) in [
        ("Excel in German", format!("sep=;\r\n{semicolons}")),
        ("Excel with a mark", format!("\u{FEFF}{semicolons}")),
        ("Splynx", "login,name,tariff,speed_download (kbps),speed_upload (kbps)\nali,\"Baba, Ali\",Fibre 50/10,50000,10000\n".into()),
        ("MySQL in batches", "username\tfullname\tplanname\tdownrate\tuprate\nali\tBaba, Ali\tFibre 50/10\t50000000\t10000000\n".into()),
        (
            "phpMyAdmin",
            "\"username\";\"fullname\";\"tariff\";\"down/up (Mbps)\"\n\"ali\";\"Baba, Ali\";\"Fibre 50/10\";\"50/10\"\n\"bob\";NULL;NULL;NULL\n".into(),
        ),
        (
            "RADIUS",
            "username|fullname|profile|Mikrotik-Rate-Limit\nali|Baba, Ali|Fibre 50/10|10M/50M 20M/60M 8M/40M 8/8\n".into(),
        ),
        ("a Mac", semicolons.replace("\r\n", "\r")),
    ] {
        let parsed = read(file.as_bytes());
        assert!(parsed.bad.is_empty() && parsed.doubts.is_empty(), "{system}: {:?} {:?}", parsed.bad, parsed.doubts);
        assert_eq!(named(&parsed, b"ali"), ali(), "{system}");
        let utf_16: Vec<u8> = file.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(named(&read(&utf_16), b"ali"), ali(), "{system} in UTF-16 without a mark");
    }
}

#[test]
fn texts_are_decoded_and_usernames_stay_bytes() {
    let parsed = read(b"username,customer,download\ncaf\xE9,Caf\xE9 \x80,50\xA0Mbit/s\n");
    assert_eq!(customer(&parsed, b"caf\xE9"), Some("Café €"));
    assert_eq!(row(&parsed, b"caf\xE9").plan.download, Some(50_000_000));
    let parsed = read("username,customer\ncaf%E9,Café €\n50%,Percent\ncafé,UTF-8\n".as_bytes());
    assert_eq!(customer(&parsed, b"caf\xE9"), Some("Café €"));
    assert_eq!(customer(&parsed, b"50%"), Some("Percent"));
    assert_eq!(customer(&parsed, "café".as_bytes()), Some("UTF-8"));

    let file =
        encoding_rs::WINDOWS_1251.encode("логин;username;customer;download\n1;Али;Али Баба;50 Мбит/с\n").0.into_owned();
    let parsed = parse(&file, Some(encoding_by_label("windows-1251").unwrap())).unwrap();
    assert_eq!(customer(&parsed, b"\xC0\xEB\xE8"), Some("Али Баба"));
    assert_eq!(row(&parsed, b"\xC0\xEB\xE8").plan.download, Some(50_000_000));
}

#[test]
fn usernames_are_exact() {
    let parsed = read(b"username,customer\nBob,1\nbob,2\n bob,3\nali,4\nalice,5\n");
    for (username, expected) in [(&b"Bob"[..], "1"), (b"bob", "2"), (b" bob", "3"), (b"ali", "4"), (b"alice", "5")] {
        assert_eq!(customer(&parsed, username), Some(expected));
    }
    assert_eq!(
        parsed.doubts.iter().map(|doubt| (doubt.line, doubt.about)).collect::<Vec<_>>(),
        [(4, Matter::PlainTaken)]
    );
}

#[test]
fn a_spreadsheets_spelling_leads_to_the_plain_username_too() {
    for written in ["=\"4446\"", "\"=\"\"4446\"\"\"", "'4446", "4446 ", "4446.0", "\"4446,0\""] {
        let parsed = read(format!("username,customer\n{written},Ali\n").as_bytes());
        assert_eq!(customer(&parsed, b"4446"), Some("Ali"), "{written}");
        assert_eq!(parsed.table.len(), 1, "one row, by two names");
        assert_eq!(parsed.doubts[0].about, Matter::AlsoPlain, "{written}");
    }
    let parsed = read(b"username,customer\n4446.0,Ali\n'4446,Bob\n4447.0,Eve\n2.78E+10,Fay\n");
    assert_eq!(bad_lines(&parsed), [2, 3], "two rows for one plain username");
    assert!(!has(&parsed, b"4446") && !has(&parsed, b"'4446") && has(&parsed, b"4447"));
    assert!(parsed.bad[0].reason.to_string().contains("line 3"));
    assert_eq!(parsed.doubts.last().unwrap().about, Matter::Rounded);
}

#[test]
fn bad_rows_are_told_by_line_and_the_rest_stands() {
    let long = "x".repeat(256);
    let file = format!(
        "username,customer,download\nali,Ali,50M\n,nobody,1M\n{long},L,\nbob,Smith, John,50M\n\
         ali,Again,1M\ncarl,\"two\nlines\",50\n\neve,Eve,1G\nfay\n,,\nNULL,No,1M\ngus,Gus,1M,,\n"
    );
    let parsed = read(file.as_bytes());
    let told: Vec<(u64, String)> = parsed.bad.iter().map(|bad| (bad.line, bad.reason.to_string())).collect();
    for ((line, reason), (expected, part)) in told.iter().zip([
        (3, "empty"),
        (4, "256 bytes"),
        (5, "4 values for 3 columns"),
        (6, "earlier row"),
        (7, "does not close"),
        (8, "begins in line 7"),
        (13, "empty"),
    ]) {
        assert_eq!(*line, expected, "{reason}");
        assert!(reason.contains(part), "{reason}");
        assert!(!reason.contains("Smith") && !reason.contains("carl"), "a reason quotes no row: {reason}");
    }
    assert_eq!((told.len(), parsed.table.len()), (7, 4));
    assert_eq!(customer(&parsed, b"ali"), Some("Ali"), "the first of two counts");
    assert_eq!(row(&parsed, b"eve").plan.download, Some(1_000_000_000));
    assert_eq!(customer(&parsed, b"fay"), None, "a short row is one whose last cells are empty");
    assert_eq!(customer(&parsed, b"gus"), Some("Gus"), "empty values behind the last column have not shifted");
}

#[test]
fn one_unreadable_limit_leaves_the_name_and_the_other_limit() {
    for (limit, known) in [
        ("10M/20M", false),
        ("50", false),
        ("fast", false),
        ("\"10,240k\"", false),
        ("50 Mbits/s", true),
        (".5M", true),
        ("NULL", true),
        ("\\N", true),
        ("unlimited", true),
    ] {
        let parsed =
            read(format!("username,customer,download,upload\nali,Ali,{limit},10M\nbob,Bob,5M,5M\n").as_bytes());
        let row = row(&parsed, b"ali");
        assert_eq!((row.customer.as_deref(), row.plan.upload), (Some("Ali"), Some(10_000_000)), "{limit}");
        assert!(parsed.bad.is_empty() && parsed.table.len() == 2);
        let told = parsed.doubts.iter().map(|doubt| doubt.line).collect::<Vec<_>>();
        assert_eq!(told, if known { &[][..] } else { &[2] }, "{limit}");
        assert!(known || row.plan.download.is_none(), "{limit}");
    }
    let parsed = read(b"username,customer,down/up (kbit/s)\nali,Ali,\"10,240/1,024\"\n");
    let expected = Matter::Limit { column: "download and upload", reason: LimitError::TwoReadings(10_240, 10_240_000) };
    assert_eq!(parsed.doubts[0].about, expected);
    assert_eq!(customer(&parsed, b"ali"), Some("Ali"));
}

#[test]
fn long_texts_are_cut_at_a_character_and_hold_no_control_characters() {
    let file = format!("username,customer,package\nali,x{},a\x1b[2J\tb\n", "é".repeat(200));
    let parsed = read(file.as_bytes());
    let customer = customer(&parsed, b"ali").unwrap();
    assert!(customer.len() <= MAX_TEXT && customer.ends_with('é'));
    assert_eq!(row(&parsed, b"ali").package.as_deref(), Some("a [2J b"));
}

#[test]
fn a_file_without_a_usable_first_row_is_refused() {
    for (content, part) in [
        (&b""[..], "empty"),
        (b"\n\r\n \n", "empty"),
        (b"sep=;\n", "empty"),
        (b"\xFF\xFE\0\0u\0\0\0s\0\0\0e\0\0\0r\0\0\0\n\0\0\0", "UTF-32"),
        (b"\0\0\xFE\xFF\0\0\0u\0\0\0s\0\0\0e\0\0\0r\0\0\0\n", "UTF-32"),
        (b"user\0name,customer\nali,Ali\n", "UTF-32"),
        (b"ali,Ali\nbob,Bob\n", "no column \"username\""),
        (b"username,login\nali,ali\n", "two of its columns are the username: column 1"),
        (b"username,\"customer\nali,Ali\n", "first row"),
        (b"username,customer\rali,Ali\rbob,\"B\nob\"\r", "carriage return"),
    ] {
        let error = parse(content, None).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_separator_is_declared_or_told_by_the_first_row() {
    for (file, separator) in [
        ("sep=;\nusername;customer, name\nali;Ali\n", ';'),
        ("\"sep=,\"\r\nusername,customer\r\nali,Ali\r\n", ','),
        ("SEP=\t\nusername\tcustomer\nali\tAli\n", '\t'),
        ("sep=^\nusername^customer\nali^Ali\n", '^'),
        ("username|customer\nali|Ali\n", '|'),
        ("username;customer\nali;Ali\n", ';'),
        ("username,\"a;b;c;d\",customer\nali,,Ali\n", ','),
    ] {
        let parsed = read(file.as_bytes());
        assert_eq!((parsed.layout.separator, customer(&parsed, b"ali")), (separator, Some("Ali")), "{file}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(content in proptest::collection::vec(proptest::num::u8::ANY, 0..2000)) {
        let _ = parse(&content, None);
        let _ = parse(&[b"username;download\n", &content[..]].concat(), None);
        let _ = parse(&[b"username;down/up\n", &content[..]].concat(), Some(encoding_rs::GBK));
    }

    #[test]
    fn an_orderly_file_is_read_as_the_csv_crate_reads_it(
        rows in proptest::collection::vec(("[a-z]{1,6}", "[A-Za-z,;\"é ]{0,9}", "[A-Za-z,\"]{0,9}"), 1..8)
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["username", "customer", "package"]).unwrap();
        rows.iter().for_each(|(username, customer, package)| writer.write_record([username, customer, package]).unwrap());
        let parsed = read(&writer.into_inner().unwrap());
        for (username, customer, package) in rows.iter().rev() {
            let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text != "NULL");
            let first = rows.iter().find(|row| row.0 == *username).unwrap();
            if (&first.1, &first.2) == (customer, package) {
                let row = row(&parsed, username.as_bytes());
                proptest::prop_assert_eq!((&row.customer, &row.package), (&text(customer), &text(package)));
            }
        }
    }
}

#[test]
fn further_columns_are_kept_for_support_and_passwords_are_not() {
    let parsed = read(
        "Login;Password;Account;Cell;Notes\nali;hunter2;PM-1042;082 555 0199;gate code\x1b[2J\nbob;x;;NULL;\n"
            .as_bytes(),
    );
    let further: Vec<_> = row(&parsed, b"ali").further.iter().map(|value| (&*value.column, &*value.text)).collect();
    assert_eq!(further, [("reference", "PM-1042"), ("phone", "082 555 0199"), ("Notes", "gate code [2J")]);
    assert!(row(&parsed, b"bob").further.is_empty());
    assert_eq!(parsed.layout.columns[1], ("Password".to_owned(), None));
}
