//! From data to points of the page: the range of an axis and its map.

use super::field::edges;
use super::figure::{AxisSpec, Panel, Scale};
use super::series::Series;

/// A placed axis: `first` lies at `start`, `last` at `end` (points on the page).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    pub scale: Scale,
    pub first: f64,
    pub last: f64,
    pub start: f64,
    pub end: f64,
    /// See [`AxisSpec::numbered`].
    pub numbered: bool,
}

impl Axis {
    /// Position of a value; `None` for what has no place (not-a-number, infinite, <= 0 on a logarithmic axis).
    pub fn at(&self, value: f64) -> Option<f64> {
        let (first, last, value) = match self.scale {
            Scale::Linear => (self.first, self.last, value),
            Scale::Log => (self.first.log10(), self.last.log10(), value.log10()),
        };
        // Far outside values stay finite: drawing clips them.
        let place = ((value - first) / (last - first)).clamp(-1e4, 1e4);
        value
            .is_finite()
            .then_some(self.start + place * (self.end - self.start))
    }

    /// As [`Axis::at`], but the end of an interval: values without a place below the axis lie far below it.
    pub fn edge(&self, value: f64) -> Option<f64> {
        if value == f64::INFINITY {
            return Some(self.start + 1e4 * (self.end - self.start));
        }
        let below = value == f64::NEG_INFINITY || (self.scale == Scale::Log && value <= 0.0);
        if below {
            return Some(self.start - 1e4 * (self.end - self.start));
        }
        self.at(value)
    }

    /// Is the value shown?
    pub fn shows(&self, value: f64) -> bool {
        value >= self.first && value <= self.last
    }
}

/// The ends of an axis: those asked for, else the data with a margin of `margin` times the length.
pub fn range(spec: &AxisSpec, data: impl Iterator<Item = f64>, margin: f64) -> (f64, f64) {
    if let Some(ends) = spec.range {
        return ends;
    }
    let log = spec.scale == Scale::Log;
    let shown = data.filter(|v| v.is_finite() && v.abs() < 1e300 && (!log || *v > 0.0));
    let (mut lo, mut hi) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
        (a.min(v), b.max(v))
    });
    if lo > hi {
        return if log { (1.0, 10.0) } else { (0.0, 1.0) };
    }
    if log {
        (lo, hi) = (lo.log10(), hi.log10());
    }
    let size = if log { 1.0 } else { lo.abs().max(hi.abs()) };
    if hi - lo <= 1e-8 * size {
        let half = match (log, size) {
            (true, _) => 0.3,
            (false, s) if s > 0.0 => 0.1 * s,
            _ => 1.0,
        };
        (lo, hi) = (lo - half, hi + half);
    }
    let pad = margin * (hi - lo);
    (lo, hi) = (lo - pad, hi + pad);
    if log {
        (10f64.powf(lo), 10f64.powf(hi))
    } else {
        (lo, hi)
    }
}

/// Every x value of a panel that its axis should show.
pub fn x_values(panel: &Panel) -> impl Iterator<Item = f64> {
    panel.series.iter().flat_map(|s| match s {
        Series::Line { x, .. } | Series::Points { x, .. } | Series::Steps { x, .. } => x.clone(),
        Series::VLine { x, .. } => vec![*x],
        Series::Field { x, .. } => edges(x, panel.x.scale),
        Series::Beads { x, .. } => x.clone(),
        Series::Tile { x, .. } => x.to_vec(),
        _ => Vec::new(),
    })
}

/// Every y value of a panel that its axis should show, ends of intervals included.
pub fn y_values(panel: &Panel) -> impl Iterator<Item = f64> {
    panel.series.iter().flat_map(|s| match s {
        Series::Line { y, band, .. } | Series::Points { y, error: band, .. } => {
            let mut values = y.clone();
            if let Some(band) = band {
                values.extend(&band.lower);
                values.extend(&band.upper);
            }
            values
        }
        Series::Steps { y, .. } => y.clone(),
        Series::HLine { y, .. } => vec![*y],
        Series::Field { y, .. } => edges(y, panel.y.scale),
        Series::Beads { y, .. } => y.clone(),
        Series::Tile { y, .. } => y.to_vec(),
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn axis(scale: Scale) -> Axis {
        Axis {
            scale,
            first: 0.5,
            last: 200.0,
            start: 300.0,
            end: 20.0,
            numbered: false,
        }
    }

    proptest! {
        #[test]
        fn the_map_is_monotone_and_hits_its_ends(a in 0.5f64..200.0, b in 0.5f64..200.0) {
            prop_assume!((a - b).abs() > 1e-9);
            for scale in [Scale::Linear, Scale::Log] {
                let axis = axis(scale);
                let (pa, pb) = (axis.at(a).unwrap(), axis.at(b).unwrap());
                prop_assert_eq!(a < b, pa > pb);
                prop_assert_eq!(axis.at(axis.first), Some(300.0));
                prop_assert!((axis.at(axis.last).unwrap() - 20.0).abs() < 1e-9);
            }
        }

        #[test]
        fn ranges_hold_their_data(values in prop::collection::vec(-1e6f64..1e6, 0..6)) {
            for scale in [Scale::Linear, Scale::Log] {
                let spec = AxisSpec { scale, ..AxisSpec::default() };
                let (lo, hi) = range(&spec, values.iter().copied(), 0.04);
                prop_assert!(lo < hi && lo.is_finite() && hi.is_finite());
                for v in values.iter().filter(|v| scale == Scale::Linear || **v > 0.0) {
                    prop_assert!(lo <= *v && *v <= hi);
                }
            }
        }
    }

    #[test]
    fn what_has_no_place() {
        assert_eq!(axis(Scale::Linear).at(f64::NAN), None);
        assert_eq!(axis(Scale::Log).at(0.0), None);
        assert_eq!(axis(Scale::Log).at(-1.0), None);
        assert!(axis(Scale::Log).edge(-1.0).unwrap() > 300.0);
    }
}
