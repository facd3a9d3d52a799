//! Activations: the pointwise nonlinearity of a network and its slope.

use crate::error::{Error, Result};
use crate::numerics::elementary;
use crate::numerics::real::Real;
use crate::numerics::simd::sweep;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

/// Density of the standard normal at 0, `1/sqrt(2 pi)`.
const NORMAL_PEAK: f64 = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

/// Most coefficients of a Hermite series.
const MOST_COEFFICIENTS: usize = 64;

/// Pointwise nonlinearity `phi` of the hidden layers, of networks of finite width and of infinitely wide ones.
///
/// | name | `phi(z)` | `phi'(z)` | dual activation |
/// |---|---|---|---|
/// | `linear` | `z` | `1` | `F = c` |
/// | `tanh` | `tanh z` | `1 - tanh^2 z` | `F = (2/pi) sum_ij w_i w_j asin r_ij`, to 1e-13 |
/// | `erf` | `erf(z / sqrt 2)` | `sqrt(2/pi) exp(-z^2/2)` | `F = (2/pi) asin(c / sqrt((1+a)(1+b)))` |
/// | `unscaled-erf` | `erf(z)` | `(2/sqrt pi) exp(-z^2)` | `F = (2/pi) asin(2c / sqrt((1+2a)(1+2b)))` |
/// | `relu` | `max(z, 0)` | `1` for `z > 0`, else `0` | `F = sqrt(ab) (sin t + (pi - t) cos t)/(2 pi)` |
/// | `gelu` | `z Phi(z)` | `Phi(z) + z Phi'(z)` | `F = c G + H (ab + c^2 (1/(1+a) + 1/(1+b) - 1))` |
/// | `quadratic` | `z^2` (without a factor 1/2) | `2 z` | `F = ab + 2c^2` |
/// | `hermite` | `sum_k c_k he_k(z)` | `sum_k sqrt(k) c_k he_{k-1}(z)` | `F = sum_k c_k(a) c_k(b) (c/sqrt(ab))^k` |
///
/// The dual activation is `F = E[phi(u) phi(v)]` for Gaussian `u`, `v` of variances `a`, `b` and covariance `c`, see
/// [`Activation::dual`]. In it `cos t = c/sqrt(ab)`, `G = 1/4 + asin(c/sqrt((1+a)(1+b)))/(2 pi)`,
/// `H = 1/(2 pi sqrt((1+a)(1+b) - c^2))`, and `w_i` are the weights of tanh as a mixture of error functions. `Phi` is the
/// normal distribution function, exact and not its tanh form. The slope of `relu` at 0 is 0.
///
/// Papers differ in their error function: online learning after Saad and Solla takes `erf(z/sqrt 2)`, Gaussian processes
/// after Williams take `erf(z)`. A Hermite series has the orthonormal probabilists' polynomials `he_k = He_k/sqrt(k!)`,
/// `E[he_j(z) he_k(z)] = delta_jk` for a standard normal `z`; a spec writes it `{ hermite = [c_0, c_1, ...] }`.
///
/// ```
/// use saddlepoint::kernel::Activation;
/// assert!((Activation::Erf.value(1.0f64) - 0.682689492137).abs() < 1e-12); // weight of one standard deviation
/// assert!((Activation::UnscaledErf.value(1.0f64) - 0.842700792950).abs() < 1e-12);
/// assert_eq!(Activation::Quadratic.slope(3.0), 6.0);
/// let square = Activation::Hermite(vec![1.0, 0.0, 2f64.sqrt()]);           // z^2 = he_0 + sqrt(2) he_2
/// assert!((square.value(3.0f64) - 9.0).abs() < 1e-14 && (square.slope(3.0f64) - 6.0).abs() < 1e-14);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `z`
    #[default]
    Linear,
    /// `tanh z`; its dual activation is a sum of arcsines, to 1e-13 at every variance.
    Tanh,
    /// `erf(z / sqrt 2)`
    Erf,
    /// `erf(z)`
    UnscaledErf,
    /// `max(z, 0)`, slope 0 at 0.
    Relu,
    /// `z Phi(z)` with the normal distribution function, exact.
    Gelu,
    /// `z^2`
    Quadratic,
    /// The coefficients `c_0, c_1, ...` of a fixed polynomial in the basis that is orthonormal at variance 1; `c_k(q)`
    /// at other variances follow from it.
    Hermite(Vec<f64>),
}

impl Activation {
    /// Every activation without coefficients, in the order of the table above.
    pub const ALL: [Activation; 7] = [
        Activation::Linear,
        Activation::Tanh,
        Activation::Erf,
        Activation::UnscaledErf,
        Activation::Relu,
        Activation::Gelu,
        Activation::Quadratic,
    ];

    /// Checks the coefficients of a Hermite series; `place` is the key path for messages.
    ///
    /// # Errors
    /// No coefficient, more than 64 of them, or one that is not finite.
    pub fn check(&self, place: &str) -> Result<()> {
        if let Activation::Hermite(c) = self {
            let good = !c.is_empty() && c.len() <= MOST_COEFFICIENTS;
            if !(good && c.iter().all(|c| c.is_finite())) {
                return Err(Error::input(
                    place,
                    format!("{} Hermite coefficients, or one is not finite", c.len()),
                    "give between 1 and 64 finite coefficients",
                ));
            }
        }
        Ok(())
    }

    /// True where `|phi(z)|` grows faster than `|z|`: `E exp(c phi(z)^2)` under a Gaussian is then infinite for every `c > 0`.
    pub fn grows_faster_than_linear(&self) -> bool {
        match self {
            Activation::Quadratic => true,
            Activation::Hermite(c) => c.iter().skip(2).any(|&c| c != 0.0),
            _ => false,
        }
    }

    /// True for `phi(z) = z`.
    pub fn is_linear(&self) -> bool {
        *self == Activation::Linear
    }

    /// `phi(x)`.
    pub fn value<T: Real>(&self, x: T) -> T {
        self.value_and_slope(x).0
    }

    /// `phi'(x)`.
    pub fn slope<T: Real>(&self, x: T) -> T {
        self.value_and_slope(x).1
    }

    /// Overwrites preactivations by `phi(h)` and writes `phi'(h)` to `slope` (same length; untouched by `linear`).
    pub fn apply<T: Real>(&self, h: &mut [T], slope: &mut [T]) {
        // One loop per variant: the branch stands outside, and the loops are vectorised. Only a closure that is inlined keeps its
        // promise in every profile.
        macro_rules! each {
            ($of:expr) => {
                sweep(
                    h,
                    slope,
                    #[inline(always)]
                    |x| $of(x),
                )
            };
        }
        match self {
            Activation::Linear => {}
            Activation::Tanh => each!(tanh),
            Activation::Erf => each!(erf),
            Activation::UnscaledErf => each!(unscaled_erf),
            Activation::Relu => each!(relu),
            Activation::Gelu => each!(gelu),
            Activation::Quadratic => each!(quadratic),
            Activation::Hermite(c) => each!(|x| hermite(c, x)),
        }
    }

    fn value_and_slope<T: Real>(&self, x: T) -> (T, T) {
        match self {
            Activation::Linear => (x, T::one()),
            Activation::Tanh => tanh(x),
            Activation::Erf => erf(x),
            Activation::UnscaledErf => unscaled_erf(x),
            Activation::Relu => relu(x),
            Activation::Gelu => gelu(x),
            Activation::Quadratic => quadratic(x),
            Activation::Hermite(c) => hermite(c, x),
        }
    }
}

#[inline(always)]
fn tanh<T: Real>(x: T) -> (T, T) {
    let value = elementary::tanh(x.f64());
    (T::of(value), T::of(1.0 - value * value))
}

#[inline(always)]
fn erf<T: Real>(x: T) -> (T, T) {
    let (weight, gauss) = elementary::normal_weight(x.f64());
    (T::of(weight), T::of(2.0 * NORMAL_PEAK * gauss))
}

/// `erf z` is the weight of the standard normal within `sqrt(2) z` of its mean.
#[inline(always)]
fn unscaled_erf<T: Real>(x: T) -> (T, T) {
    let (weight, gauss) = elementary::normal_weight(SQRT_2 * x.f64());
    (T::of(weight), T::of(FRAC_2_SQRT_PI * gauss))
}

#[inline(always)]
fn relu<T: Real>(x: T) -> (T, T) {
    let on = if x > T::zero() { T::one() } else { T::zero() };
    // A product, so that not-a-number stays visible.
    (x * on, on)
}

#[inline(always)]
fn gelu<T: Real>(x: T) -> (T, T) {
    let (below, density) = x.normal();
    (x * below, below + x * density)
}

#[inline(always)]
fn quadratic<T: Real>(x: T) -> (T, T) {
    (x * x, x + x)
}

/// By the recursion `sqrt(k+1) he_{k+1} = z he_k - sqrt(k) he_{k-1}`, and `he_k' = sqrt(k) he_{k-1}`.
#[inline(always)]
fn hermite<T: Real>(c: &[f64], x: T) -> (T, T) {
    let z = x.f64();
    let (mut before, mut now) = (0.0, 1.0);
    let (mut value, mut slope) = (0.0, 0.0);
    for (k, c) in c.iter().enumerate() {
        let (k, root) = (k as f64, (k as f64).sqrt());
        value += c * now;
        slope += c * root * before;
        (before, now) = (now, (z * now - root * before) / (k + 1.0).sqrt());
    }
    (T::of(value), T::of(slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_hermite() -> Vec<Activation> {
        let mut all = Activation::ALL.to_vec();
        all.push(Activation::Hermite(vec![0.3, 1.0, -0.4, 0.2, 0.1]));
        all
    }

    #[test]
    fn values_match_published_digits() {
        // Abramowitz and Stegun, tables 4.15, 7.1 and 26.1.
        assert!((Activation::Tanh.value(1.0f64) - 0.761594155955765).abs() < 1e-15);
        assert!((Activation::Erf.value(2f64.sqrt()) - 0.842700792949715).abs() < 1e-15);
        assert!((Activation::UnscaledErf.value(1.0f64) - 0.842700792949715).abs() < 1e-15);
        assert!((Activation::UnscaledErf.slope(1.0f64) - 0.415107497420595).abs() < 1e-15);
        assert!((Activation::Gelu.value(1.0f64) - 0.841344746068543).abs() < 1e-15);
        assert!(
            (Activation::Gelu.value(-5.0f64) / (-5.0 * 2.866515718791946e-7) - 1.0).abs() < 1e-12
        );
        assert_eq!(Activation::Relu.value(-2.0), 0.0);
        assert_eq!(Activation::Relu.slope(0.0), 0.0);
        assert_eq!(Activation::Quadratic.value(-3.0), 9.0);
    }

    /// `He_2 = z^2 - 1`, `He_3 = z^3 - 3z`, `He_4 = z^4 - 6z^2 + 3`, divided by the roots of 2, 6 and 24.
    #[test]
    fn hermite_series_are_polynomials() {
        for z in [-2.3f64, 0.0, 0.7, 4.0] {
            let monomials = [
                (z * z - 1.0) / 2f64.sqrt(),
                (z.powi(3) - 3.0 * z) / 6f64.sqrt(),
                (z.powi(4) - 6.0 * z * z + 3.0) / 24f64.sqrt(),
            ];
            for (k, exact) in monomials.iter().enumerate() {
                let mut c = vec![0.0; k + 3];
                c[k + 2] = 1.0;
                let value = Activation::Hermite(c).value(z);
                assert!((value - exact).abs() < 1e-14 * (1.0 + exact.abs()));
            }
        }
        for bad in [vec![], vec![0.0; 65], vec![1.0, f64::NAN]] {
            let message = Activation::Hermite(bad)
                .check("learner.activation")
                .unwrap_err();
            assert!(message.to_string().starts_with("learner.activation: "));
        }
    }

    #[test]
    fn slopes_are_the_derivatives() {
        for phi in with_hermite() {
            for x in [-6.0, -1.3, -0.2, 0.4, 1.0, 3.7] {
                let d = 1e-3;
                let f = |x: f64| phi.value(x);
                let difference =
                    (8.0 * (f(x + d) - f(x - d)) - f(x + 2.0 * d) + f(x - 2.0 * d)) / (12.0 * d);
                assert!((difference - phi.slope(x)).abs() < 1e-10, "{phi:?} at {x}");
            }
        }
    }

    /// `E[phi(u) phi(v)]` and `E[phi'(u) phi'(v)]` of the pointwise function are its dual activation: one convention in
    /// networks and kernels. The kink of ReLU spoils the trapezoid rule.
    #[test]
    fn duals_are_averages_of_the_pointwise_function() {
        let (a, b, r) = (0.8, 1.5, 0.6);
        for phi in with_hermite() {
            if phi == Activation::Relu {
                continue;
            }
            let (mut value, mut slope) = (0.0, 0.0);
            let h = 0.1;
            for (i, j) in (-80..=80).flat_map(|i| (-80..=80).map(move |j| (i, j))) {
                let (x, z) = (i as f64 * h, j as f64 * h);
                let weight = (-0.5 * (x * x + z * z)).exp() * h * h / std::f64::consts::TAU;
                let u = f64::sqrt(a) * x;
                let v = f64::sqrt(b) * (r * x + f64::sqrt(1.0 - r * r) * z);
                value += weight * phi.value(u) * phi.value(v);
                slope += weight * phi.slope(u) * phi.slope(v);
            }
            let dual = phi.dual(a, b, r * f64::sqrt(a * b)).unwrap();
            assert!((dual.value - value).abs() < 1e-11, "{phi:?} {value}");
            assert!((dual.slope - slope).abs() < 1e-11, "{phi:?} {slope}");
        }
    }

    #[test]
    fn sweeps_equal_the_scalar_functions_and_hide_no_nan() {
        for phi in with_hermite() {
            let x: Vec<f64> = (-20..20).map(|k| 0.37 * k as f64).collect();
            let (mut h, mut slope) = (x.clone(), vec![1.0; x.len()]);
            phi.apply(&mut h, &mut slope);
            for ((&x, &h), &s) in x.iter().zip(&h).zip(&slope) {
                assert_eq!((h, s), (phi.value(x), phi.slope(x)));
                assert!((phi.value(x as f32) as f64 - h).abs() < 1e-5 * h.abs().max(1.0));
            }
            assert!(phi.value(f64::NAN).is_nan(), "{phi:?}");
        }
    }

    #[test]
    fn names_are_kebab_case() {
        let names: Vec<String> = with_hermite()
            .iter()
            .map(|phi| serde_json::to_string(phi).unwrap())
            .collect();
        assert_eq!(
            names.join(" "),
            r#""linear" "tanh" "erf" "unscaled-erf" "relu" "gelu" "quadratic" {"hermite":[0.3,1.0,-0.4,0.2,0.1]}"#
        );
    }
}
