//! Colours, dashes and markers: data, cycled so that curves stay apart on screen, for colour-blind readers and in grey print.

use serde::{Deserialize, Serialize};

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

/// The palette of Okabe and Ito (2008) without its yellow, which vanishes on white; the last entry is the grey of guides.
pub const PALETTE: [Rgb; 8] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
    (0, 0, 0),
    (140, 140, 140),
];

/// Index of the grey entry of [`PALETTE`].
pub const GREY: usize = PALETTE.len() - 1;

/// Index of white, which is no entry of [`PALETTE`]: lines on a field, cased in black.
pub const WHITE: usize = PALETTE.len();

/// Pattern of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dash {
    /// Unbroken.
    #[default]
    Solid,
    /// Strokes of 5 points.
    Dashed,
    /// Strokes of 1.5 points.
    Dotted,
    /// Long and short strokes in turn.
    DashDot,
    /// Strokes of 10 points.
    LongDash,
}

impl Dash {
    const CYCLE: [Dash; 5] = [
        Dash::Solid,
        Dash::Dashed,
        Dash::DashDot,
        Dash::Dotted,
        Dash::LongDash,
    ];

    /// Lengths of ink and gap in turn, in points; empty for a solid line.
    pub fn pattern(self) -> &'static [f64] {
        match self {
            Dash::Solid => &[],
            Dash::Dashed => &[5.0, 3.0],
            Dash::Dotted => &[1.5, 2.2],
            Dash::DashDot => &[6.0, 2.2, 1.5, 2.2],
            Dash::LongDash => &[10.0, 3.5],
        }
    }
}

/// Shape of a data point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marker {
    /// Disc or ring.
    #[default]
    Circle,
    /// Square standing on a side.
    Square,
    /// Triangle with its tip up.
    Triangle,
    /// Square standing on a corner.
    Diamond,
    /// Triangle with its tip down.
    TriangleDown,
    /// Diagonal cross, drawn in strokes.
    Cross,
}

impl Marker {
    const CYCLE: [Marker; 6] = [
        Marker::Circle,
        Marker::Square,
        Marker::Triangle,
        Marker::Diamond,
        Marker::TriangleDown,
        Marker::Cross,
    ];
}

/// How a series looks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Style {
    /// Index into [`PALETTE`] (cycled, the grey left out, by [`Style::cycle`]), or [`WHITE`].
    pub color: usize,
    /// Pattern of the line.
    pub dash: Dash,
    /// Shape of the data points.
    pub marker: Marker,
    /// Line width in points.
    pub width: f64,
    /// Whether a head in the middle of a line shows its direction.
    #[serde(default)]
    pub arrow: bool,
}

impl Style {
    /// The `index`-th style: colour, dash and marker run through cycles of lengths 7, 5 and 6, so 210 styles differ.
    ///
    /// ```
    /// use saddlepoint::plot::Style;
    /// assert_eq!(Style::cycle(0), Style::cycle(210));
    /// assert_ne!(Style::cycle(1).dash, Style::cycle(2).dash);
    /// ```
    pub fn cycle(index: usize) -> Self {
        Style {
            color: index % GREY,
            dash: Dash::CYCLE[index % Dash::CYCLE.len()],
            marker: Marker::CYCLE[index % Marker::CYCLE.len()],
            width: 1.4,
            arrow: false,
        }
    }

    /// Thin, grey, dashed: reference lines.
    pub fn guide() -> Self {
        Style {
            color: GREY,
            dash: Dash::Dashed,
            marker: Marker::Circle,
            width: 0.7,
            arrow: false,
        }
    }

    /// The colour behind the index.
    pub fn rgb(&self) -> Rgb {
        match self.color {
            WHITE => (255, 255, 255),
            color => PALETTE[color % PALETTE.len()],
        }
    }
}

impl Default for Style {
    fn default() -> Self {
        Style::cycle(0)
    }
}

/// Map from a number in 0..=1 to a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColorMap {
    /// Blue, white at the middle, red: signed numbers.
    #[default]
    Diverging,
    /// Dark violet to yellow with even steps in lightness (viridis): numbers of one sign.
    Sequential,
}

impl ColorMap {
    const RED_BLUE: [Rgb; 9] = [
        (5, 48, 97),
        (33, 102, 172),
        (67, 147, 195),
        (166, 208, 229),
        (255, 255, 255),
        (250, 198, 170),
        (214, 96, 77),
        (178, 24, 43),
        (103, 0, 31),
    ];
    const VIRIDIS: [Rgb; 9] = [
        (68, 1, 84),
        (71, 44, 122),
        (59, 81, 139),
        (44, 113, 142),
        (33, 144, 141),
        (39, 173, 129),
        (92, 200, 99),
        (170, 220, 50),
        (253, 231, 37),
    ];

    /// Colour at `fraction`, which is clamped to 0..=1; not-a-number is light grey.
    ///
    /// ```
    /// use saddlepoint::plot::ColorMap;
    /// assert_eq!(ColorMap::Diverging.color(0.5), (255, 255, 255));
    /// ```
    pub fn color(self, fraction: f64) -> Rgb {
        if fraction.is_nan() {
            return (225, 225, 225);
        }
        let stops = match self {
            ColorMap::Diverging => &Self::RED_BLUE,
            ColorMap::Sequential => &Self::VIRIDIS,
        };
        let place = fraction.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let index = (place as usize).min(stops.len() - 2);
        let part = place - index as f64;
        let mix = |a: u8, b: u8| (a as f64 + part * (b as f64 - a as f64)).round() as u8;
        let (a, b) = (stops[index], stops[index + 1]);
        (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seven_styles_differ_in_two_of_three_marks() {
        for i in 0..7 {
            for j in 0..i {
                let (a, b) = (Style::cycle(i), Style::cycle(j));
                let same = [a.color == b.color, a.dash == b.dash, a.marker == b.marker];
                assert!(same.iter().filter(|s| **s).count() <= 1, "{i} {j}");
            }
        }
    }

    #[test]
    fn sequential_map_grows_lighter() {
        let light = |c: Rgb| 0.299 * c.0 as f64 + 0.587 * c.1 as f64 + 0.114 * c.2 as f64;
        let map = ColorMap::Sequential;
        for i in 0..100 {
            let (a, b) = (i as f64 / 100.0, (i + 1) as f64 / 100.0);
            assert!(light(map.color(b)) >= light(map.color(a)) - 0.5);
        }
    }
}
