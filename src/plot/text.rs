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

/// A piece of a text, raised or lowered.
#[derive(Debug, Clone, PartialEq)]
pub struct Run<'a> {
    pub text: &'a str,
    /// Size relative to the text around.
    pub size: f64,
    /// How far the base line is lifted, in em of the text around.
    pub lift: f64,
}

/// `L^{-2.75}` and `s_{max}` as pieces; braces that follow neither `^` nor `_` are text.
pub fn runs(text: &str) -> Vec<Run<'_>> {
    let level = |text, size, lift| Run { text, size, lift };
    let (mut pieces, mut rest, mut from) = (Vec::new(), text, 0);
    while let Some(at) = rest[from..].find(['^', '_']).map(|k| k + from) {
        let inner = rest[at + 1..].strip_prefix('{');
        let inner = inner.and_then(|inner| inner.split_once('}'));
        let Some((inner, after)) = inner else {
            from = at + 1;
            continue;
        };
        let lift = if rest[at..].starts_with('^') {
            0.36
        } else {
            -0.2
        };
        pieces.push(level(&rest[..at], 1.0, 0.0));
        pieces.push(level(inner, 0.72, lift));
        (rest, from) = (after, 0);
    }
    pieces.push(level(rest, 1.0, 0.0));
    pieces.retain(|p| !p.text.is_empty());
    pieces
}

/// The first character that the embedded font does not have.
///
/// ```
/// use saddlepoint::plot::missing_glyph;
/// assert_eq!(missing_glyph("width N → ∞, γ₀"), None);
/// assert_eq!(missing_glyph("幅 N"), Some('幅'));
/// ```
pub fn missing_glyph(text: &str) -> Option<char> {
    use ab_glyph::{Font, FontRef};
    let font = FontRef::try_from_slice(dejavu::sans::regular()).ok()?;
    text.chars().find(|c| font.glyph_id(*c).0 == 0)
}

/// Width of `text` set with an em of `size` points, its raised and lowered pieces included.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    match runs(text).as_slice() {
        [] => 0.0,
        [one] => plain_width(one.text, one.size * size, bold),
        pieces => pieces
            .iter()
            .map(|p| extents(p, size, bold).iter().sum::<f64>())
            .sum(),
    }
}

/// Blanks before a piece, the piece and blanks behind it: renderers drop blanks at the ends of a text.
pub fn extents(piece: &Run, size: f64, bold: bool) -> [f64; 3] {
    let size = piece.size * size;
    let blank = plain_width("n n", size, bold) - plain_width("nn", size, bold);
    let (text, inner) = (piece.text, piece.text.trim());
    let before = text.len() - text.trim_start().len();
    let behind = text.len() - inner.len() - before;
    [
        blank * before as f64,
        plain_width(inner, size, bold),
        blank * behind as f64,
    ]
}

fn plain_width(text: &str, size: f64, bold: bool) -> f64 {
    const FINE: f64 = 1000.0;
    let font = FontDesc::new(FontFamily::Name(FAMILY), FINE * HEIGHT, weight(bold));
    match font.layout_box(text) {
        Ok((_, (right, _))) => right as f64 / FINE * size,
        Err(_) => 0.65 * size * text.chars().count() as f64,
    }
}

/// `text` with dots in the place of its end, where it is wider than `room`.
pub fn shortened(text: &str, size: f64, room: f64) -> String {
    if width(text, size, false) <= room {
        return text.into();
    }
    let letters: Vec<char> = text.chars().collect();
    let head = |n: usize| {
        letters[..n]
            .iter()
            .collect::<String>()
            .trim_end()
            .to_string()
            + "…"
    };
    let fits = |n: &usize| width(&head(*n), size, false) <= room;
    head((1..letters.len()).rev().find(fits).unwrap_or(1))
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
    fn pieces_are_raised_and_lowered() {
        let of = |text| {
            runs(text)
                .iter()
                .map(|r| (r.text, r.lift))
                .collect::<Vec<_>>()
        };
        assert_eq!(of("p_c of L"), [("p_c of L", 0.0)]);
        assert_eq!(of("L^{-1/ν} x"), [("L", 0.0), ("-1/ν", 0.36), (" x", 0.0)]);
        assert_eq!(of("s_{max}"), [("s", 0.0), ("max", -0.2)]);
        assert_eq!(of("a_b^{2"), [("a_b^{2", 0.0)]);
        let short = shortened("a long name of a theory", 10.0, 60.0);
        assert!(
            short.ends_with('…') && width(&short, 10.0, false) <= 60.0,
            "{short}"
        );
        assert_eq!(shortened("saxe", 10.0, 60.0), "saxe");
        prepare().unwrap();
        assert!(width("L^{2}", 10.0, false) < width("L2", 10.0, false));
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
