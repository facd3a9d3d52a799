//! The font inside the program, and the widths of texts set in it.

use crate::error::{Error, Result};
use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};
use std::sync::OnceLock;

/// Font families of the SVG text, first choice first; also the name under which the embedded DejaVu Sans is registered.
pub const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Height of DejaVu Sans (ascent plus descent) in units of its em: the bitmap backend scales fonts by height.
pub const HEIGHT: f64 = (1901.0 + 483.0) / 2048.0;

/// Registers the embedded font once; drawing fails without it.
pub fn prepare() -> Result<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| {
        let fonts = [
            (FontStyle::Normal, dejavu::sans::regular()),
            (FontStyle::Bold, dejavu::sans::bold()),
        ];
        fonts
            .into_iter()
            .all(|(style, bytes)| register_font(FAMILY, style, bytes).is_ok())
    });
    match registered {
        true => Ok(()),
        false => Err(Error::bug("plot", "the embedded font cannot be read")),
    }
}

/// Weight of a text.
pub fn weight(bold: bool) -> FontStyle {
    if bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    }
}

/// Width of `text` set with an em of `size` points.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    const FINE: f64 = 1000.0;
    let font = FontDesc::new(FontFamily::Name(FAMILY), FINE * HEIGHT, weight(bold));
    match font.layout_box(text) {
        Ok((_, (right, _))) => right as f64 / FINE * size,
        Err(_) => 0.65 * size * text.chars().count() as f64,
    }
}

/// The largest size up to `size` at which `text` is not wider than `room`.
pub fn fitted(text: &str, size: f64, bold: bool, room: f64) -> f64 {
    let needed = width(text, size, bold);
    if needed > room && room > 0.0 {
        size * room / needed
    } else {
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(text: &str) -> Vec<(i32, i32)> {
        let font = FontDesc::new(FontFamily::Name(FAMILY), 40.0, FontStyle::Normal);
        let mut inked = Vec::new();
        let drawn = font.draw(text, (0, 0), |x, y, alpha| {
            if alpha > 0.5 {
                inked.push((x, y));
            }
            Ok::<(), ()>(())
        });
        assert!(drawn.is_ok());
        inked
    }

    #[test]
    fn the_font_has_every_sign_physics_needs() {
        prepare().unwrap();
        let missing = pixels("\u{10FFFF}");
        assert!(!missing.is_empty());
        let signs = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩℓħ∂∇∞∝≈≤≥±×·√∑∫→⟨⟩‖−⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺₀₁₂₃₄₅₆₇₈₉₊₋ₙₓᵢⱼᵀ½†°–—…“”é";
        for sign in signs.chars() {
            assert_ne!(pixels(&sign.to_string()), missing, "no glyph for {sign}");
        }
    }

    #[test]
    fn widths_scale_and_add() {
        prepare().unwrap();
        let one = width("0", 10.0, false);
        // The advance of a DejaVu digit is 1303/2048 em.
        assert!((one - 10.0 * 1303.0 / 2048.0).abs() < 0.02, "{one}");
        assert!((width("0000", 10.0, false) - 4.0 * one).abs() < 0.05);
        assert!((width("0", 20.0, false) - 2.0 * one).abs() < 0.02);
        assert!(
            width(
                &"w".repeat(50),
                fitted(&"w".repeat(50), 10.0, false, 90.0),
                false
            ) < 90.1
        );
    }
}
