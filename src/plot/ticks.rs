//! Where the ticks of an axis stand and what is written at them.

use super::figure::Scale;

/// Ticks of one axis, in increasing order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ticks {
    /// Values with a label.
    pub major: Vec<f64>,
    /// One label per major tick.
    pub labels: Vec<String>,
    /// Values without a label (logarithmic axes).
    pub minor: Vec<f64>,
}

/// At most `most` labelled ticks inside `[first, last]`, at least 3 when `most >= 8`.
///
/// Linear axes: multiples of 1, 2 or 5 (2.5 when these give fewer than 3) times a power of ten. Logarithmic axes (`first > 0`):
/// powers of ten (every k-th, with minor ticks between) when three or more fit, else 1-2-5, 1-3 or 1-2-...-9 per decade, and
/// linear ticks where less than a factor of two is shown. The ends must differ by more than 1e-9 of their size.
///
/// ```
/// use saddlepoint::plot::{Scale, ticks};
/// assert_eq!(ticks(Scale::Linear, 0.0, 1.0, 8).labels, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
/// assert_eq!(ticks(Scale::Log, 1e-2, 1.0, 8).labels, ["10⁻²", "10⁻¹", "10⁰"]);
/// assert_eq!(ticks(Scale::Log, 1.0, 6.0, 8).labels, ["1", "2", "5"]);
/// ```
pub fn ticks(scale: Scale, first: f64, last: f64, most: usize) -> Ticks {
    match scale {
        Scale::Linear => linear(first, last, most),
        Scale::Log => logarithmic(first, last, most),
    }
}

/// The most ticks whose labels keep apart: `position` maps values to points, `extent` gives the length of a label along the
/// axis, `gap` is kept free between labels.
pub(super) fn fitting(
    scale: Scale,
    (first, last): (f64, f64),
    most: usize,
    position: impl Fn(f64) -> f64,
    extent: impl Fn(&str) -> f64,
    gap: f64,
) -> Ticks {
    let apart = |ticks: &Ticks| {
        let half: Vec<f64> = ticks.labels.iter().map(|l| extent(l) / 2.0).collect();
        let place: Vec<f64> = ticks.major.iter().map(|v| position(*v)).collect();
        (1..place.len()).all(|i| (place[i] - place[i - 1]).abs() >= half[i] + half[i - 1] + gap)
    };
    (1..=most)
        .rev()
        .map(|n| ticks(scale, first, last, n))
        .find(apart)
        .unwrap_or_default()
}

/// A step `digit * 10^power`.
#[derive(Clone, Copy)]
struct Step {
    digit: i64,
    power: i32,
}

impl Step {
    fn times(self, n: i64) -> f64 {
        let m = (n * self.digit) as f64;
        if self.power >= 0 {
            m * 10f64.powi(self.power)
        } else {
            m / 10f64.powi(-self.power)
        }
    }

    fn multiples(self, first: f64, last: f64) -> Vec<f64> {
        let size = self.times(1);
        let (from, to) = (first / size, last / size);
        if !(from.abs() < 1e15 && to.abs() < 1e15 && to - from < 1e4) {
            return Vec::new();
        }
        (from.floor() as i64 - 1..=to.ceil() as i64 + 1)
            .map(|n| self.times(n))
            .filter(|v| *v >= first && *v <= last)
            .collect()
    }
}

fn linear(first: f64, last: f64, most: usize) -> Ticks {
    let most = most.max(1);
    let power = ((last - first) / most as f64).log10().floor();
    if !power.is_finite() {
        return Ticks::default();
    }
    let power = power as i32;
    let finest = |digits: &[(i64, i32)]| {
        (power..=power + 2)
            .flat_map(|p| digits.iter().map(move |(d, shift)| (*d, p + shift)))
            .map(|(digit, power)| Step { digit, power })
            .map(|step| (step, step.multiples(first, last)))
            .find(|(_, values)| !values.is_empty() && values.len() <= most)
    };
    let Some((mut step, mut values)) = finest(&[(1, 0), (2, 0), (5, 0)]) else {
        return Ticks::default();
    };
    if values.len() < 3
        && let Some((s, v)) = finest(&[(25, -1)])
        && v.len() > values.len()
    {
        (step, values) = (s, v);
    }
    Ticks {
        labels: linear_labels(&values, step.power),
        major: values,
        minor: Vec::new(),
    }
}

/// Labels with the decimals that a resolution of `10^power` needs; a common power of ten for very large or small numbers.
fn linear_labels(values: &[f64], power: i32) -> Vec<String> {
    let largest = values.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
    if largest == 0.0 || (1e-3..1e5).contains(&largest) {
        return values.iter().map(|v| fixed(*v, -power)).collect();
    }
    let common = largest.log10().floor() as i32;
    let label = |v: &f64| match *v {
        0.0 => "0".to_string(),
        v => {
            let mantissa = fixed(v / 10f64.powi(common), common - power);
            format!("{mantissa}×10{}", superscript(common))
        }
    };
    values.iter().map(label).collect()
}

fn fixed(value: f64, decimals: i32) -> String {
    let text = format!("{:.*}", decimals.max(0) as usize, value + 0.0);
    text.replace('-', "−")
}

/// `n` in raised digits.
///
/// ```
/// assert_eq!(saddlepoint::plot::superscript(-12), "⁻¹²");
/// ```
pub fn superscript(n: i32) -> String {
    n.to_string()
        .chars()
        .map(|c| match c.to_digit(10) {
            Some(d) => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][d as usize],
            None => '⁻',
        })
        .collect()
}

fn power_of_ten(n: i32) -> f64 {
    // Division keeps negative powers correctly rounded.
    if n >= 0 {
        10f64.powi(n)
    } else {
        1.0 / 10f64.powi(-n)
    }
}

fn logarithmic(first: f64, last: f64, most: usize) -> Ticks {
    let decades = (
        first.log10().floor() as i32 - 1,
        last.log10().ceil() as i32 + 1,
    );
    let inside = |v: &f64| *v >= first && *v <= last;
    let mantissas = |digits: &[i64]| -> Vec<(i64, i32)> {
        (decades.0..=decades.1)
            .flat_map(|p| digits.iter().map(move |d| (*d, p)))
            .filter(|(d, p)| inside(&(*d as f64 * power_of_ten(*p))))
            .collect()
    };
    let powers: Vec<i32> = mantissas(&[1]).into_iter().map(|(_, p)| p).collect();
    let all = mantissas(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let value = |(d, p): &(i64, i32)| *d as f64 * power_of_ten(*p);

    let stride = (1..=powers.len().max(1) as i32)
        .find(|k| powers.iter().filter(|p| p.rem_euclid(*k) == 0).count() <= most)
        .unwrap_or(1);
    let kept: Vec<i32> = powers
        .into_iter()
        .filter(|p| p.rem_euclid(stride) == 0)
        .collect();
    let by_decades = Ticks {
        major: kept.iter().map(|p| power_of_ten(*p)).collect(),
        labels: kept
            .iter()
            .map(|p| format!("10{}", superscript(*p)))
            .collect(),
        minor: match stride {
            1 => all.iter().filter(|(d, _)| *d > 1).map(value).collect(),
            _ => mantissas(&[1])
                .into_iter()
                .filter(|(_, p)| p.rem_euclid(stride) != 0)
                .map(|m| value(&m))
                .collect(),
        },
    };
    let by_mantissas = |digits: &[i64]| {
        let kept = mantissas(digits);
        Ticks {
            major: kept.iter().map(value).collect(),
            labels: mantissa_labels(&kept),
            minor: all
                .iter()
                .filter(|m| !kept.contains(m))
                .map(value)
                .collect(),
        }
    };
    let candidates = [
        by_decades,
        by_mantissas(&[1, 2, 5]),
        by_mantissas(&[1, 3]),
        by_mantissas(&[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        linear(first, last, most),
    ];
    let allowed = |t: &&Ticks| t.major.len() <= most;
    let best = candidates
        .iter()
        .filter(allowed)
        .find(|t| t.major.len() >= 3);
    best.or_else(|| {
        candidates
            .iter()
            .filter(allowed)
            .rev()
            .max_by_key(|t| t.major.len())
    })
    .cloned()
    .unwrap_or_default()
}

fn mantissa_labels(kept: &[(i64, i32)]) -> Vec<String> {
    let plain = kept.iter().all(|(_, p)| (-3..5).contains(p));
    let label = |(d, p): &(i64, i32)| match (plain, d) {
        (true, _) => fixed(*d as f64 * power_of_ten(*p), -p),
        (false, 1) => format!("10{}", superscript(*p)),
        (false, _) => format!("{d}×10{}", superscript(*p)),
    };
    kept.iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lawful(t: &Ticks, first: f64, last: f64, most: usize) {
        assert!((3..=most).contains(&t.major.len()), "{first} {last} {t:?}");
        assert_eq!(t.labels.len(), t.major.len());
        for v in t.major.iter().chain(&t.minor) {
            assert!(*v >= first && *v <= last, "{v} outside {first} {last}");
        }
        assert!(t.major.windows(2).all(|w| w[0] < w[1]), "{t:?}");
        assert!(t.minor.windows(2).all(|w| w[0] < w[1]), "{t:?}");
        let distinct: std::collections::HashSet<_> = t.labels.iter().collect();
        assert_eq!(distinct.len(), t.labels.len(), "{t:?}");
    }

    /// Number behind a label.
    fn read(label: &str) -> f64 {
        let raised = "⁰¹²³⁴⁵⁶⁷⁸⁹";
        let (mantissa, power) = match label.split_once("×10") {
            Some((m, p)) => (m, p.to_string()),
            None if label.ends_with(|c| raised.contains(c)) => ("1", label[2..].to_string()),
            None => (label, String::new()),
        };
        let power: String = power
            .chars()
            .map(|c| match raised.chars().position(|r| r == c) {
                Some(d) => char::from_digit(d as u32, 10).unwrap(),
                None => '-',
            })
            .collect();
        let power: i32 = if power.is_empty() {
            0
        } else {
            power.parse().unwrap()
        };
        mantissa.replace('−', "-").parse::<f64>().unwrap() * power_of_ten(power)
    }

    proptest! {
        #[test]
        fn linear_law(center in -1e3f64..1e3, unit in -12i32..12, width in -4f64..4.0, most in 8usize..11) {
            let (c, w) = (center * 10f64.powi(unit), 10f64.powf(width) * 10f64.powi(unit));
            let t = ticks(Scale::Linear, c - w, c + w, most);
            lawful(&t, c - w, c + w, most);
            for (label, v) in t.labels.iter().zip(&t.major) {
                prop_assert!((read(label) - v).abs() <= 1e-6 * w, "{label} {v}");
            }
        }

        #[test]
        fn logarithmic_law(start in -30f64..30.0, decades in 0.001f64..60.0, most in 8usize..11) {
            let (first, last) = (10f64.powf(start), 10f64.powf(start + decades));
            let t = ticks(Scale::Log, first, last, most);
            lawful(&t, first, last, most);
            for (label, v) in t.labels.iter().zip(&t.major) {
                prop_assert!((read(label) / v - 1.0).abs() <= 1e-9, "{label} {v}");
            }
        }
    }

    #[test]
    fn exact_values() {
        let t = ticks(Scale::Linear, 0.0, 0.3, 4);
        assert_eq!(t.major, [0.0, 0.1, 0.2, 0.3]);
        let t = ticks(Scale::Linear, -2e5, 2e5, 5);
        assert_eq!(t.labels, ["−2×10⁵", "−1×10⁵", "0", "1×10⁵", "2×10⁵"]);
        let t = ticks(Scale::Linear, -3.3, 3.3, 5);
        assert_eq!(t.labels, ["−2", "0", "2"]);
        let t = ticks(Scale::Log, 1e-9, 1.0, 6);
        assert_eq!(t.labels, ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
        assert_eq!(t.minor.len(), 5);
    }
}
