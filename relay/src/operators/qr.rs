//! QR codes as SVG.

use anyhow::{Context, Result};
use qrcode::render::svg::Color;
use qrcode::{EcLevel, QrCode};

/// The least side, in pixels.
const SIDE: u32 = 240;

/// Returns the picture of a text, black on white with its quiet zone, for a page: attributes alone, no style and no script.
///
/// # Errors
/// The text is longer than 2,953 bytes.
pub(crate) fn svg(text: &str) -> Result<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).context("the text is too long for a QR code")?;
    let picture = code
        .render::<Color<'_>>()
        .min_dimensions(SIDE, SIDE)
        .dark_color(Color("#000000"))
        .light_color(Color("#ffffff"))
        .build();
    let start = picture.find("<svg").context("a QR code is no picture")?;
    Ok(picture.split_at(start).1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_picture_without_style_or_script() {
        let picture = svg(&format!("https://monitor.example/#{}", "x".repeat(260))).unwrap();
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>"), "{picture}");
        for forbidden in ["style", "script", "href", "<?xml", "on"] {
            assert!(!picture.contains(&format!(" {forbidden}")), "{forbidden}");
        }
        assert!(svg(&"x".repeat(3_000)).is_err());
    }
}
