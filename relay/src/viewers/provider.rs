//! The provider's words in the page: brand, contacts, the colour of upload, the public address with its folder.
//! Escapes them for HTML and JSON; the page names their places as `[[brand]]`, `[[support]]`, `[[upload]]`, `[[public]]`,
//! `[[origins]]`, `[[code]]` and `[[base]]`.

use http::Uri;

use crate::net::folder::Folder;
use crate::net::origin::Origin;

/// The section of the page that stands only with contacts.
const SUPPORT: (&str, &str) = ("<!--support-->", "<!--/support-->");
/// The name on a page without a brand.
const PRODUCT: &str = "Linelight";
/// The longest contact, in bytes.
const MAX_CONTACT: usize = 200;

/// The provider as the page shows it.
#[derive(Debug, Clone, Default)]
pub struct Provider {
    /// The provider's name; `None` shows the product's.
    pub brand: Option<String>,
    /// The ways to reach support, in the order of the page.
    pub support: Vec<Contact>,
    /// The colour of upload; `None` is red.
    pub upload_colour: Option<Colour>,
    /// The address under which browsers reach the relay.
    pub public_url: Option<Uri>,
    /// The origins of the portals whose pages may frame the widget.
    pub portals: Vec<Origin>,
    /// Lines are open to anybody who knows a username: the page then asks for no code in place of a link.
    pub lines_are_open: bool,
}

/// One way to reach the provider's support.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// A telephone number as people write it.
    Telephone(String),
    /// A WhatsApp number: digits with the country's code, without a plus sign.
    WhatsApp(String),
    /// An e-mail address.
    Mail(String),
    /// A web page.
    Web(String),
    /// Anything else, such as a street or the hours.
    Text(String),
}

/// A colour: red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(u8, u8, u8);

impl Contact {
    /// Reads a contact: `+27 51 555 0142`, `whatsapp:+27 51 555 0142`, `help@karoo.example`, `https://…`, or plain text.
    ///
    /// # Errors
    /// A sentence with the form, for an empty or too long text or a WhatsApp number that is none.
    pub fn from_typed(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_CONTACT || text.chars().any(char::is_control) {
            return Err(format!("a contact has 1 to {MAX_CONTACT} bytes in one line"));
        }
        let whatsapp = ["whatsapp:", "https://wa.me/"].into_iter().find_map(|prefix| stripped(text, prefix));
        if let Some(number) = whatsapp {
            return whatsapp_number(number).map(Self::WhatsApp);
        }
        let text = stripped(text, "tel:").or_else(|| stripped(text, "mailto:")).unwrap_or(text).to_owned();
        Ok(match text {
            text if is_telephone(&text) => Self::Telephone(text),
            text if stripped(&text, "https://").or_else(|| stripped(&text, "http://")).is_some() => Self::Web(text),
            text if text.contains('@') && !text.contains(char::is_whitespace) => Self::Mail(text),
            text => Self::Text(text),
        })
    }

    fn html(&self) -> String {
        let link =
            |target: &str, shown: &str| format!("<a href=\"{}\"><bdi>{}</bdi></a>", escaped(target), escaped(shown));
        match self {
            Self::Telephone(number) => {
                let digits: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
                link(&format!("tel:{digits}"), number)
            }
            Self::WhatsApp(number) => link(&format!("https://wa.me/{number}"), "WhatsApp"),
            Self::Mail(address) => link(&format!("mailto:{address}"), address),
            Self::Web(address) => {
                let shown = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
                link(address, shown.trim_end_matches('/'))
            }
            Self::Text(text) => format!("<bdi>{}</bdi>", escaped(text)),
        }
    }
}

/// The text behind a prefix in any case; `None` without the prefix.
fn stripped<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn is_telephone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits >= 3 && text.chars().all(|c| c.is_ascii_digit() || "+ ()-./".contains(c))
}

fn whatsapp_number(text: &str) -> Result<String, String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if is_telephone(text) && digits.len() >= 7 && !digits.starts_with('0') {
        Ok(digits)
    } else {
        Err("a WhatsApp number begins with the country's code; write it as whatsapp:+27 51 555 0142".to_owned())
    }
}

impl Colour {
    /// Reads `#1d5fd1`, or a name: red, blue, magenta, violet, orange, black.
    ///
    /// # Errors
    /// A sentence with the form.
    pub fn from_typed(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "red" => Ok(Self(0xc0, 0x2b, 0x2b)),
            "blue" => Ok(Self(0x1d, 0x5f, 0xd1)),
            "magenta" => Ok(Self(0xb0, 0x1e, 0x8c)),
            "violet" => Ok(Self(0x6a, 0x3f, 0xc4)),
            "orange" => Ok(Self(0xb2, 0x55, 0x00)),
            "black" => Ok(Self(0, 0, 0)),
            text => hexadecimal(text).ok_or_else(|| {
                "this is not a colour; write it as #1d5fd1, or red, blue, magenta, violet, orange or black".to_owned()
            }),
        }
    }

    fn css(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

fn hexadecimal(text: &str) -> Option<Colour> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some(Colour(part(0)?, part(2)?, part(4)?))
}

impl Provider {
    /// Returns a page's HTML with the provider's words in their places. `icon` is the path of the picture for links.
    pub(crate) fn fill_html(&self, html: &str, icon: Option<&str>) -> String {
        let contacts: String = self.support.iter().map(Contact::html).collect();
        let html = if contacts.is_empty() { without_section(html) } else { html.to_owned() };
        let colour = self.upload_colour.map(Colour::css).unwrap_or_default();
        html.replace("[[base]]", &escaped(self.folder().as_str()))
            .replace("[[brand]]", &escaped(self.name()))
            .replace("[[support]]", &contacts)
            .replace("[[upload]]", &colour)
            .replace("[[public]]", &self.public_tags(icon))
            .replace("[[code]]", if self.lines_are_open { "hidden" } else { "" })
            .replace("[[origins]]", &escaped(&sources(&self.portals)))
    }

    /// Returns the manifest with the provider's name and the public URL's folder.
    pub(crate) fn fill_json(&self, json: &str) -> String {
        let json = json.replace("[[base]]", self.folder().as_str());
        let quoted = serde_json::Value::from(self.name()).to_string();
        json.replace("[[brand]]", quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default())
    }

    /// Returns the folder of the public URL, below which the page and the viewer API are.
    pub(crate) fn folder(&self) -> Folder {
        self.public_url.as_ref().map(Folder::of).unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.brand.as_deref().unwrap_or(PRODUCT)
    }

    /// The tags for whoever shows a shared link: absolute addresses, of no line.
    fn public_tags(&self, icon: Option<&str>) -> String {
        let Some(url) = &self.public_url else { return String::new() };
        let url = url.to_string();
        let base = escaped(url.trim_end_matches('/'));
        let image = icon.map(|path| format!("<meta property=\"og:image\" content=\"{base}{path}\">"));
        format!("<meta property=\"og:url\" content=\"{base}/\">{}", image.unwrap_or_default())
    }
}

/// Returns origins as browsers write them, in a row.
pub(crate) fn sources(origins: &[Origin]) -> String {
    origins.iter().map(Origin::source).collect::<Vec<_>>().join(" ")
}

fn without_section(html: &str) -> String {
    match (html.split_once(SUPPORT.0), html.split_once(SUPPORT.1)) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => html.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<html data-brand=\"[[brand]]\" data-upload=\"[[upload]]\">[[public]]\
        <!--support--><div>Call [[support]]</div><!--/support-->";

    fn html(text: &str) -> String {
        Contact::from_typed(text).unwrap().html()
    }

    #[test]
    fn contacts_are_links() {
        for (text, link) in [
            ("+27 51 555 0142", "<a href=\"tel:+27515550142\"><bdi>+27 51 555 0142</bdi></a>"),
            ("tel:051 555 0142", "<a href=\"tel:0515550142\"><bdi>051 555 0142</bdi></a>"),
            ("whatsapp:+27 51 555 0142", "<a href=\"https://wa.me/27515550142\"><bdi>WhatsApp</bdi></a>"),
            ("https://wa.me/27515550142", "<a href=\"https://wa.me/27515550142\"><bdi>WhatsApp</bdi></a>"),
            ("help@karoo.example", "<a href=\"mailto:help@karoo.example\"><bdi>help@karoo.example</bdi></a>"),
            (
                "https://karoo.example/help/",
                "<a href=\"https://karoo.example/help/\"><bdi>karoo.example/help</bdi></a>",
            ),
            ("12 Long Street, Mon to Sat", "<bdi>12 Long Street, Mon to Sat</bdi>"),
        ] {
            assert_eq!(html(text), link, "{text}");
        }
    }

    #[test]
    fn what_is_no_contact_is_refused_and_no_text_leaves_its_place() {
        for text in ["", "  ", "a\nb", "whatsapp:051 555 0142", "whatsapp:me", &"1".repeat(201)] {
            assert!(Contact::from_typed(text).is_err(), "{text}");
        }
        assert!(!html("javascript:alert(1)").contains("href"));
        assert!(!html("https://x.example/\"><script>").contains("<script>"));
    }

    #[test]
    fn colours_by_name_and_by_number() {
        assert_eq!(Colour::from_typed("#1D5fd1").unwrap().css(), "#1d5fd1");
        assert_eq!(Colour::from_typed("blue").unwrap(), Colour::from_typed("#1d5fd1").unwrap());
        for text in ["", "#12", "#12345g", "1d5fd1", "#1d5fd1;}", "#éééé", "green-ish"] {
            assert!(Colour::from_typed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_page_has_the_providers_words_and_no_empty_block() {
        let bare = Provider::default().fill_html(PAGE, None);
        assert_eq!(bare, "<html data-brand=\"Linelight\" data-upload=\"\">");
        let provider = Provider {
            brand: Some("A & <B>".to_owned()),
            support: vec![Contact::Telephone("051 555 0142".to_owned())],
            upload_colour: Colour::from_typed("blue").ok(),
            public_url: Some(Uri::from_static("https://line.example/")),
            portals: Vec::new(),
            lines_are_open: false,
        };
        let page = provider.fill_html(PAGE, Some("/assets/icon.png"));
        for part in [
            "data-brand=\"A &amp; &lt;B&gt;\"",
            "data-upload=\"#1d5fd1\"",
            "tel:0515550142",
            "content=\"https://line.example/\"",
            "content=\"https://line.example/assets/icon.png\"",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }

    #[test]
    fn the_form_for_a_code_is_hidden_where_lines_are_open() {
        let form =
            |lines_are_open| Provider { lines_are_open, ..Provider::default() }.fill_html("<form [[code]]>", None);
        assert_eq!((form(false).as_str(), form(true).as_str()), ("<form >", "<form hidden>"));
    }

    #[test]
    fn the_manifest_stays_json_with_any_name() {
        let provider = Provider { brand: Some("A \"B\" \\ C".to_owned()), ..Provider::default() };
        let manifest: serde_json::Value =
            serde_json::from_str(&provider.fill_json("{\"name\": \"[[brand]]\"}")).unwrap();
        assert_eq!(manifest["name"], "A \"B\" \\ C");
    }
}
