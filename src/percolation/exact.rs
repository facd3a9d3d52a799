//! Closed forms at the threshold in two dimensions, and series of the threshold in high dimension.

use crate::error::{Error, Result};
use crate::percolation::Element;
use statrs::function::gamma::gamma;
use std::f64::consts::PI;

/// Largest ratio of the sides of a torus for which [`wrapping`] keeps its accuracy (the sums cancel exponentially beyond).
const MAX_TORUS_RATIO: f64 = 10.0;

/// Probabilities that some cluster winds around a torus, at the threshold, in the limit of large tori.
///
/// `any = all + x_only + y_only`, `x = all + x_only`, `y = all + y_only`; the difference between `all` and `cross` are
/// diagonal windings, along x and y at once but all parallel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wrapping {
    /// Around the torus in either direction.
    pub any: f64,
    /// In both directions: crosses and diagonal windings.
    pub all: f64,
    /// Along x, whatever happens along y.
    pub x: f64,
    /// Along y, whatever happens along x.
    pub y: f64,
    /// Along x but not along y.
    pub x_only: f64,
    /// Along y but not along x.
    pub y_only: f64,
    /// By one cluster in two linearly independent ways; by duality also the probability of no winding at all.
    pub cross: f64,
}

/// Pinson's wrapping probabilities on the torus of sides `L_x` and `L_y = aspect L_x`, at the threshold, `L -> inf`.
///
/// With `r = aspect`, `q = exp(-2 pi r)`, `eta(q) = q^(1/24) prod_n (1 - q^n)`:
/// `Z(g; f) = f sqrt(g/r) / eta^2 sum_{m,n} exp(-pi g f^2 (m^2/r + n^2 r))`,
/// `cross = (Z(8/3; 1) - Z(8/3; 1/2)) / 2 = 1 - any`, and a winding `a` times along x and `b` times along y (coprime) has
/// `P(a,b) = sum_l sqrt(2/(3r)) / eta^2 exp(-(2 pi/3) l^2 (a^2/r + b^2 r)) (cos(2 pi l/3) - (-1)^l)`,
/// so that `x_only = P(1,0)`, `y_only = P(0,1)`. The same for site and bond percolation on every planar lattice (in the metric in
/// which the lattice is isotropic). Accurate to about 1e-13 for `1/10 <= aspect <= 10`.
///
/// Source: H. T. Pinson, J. Stat. Phys. 75, 1167 (1994); Newman and Ziff, cond-mat/0101295.
///
/// # Errors
/// Input error for an aspect outside `[1/10, 10]`.
///
/// ```
/// let square = saddlepoint::percolation::exact::wrapping(1.0).unwrap();
/// assert!((square.any - 0.6904737246).abs() < 1e-10);
/// assert!((square.x - 0.521058290).abs() < 1e-9);
/// ```
pub fn wrapping(aspect: f64) -> Result<Wrapping> {
    if !(1.0 / MAX_TORUS_RATIO..=MAX_TORUS_RATIO).contains(&aspect) {
        return Err(Error::input(
            "aspect",
            format!("no accurate wrapping probabilities at aspect {aspect}"),
            format!("use an aspect between 1/{MAX_TORUS_RATIO} and {MAX_TORUS_RATIO}"),
        ));
    }
    if aspect < 1.0 {
        let turned = wrapping(1.0 / aspect)?;
        return Ok(Wrapping {
            x: turned.y,
            y: turned.x,
            x_only: turned.y_only,
            y_only: turned.x_only,
            ..turned
        });
    }
    let eta_squared = (-PI * aspect / 6.0).exp()
        * (1..40)
            .map(|n| (1.0 - (-2.0 * PI * aspect * f64::from(n)).exp()).powi(2))
            .product::<f64>();
    let weight = (2.0 / (3.0 * aspect)).sqrt() / eta_squared;
    let theta = |g: f64| gauss_sum(g / aspect) * gauss_sum(g * aspect);
    let cross = weight * (theta(8.0 / 3.0) - 0.5 * theta(2.0 / 3.0));
    let winding = |length_squared: f64| weight * single_windings(length_squared);
    let any = 1.0 - cross;
    let (x_only, y_only) = (winding(1.0 / aspect), winding(aspect));
    Ok(Wrapping {
        any,
        all: any - x_only - y_only,
        x: any - y_only,
        y: any - x_only,
        x_only,
        y_only,
        cross,
    })
}

/// The same on the rhombus of 60 degrees with equal sides: the tori of `L x L` cells of the triangular, honeycomb and kagome lattices.
///
/// With the modulus `tau = exp(i pi/3)` of the torus in place of `i r` in [`wrapping`]: lengths are `|a + b tau|^2 / Im tau`, and `eta` is taken at
/// `exp(2 pi i tau) = -exp(-pi sqrt(3))`. Directions are those of the two primitive vectors.
///
/// ```
/// let rhombus = saddlepoint::percolation::exact::wrapping_rhombus().unwrap();
/// assert!((rhombus.any - 0.6839465873).abs() < 1e-10);
/// ```
///
/// # Errors
/// None: the same form as [`wrapping`].
pub fn wrapping_rhombus() -> Result<Wrapping> {
    let height = 3f64.sqrt() / 2.0;
    let eta_squared = (-PI * height / 6.0).exp()
        * (1..40)
            .map(|n| {
                let sign = if n % 2 == 0 { 1.0 } else { -1.0 };
                (1.0 - sign * (-2.0 * PI * height * f64::from(n)).exp()).powi(2)
            })
            .product::<f64>();
    let weight = (2.0 / (3.0 * height)).sqrt() / eta_squared;
    let length = |a: i32, b: i32| f64::from(a * a + a * b + b * b) / height;
    let theta = |g: f64| -> f64 {
        let row = |a: i32| (-12..=12).map(move |b| (-PI * g * length(a, b)).exp());
        (-12..=12).flat_map(row).sum()
    };
    let cross = weight * (theta(8.0 / 3.0) - 0.5 * theta(2.0 / 3.0));
    let any = 1.0 - cross;
    let one = weight * single_windings(length(1, 0));
    Ok(Wrapping {
        any,
        all: any - 2.0 * one,
        x: any - one,
        y: any - one,
        x_only: one,
        y_only: one,
        cross,
    })
}

/// `sum_(l != 0) exp(-(2 pi/3) l^2 length) (cos(2 pi l/3) - (-1)^l)`
fn single_windings(length_squared: f64) -> f64 {
    (1..60)
        .map(|l| {
            let l = f64::from(l);
            let phase = (2.0 * PI * l / 3.0).cos() - (PI * l).cos();
            2.0 * phase * (-2.0 * PI / 3.0 * l * l * length_squared).exp()
        })
        .sum()
}

/// `sum_n exp(-pi g n^2)` over all integers, `g > 0.03`.
fn gauss_sum(g: f64) -> f64 {
    1.0 + 2.0
        * (1..30)
            .map(|n| (-PI * g * f64::from(n * n)).exp())
            .sum::<f64>()
}

/// Cardy's probability that an open rectangle is crossed at the threshold, in the limit of large rectangles.
///
/// `aspect` = distance between the two connected sides / their length. With the nome `q = exp(-pi aspect)`,
/// `zeta = (theta_2(q)/theta_3(q))^4`,
/// `P = 3 Gamma(2/3)/Gamma(1/3)^2 zeta^(1/3) 2F1(1/3, 2/3; 4/3; zeta)`; `P(aspect) + P(1/aspect) = 1`. Site and bond percolation on
/// every planar lattice alike. Accurate to 1e-14.
///
/// Source: J. L. Cardy, J. Phys. A 25, L201 (1992), hep-th/9111026.
///
/// # Errors
/// Input error unless `aspect > 0`.
///
/// ```
/// let across = saddlepoint::percolation::exact::cardy(2.0).unwrap();
/// assert!((across - 0.1756468938).abs() < 1e-10);
/// ```
pub fn cardy(aspect: f64) -> Result<f64> {
    if !(aspect > 0.0 && aspect.is_finite()) {
        return Err(Error::input(
            "aspect",
            format!("a rectangle has no aspect {aspect}"),
            "give a positive ratio of its sides",
        ));
    }
    if aspect < 1.0 {
        return Ok(1.0 - cardy(1.0 / aspect)?);
    }
    let nome = (-PI * aspect).exp();
    let (mut two, mut three) = (1.0, 0.5); // theta_2 / (2 q^(1/4)), theta_3 / 2
    for n in 1..8 {
        two += nome.powi(n * (n + 1));
        three += nome.powi(n * n);
    }
    let zeta = nome * f64::powi(two / three, 4);
    let prefactor = 3.0 * gamma(2.0 / 3.0) / gamma(1.0 / 3.0).powi(2);
    Ok(prefactor * zeta.cbrt() * hypergeometric(1.0 / 3.0, 2.0 / 3.0, 4.0 / 3.0, zeta))
}

/// `2F1(a, b; c; x)` by its series, for `|x| <= 1/2`.
fn hypergeometric(a: f64, b: f64, c: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 0..60 {
        let n = f64::from(n);
        term *= (a + n) * (b + n) / ((c + n) * (n + 1.0)) * x;
        sum += term;
    }
    sum
}

/// Coefficients of `t, t^2, ..., t^6` in the series of the threshold, `t = 1/(2d - 1)`.
const SITE_SERIES: [f64; 6] = [1.0, 1.5, 3.75, 20.75, 6577.0 / 48.0, 119_077.0 / 96.0];
const BOND_SERIES: [f64; 6] = [1.0, 0.0, 2.5, 7.5, 57.0, 4855.0 / 12.0];

/// Threshold of the hypercubic lattice in dimension `d`, from its series about infinite dimension, with the size of the last term.
///
/// `t = 1/(2d - 1)`; bond: `t + (5/2) t^3 + (15/2) t^4 + 57 t^5 + (4855/12) t^6`;
/// site: `t + (3/2) t^2 + (15/4) t^3 + (83/4) t^4 + (6577/48) t^5 + (119077/96) t^6`. Asymptotic: the last term is the scale of the error,
/// below 1e-5 from d = 13 on; use tables for d < 8.
///
/// Source: D. S. Gaunt, M. F. Sykes, H. Ruskin, J. Phys. A 9, 1899 (1976); D. S. Gaunt, H. Ruskin, J. Phys. A 11, 1369 (1978); last
/// terms S. Mertens, C. Moore, arXiv:1805.02701 (2018).
///
/// ```
/// use saddlepoint::percolation::{Element, exact::high_dimension_threshold};
/// let (bond, last) = high_dimension_threshold(Element::Bond, 13);
/// assert!((bond - 0.04018761703).abs() < last);
/// ```
pub fn high_dimension_threshold(element: Element, dimension: usize) -> (f64, f64) {
    threshold_series(element, dimension, SERIES_TERMS)
}

/// Terms of [`threshold_series`] that are known.
pub const SERIES_TERMS: usize = 6;

/// The same with the first `terms` powers of `t` alone (at most all that are known); one of them, `1/(2d - 1)`, is the Bethe lattice of `2d`
/// neighbours.
pub fn threshold_series(element: Element, dimension: usize, terms: usize) -> (f64, f64) {
    let t = 1.0 / (2.0 * dimension as f64 - 1.0);
    let series = match element {
        Element::Site => &SITE_SERIES,
        Element::Bond => &BOND_SERIES,
    };
    let terms = terms.clamp(1, SERIES_TERMS);
    let kept = series[..terms].iter().rev();
    let sum = kept.fold(0.0, |sum, c| t * (c + sum));
    (sum, series[terms - 1] * t.powi(terms as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No winding, a cross, or windings parallel to one of the primitive vectors of the torus: nothing else happens.
    #[test]
    fn the_windings_of_the_rhombus_exhaust_all_cases() {
        let rhombus = wrapping_rhombus().unwrap();
        let height = 3f64.sqrt() / 2.0;
        let weight = rhombus.x_only / single_windings(1.0 / height);
        let gcd = |mut a: i32, mut b: i32| {
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a.abs()
        };
        let mut total = 2.0 * rhombus.cross;
        for a in 0..=20i32 {
            for b in -20..=20i32 {
                let half = a > 0 || b > 0;
                if half && gcd(a, b) == 1 {
                    total += weight * single_windings(f64::from(a * a + a * b + b * b) / height);
                }
            }
        }
        assert!((total - 1.0).abs() < 1e-12, "{total}");
    }
    use crate::percolation::thresholds;

    #[test]
    fn the_square_torus_has_pinsons_numbers() {
        let w = wrapping(1.0).unwrap();
        for (value, reference) in [
            (w.cross, 0.309_526_275_429_831_3),
            (w.x_only, 0.169_415_435_321_346_9),
            (w.all, 0.351_642_853_927_474_9),
            (w.x, 0.521_058_289_248_821_8),
        ] {
            assert!((value - reference).abs() < 1e-14, "{value} {reference}");
        }
        assert_eq!(w.x, w.y);
    }

    /// All windings, the cross and its dual are everything that can happen; reference digits of the 2:1 torus at 30 digits.
    #[test]
    fn windings_exhaust_the_torus_of_any_aspect() {
        for aspect in [0.3, 1.0, 2.0, 7.0] {
            let w = wrapping(aspect).unwrap();
            assert!(w.cross > 0.0 && w.x_only > 0.0 && w.all > w.cross);
            assert!((w.all + w.x_only + w.y_only + w.cross - 1.0).abs() < 1e-12);
            let turned = wrapping(1.0 / aspect).unwrap();
            assert!((w.x - turned.y).abs() < 1e-12 && (w.all - turned.all).abs() < 1e-12);
        }
        let long = wrapping(2.0).unwrap();
        assert!(
            (long.cross - 0.226_871_557_881_910_9).abs() < 1e-13,
            "{}",
            long.cross
        );
        assert!(
            (long.x_only - 0.503_035_897_694_639).abs() < 1e-13,
            "{}",
            long.x_only
        );
        assert!(wrapping(11.0).is_err() && wrapping(f64::NAN).is_err());
    }

    #[test]
    fn cardy_has_the_reference_digits() {
        assert!((cardy(1.0).unwrap() - 0.5).abs() < 1e-14);
        assert!((cardy(2.0).unwrap() - 0.175_646_893_800_655_24).abs() < 1e-14);
        assert!((cardy(0.5).unwrap() - 0.824_353_106_199_344_8).abs() < 1e-14);
        // Long rectangles: P ~ prefactor * (16 nome)^(1/3), decay constant pi/3.
        let ratio = cardy(9.0).unwrap() / cardy(8.0).unwrap();
        assert!((ratio.ln() + PI / 3.0).abs() < 1e-9);
        assert!(cardy(0.0).is_err() && cardy(f64::NAN).is_err());
    }

    /// The modulus in Cardy's formula is the one of `K(1-k^2)/K(k^2) = 2 aspect`, `zeta = 1 - ((1-k)/(1+k))^2`, with K by the AGM.
    #[test]
    fn cardys_modulus_solves_the_elliptic_equation() {
        let agm = |mut a: f64, mut b: f64| {
            for _ in 0..40 {
                (a, b) = (0.5 * (a + b), (a * b).sqrt());
            }
            a
        };
        for aspect in [1.0, 1.4, 2.0] {
            // K'/K = agm(1, k')/agm(1, k)
            let k = crate::numerics::root::brent(
                |k| agm(1.0, (1.0 - k * k).sqrt()) / agm(1.0, k) - 2.0 * aspect,
                1e-9,
                0.9,
                1e-15,
            )
            .unwrap()
            .x;
            let zeta = 4.0 * k / (1.0 + k).powi(2);
            let by_elliptic = 3.0 * gamma(2.0 / 3.0) / gamma(1.0 / 3.0).powi(2)
                * zeta.cbrt()
                * hypergeometric(1.0 / 3.0, 2.0 / 3.0, 4.0 / 3.0, zeta);
            assert!((by_elliptic - cardy(aspect).unwrap()).abs() < 1e-13);
        }
    }

    /// In d = 13 each term covers most of what the terms before it leave to the measured threshold (1 to 1.6 times the term).
    #[test]
    fn the_series_meets_the_measured_thresholds() {
        let t: f64 = 1.0 / 25.0;
        for (element, series) in [(Element::Site, SITE_SERIES), (Element::Bond, BOND_SERIES)] {
            let measured = thresholds::threshold("hypercubic", 13, element)
                .unwrap()
                .value;
            let mut left = measured;
            for (k, c) in series.iter().enumerate() {
                let term = c * t.powi(k as i32 + 1);
                let ratio = left / term;
                assert!(*c == 0.0 || ratio > 1.0, "{element:?} term {k}: {ratio}");
                left -= term;
            }
            let (sum, last) = high_dimension_threshold(element, 13);
            assert!((measured - left - sum).abs() < 1e-16 && left < last);
        }
    }
}
