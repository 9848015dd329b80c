//! Texts as they are compared: words of small letters without accents, and telephone numbers by their digits.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// Digits of a telephone number, at least and at most (ITU-T E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 6..=15;
/// A shorter part of a number is found nowhere by itself.
const LEAST_PART: usize = 4;
/// The fewest digits of a number without its country code or zero.
const LEAST_SHORTENED: usize = 5;
/// The longest country code, in digits.
const COUNTRY_CODE: usize = 3;
/// The combining class of a sign that makes letters one, in the scripts of India.
const VIRAMA: u8 = 9;

/// Returns the words of a text, each in small letters without accents. Every character that is no letter, digit or mark parts words.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.nfkd().filter(|c| !is_accent(*c)) {
        if c.is_alphanumeric() || is_combining_mark(c) {
            put(c, &mut word);
        } else if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// True for what stands above, below or in a letter. The vowels of many scripts are marks too, and stay.
fn is_accent(c: char) -> bool {
    !matches!(canonical_combining_class(c), 0 | VIRAMA)
}

fn put(c: char, word: &mut String) {
    if let Some(plain) = plain(c) {
        return word.push_str(plain);
    }
    if let Some(digit) = digit(c) {
        return word.push(digit);
    }
    // A small letter may be a plain one with an accent: that of the Turkish capital I is.
    word.extend(c.to_lowercase().filter(|c| !is_accent(*c)));
}

/// Letters that people write without their stroke, though Unicode does not take it off.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ø' | 'Ø' => "o",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'ł' | 'Ł' => "l",
        'ħ' | 'Ħ' => "h",
        'ŧ' | 'Ŧ' => "t",
        'þ' | 'Þ' => "th",
        'ı' => "i",
        'ς' => "σ",
        _ => return None,
    })
}

/// The Arabic, Persian and Indian digits.
fn digit(c: char) -> Option<char> {
    let first = ['\u{660}', '\u{6F0}', '\u{966}'].into_iter().find(|first| (*first..=add(*first, 9)).contains(&c))?;
    char::from_digit(u32::from(c) - u32::from(first), 10)
}

fn add(c: char, more: u32) -> char {
    char::from_u32(u32::from(c) + more).unwrap_or(c)
}

/// Returns the forms by which the telephone numbers of a value are found, beside the value's words: all digits of a number together,
/// and without the country code. None for other values.
pub(super) fn phones(text: &str) -> Vec<String> {
    let is_phone = |c: char| c.is_ascii_digit() || " +-.()/,;\u{a0}\u{2011}".contains(c);
    let text: String = text.nfkd().map(|c| digit(c).unwrap_or(c)).collect();
    if !text.chars().all(is_phone) {
        return Vec::new();
    }
    let is_one = |text: &str| PHONE_DIGITS.contains(&digits(text).len());
    let numbers: Vec<&str> = if is_one(&text) { vec![&text] } else { text.split(['/', ',', ';']).collect() };
    let mut forms: Vec<String> = numbers.into_iter().filter(|number| is_one(number)).flat_map(stored_forms).collect();
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn stored_forms(number: &str) -> Vec<String> {
    let digits = digits(number);
    match abroad(number, &digits) {
        Some(abroad) => (0..=COUNTRY_CODE).filter_map(|from| shortened(abroad, from)).collect(),
        None => vec![digits],
    }
}

/// Returns the forms of a number in a query, of which any may begin a form of [`phones`].
pub(super) fn asked_phones(number: &str) -> Vec<String> {
    let digits = digits(number);
    if digits.len() < LEAST_PART {
        return Vec::new();
    }
    let mut forms = vec![digits.clone()];
    match (abroad(number, &digits), digits.strip_prefix('0')) {
        (Some(abroad), _) => {
            let national: Vec<String> = (0..=COUNTRY_CODE).filter_map(|from| shortened(abroad, from)).collect();
            // At home a zero stands in the country code's place.
            forms.extend(national.iter().map(|number| format!("0{number}")));
            forms.extend(national);
        }
        (None, Some(national)) => forms.extend(shortened(national, 0)),
        (None, None) => forms.extend(shortened(&digits, 0).map(|number| format!("0{number}"))),
    }
    forms
}

/// Returns the digits of a number with a country code, from that code on.
fn abroad<'a>(number: &str, digits: &'a str) -> Option<&'a str> {
    match digits.strip_prefix("00") {
        Some(digits) => Some(digits),
        None => number.trim_start_matches([' ', '(']).starts_with('+').then_some(digits),
    }
}

/// Returns a number without its first digits, unless too little is left to mean one number.
fn shortened(digits: &str, from: usize) -> Option<String> {
    digits.get(from..).filter(|rest| rest.len() >= LEAST_SHORTENED).map(str::to_owned)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_do_not_count() {
        for (text, expected) in [
            ("Protea Motors (Pty) Ltd", "protea motors pty ltd"),
            ("4446@karoo.example", "4446 karoo example"),
            ("Müller-Lüdenscheidt, Zoë", "muller ludenscheidt zoe"),
            ("STRASSE Straße ẞ", "strasse strasse ss"),
            ("Łódź Ørsted Ægir đông", "lodz orsted aegir dong"),
            ("İstanbul ISPARTA Işık", "istanbul isparta isik"),
            ("Ёлкин ЙОД", "елкин иод"),
            ("ΟΔΥΣΣΕΎΣ Ὀδυσσεύς", "οδυσσευσ οδυσσευσ"),
            ("مُحَمَّد", "محمد"),
            ("٠٨٢ ۵۵۵", "082 555"),
            ("हिन्दी", "हिन्दी"),
            ("ﬁbre ①②", "fibre 12"),
            ("  -- ", ""),
        ] {
            assert_eq!(words(text).join(" "), words(expected).join(" "), "{text}");
            assert_eq!(words(text).join(" "), expected.nfkd().filter(|c| !is_accent(*c)).collect::<String>(), "{text}");
        }
    }

    #[test]
    fn a_number_is_found_by_any_writing() {
        let found = |stored: &str, asked: &str| {
            let forms = phones(stored);
            asked_phones(asked).iter().any(|asked| forms.iter().any(|form| form.starts_with(asked.as_str())))
        };
        for stored in
            ["0825550199", "082 555 0199", "(082) 555-0199", "+27 82 555 0199", "0027825550199", "+27 (82) 5550199"]
        {
            for asked in [
                "0825550199",
                "082 555 0199",
                "082-555 01",
                "+27825550199",
                "+27 82 555 0199",
                "00 27 82 555 0199",
                "0825",
            ] {
                assert!(found(stored, asked) || asked == "0825" && stored.contains("27"), "{stored} by {asked}");
            }
            assert!(!found(stored, "0835550199") && !found(stored, "+27 83 555 0199"), "{stored}");
        }
        assert!(found("0825550199 / 051 555 0142", "0515550142") && found("0825550199;0515550142", "051 555"));
    }

    #[test]
    fn what_is_no_number_has_no_forms() {
        for text in ["12 Long Street", "4446", "", "2026-11-29 10:00:00", "1234567890123456", "PM-104299"] {
            assert!(phones(text).is_empty(), "{text}");
        }
        assert!(asked_phones("12").is_empty());
    }
}
