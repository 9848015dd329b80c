//! The words that go to a subscriber with a link, and the addresses that carry them. Every word to a subscriber stands here.
//!
//! Another language is another [`Words`]; today there is English.

use std::time::Duration;

use crate::viewers::routes::path_segment;

/// The words of one language. `{brand}`, `{url}` and `{time}` stand for what is filled in.
struct Words {
    subject: &'static str,
    with_brand: &'static str,
    without_brand: &'static str,
    hours: &'static str,
    days: &'static str,
}

const ENGLISH: Words = Words {
    subject: "Your internet line, live",
    with_brand: "{brand}: this link shows what your internet line carries right now. It works for {time}, and opens your line alone: {url}",
    without_brand: "This link shows what your internet line carries right now. It works for {time}, and opens your line alone: {url}",
    hours: "hours",
    days: "days",
};

/// A link with the words around it.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// The words with the link.
    pub text: String,
    /// Opens WhatsApp with the words; the reader chooses to whom they go.
    pub whatsapp: String,
    /// Opens a mail with the words.
    pub mail: String,
}

impl Message {
    /// Returns the message with a link that works for a time.
    pub fn of(url: &str, lasts: Duration, brand: Option<&str>) -> Self {
        let words = &ENGLISH;
        let form = if brand.is_some() { words.with_brand } else { words.without_brand };
        // One line, whatever the brand holds; the link last, so that nothing in the brand is taken for one.
        let brand: String = brand.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
        let text = filled(form, &[("{brand}", &brand), ("{time}", &time(words, lasts)), ("{url}", url)]);
        Self {
            whatsapp: format!("https://wa.me/?text={}", path_segment(&text)),
            mail: format!("mailto:?subject={}&body={}", path_segment(words.subject), path_segment(&text)),
            text,
        }
    }
}

/// Fills the places of a form, each once: what is filled in is not searched for places.
fn filled(form: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = form;
    while let Some(begin) = rest.find('{') {
        let (before, from) = rest.split_at(begin);
        text.push_str(before);
        let place = values.iter().find(|(place, _)| from.starts_with(place));
        let (length, value) = place.map_or((1, "{"), |(place, value)| (place.len(), *value));
        text.push_str(value);
        rest = from.get(length..).unwrap_or_default();
    }
    text + rest
}

fn time(words: &Words, lasts: Duration) -> String {
    match lasts.as_secs().div_ceil(3_600) {
        hours @ 0..=48 => format!("{hours} {}", words.hours),
        hours => format!("{} {}", hours / 24, words.days),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_carry_the_link_to_whatsapp_and_mail() {
        let message = Message::of("https://m.example/#a.b-c_d", Duration::from_secs(86_400), Some("Karoo & Söhne"));
        assert!(
            message.text.starts_with("Karoo & Söhne: this link")
                && message.text.ends_with(": https://m.example/#a.b-c_d")
        );
        assert!(message.text.contains("works for 24 hours"));
        let encoded = "https%3A%2F%2Fm.example%2F%23a.b-c_d";
        assert!(
            message.whatsapp.starts_with("https://wa.me/?text=Karoo%20%26%20S%C3%B6hne%3A%20"),
            "{}",
            message.whatsapp
        );
        assert!(message.whatsapp.ends_with(encoded) && message.mail.ends_with(encoded));
        assert!(message.mail.starts_with("mailto:?subject=Your%20internet%20line%2C%20live&body=Karoo%20%26"));
        assert!(Message::of("u", Duration::from_secs(365 * 86_400), None).text.contains("365 days"));
    }

    #[test]
    fn a_brand_is_text_whatever_is_in_it() {
        let message = Message::of("https://m.example/#t", Duration::from_secs(1), Some("{url}&text=x\r\nBcc: a@b"));
        assert!(message.text.starts_with("{url}&text=xBcc: a@b: this link"), "{}", message.text);
        assert!(!message.mail.contains('\n') && !message.mail["mailto:?".len()..].replace("&body=", "").contains('&'));
    }
}
