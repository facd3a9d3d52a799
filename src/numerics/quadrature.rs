//! Adaptive Gauss-Kronrod quadrature of a function of one variable.

use crate::error::{Error, Result};

/// An integral with its error estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Integral {
    /// Estimate of the integral.
    pub value: f64,
    /// Estimated absolute error: the sum over panels of `|K21 - G10|`, a strong overestimate for smooth integrands.
    pub error: f64,
    /// Evaluations of the integrand.
    pub evaluations: usize,
}

const NODES: [f64; 11] = [
    0.995_657_163_025_808_1,
    0.973_906_528_517_171_7,
    0.930_157_491_355_708_2,
    0.865_063_366_688_984_5,
    0.780_817_726_586_416_9,
    0.679_409_568_299_024_4,
    0.562_757_134_668_604_7,
    0.433_395_394_129_247_2,
    0.294_392_862_701_460_2,
    0.148_874_338_981_631_22,
    0.0,
];
const KRONROD: [f64; 11] = [
    0.011_694_638_867_371_874,
    0.032_558_162_307_964_725,
    0.054_755_896_574_351_995,
    0.075_039_674_810_919_96,
    0.093_125_454_583_697_6,
    0.109_387_158_802_297_64,
    0.123_491_976_262_065_84,
    0.134_709_217_311_473_34,
    0.142_775_938_577_060_09,
    0.147_739_104_901_338_49,
    0.149_445_554_002_916_9,
];
const GAUSS: [f64; 5] = [
    0.066_671_344_308_688_14,
    0.149_451_349_150_580_6,
    0.219_086_362_515_982_04,
    0.269_266_719_309_996_35,
    0.295_524_224_714_752_87,
];
/// Nodes and weights of Kronrod's rule on `[-1, 1]`, exact for polynomials of degree 31.
pub const KRONROD_NODES: [(f64, f64); 21] = {
    let mut all = [(0.0, KRONROD[10]); 21];
    let mut i = 0;
    while i < 10 {
        all[i] = (-NODES[i], KRONROD[i]);
        all[20 - i] = (NODES[i], KRONROD[i]);
        i += 1;
    }
    all
};
const MAX_PANELS: usize = 4096;

struct Panel {
    a: f64,
    b: f64,
    value: f64,
    error: f64,
}

fn panel(f: &mut impl FnMut(f64) -> f64, a: f64, b: f64) -> Panel {
    let (middle, half) = (0.5 * (a + b), 0.5 * (b - a));
    let centre = f(middle);
    let mut kronrod = KRONROD[10] * centre;
    let mut gauss = 0.0;
    for i in 0..10 {
        let pair = f(middle - half * NODES[i]) + f(middle + half * NODES[i]);
        kronrod += KRONROD[i] * pair;
        if i % 2 == 1 {
            gauss += GAUSS[i / 2] * pair;
        }
    }
    Panel {
        a,
        b,
        value: half * kronrod,
        error: (half * (kronrod - gauss)).abs(),
    }
}

/// `int_a^b f(x) dx` to `max(absolute, relative * |value|)`, by bisecting the panel with the largest error.
///
/// Each panel uses the 10-point Gauss and 21-point Kronrod rules (the latter exact for polynomials of degree 31).
/// Source: Piessens et al., QUADPACK (1983), routine QAG.
///
/// # Errors
/// `Unconverged` for a non-finite integrand or after 4,096 panels.
///
/// ```
/// use saddlepoint::numerics::quadrature::integrate;
/// let area = integrate(|x| (-x * x).exp(), -8.0, 8.0, 1e-13, 0.0).unwrap();
/// assert!((area.value - std::f64::consts::PI.sqrt()).abs() < 1e-13);
/// ```
pub fn integrate(
    mut f: impl FnMut(f64) -> f64,
    a: f64,
    b: f64,
    relative: f64,
    absolute: f64,
) -> Result<Integral> {
    let mut panels = vec![panel(&mut f, a, b)];
    loop {
        let value: f64 = panels.iter().map(|p| p.value).sum();
        let error: f64 = panels.iter().map(|p| p.error).sum();
        let rounding = 50.0 * f64::EPSILON * panels.iter().map(|p| p.value.abs()).sum::<f64>();
        let stop = |cause: String| {
            Error::unconverged(
                "quadrature",
                cause,
                "check the integrand for singularities, or split the interval there",
            )
        };
        if !value.is_finite() || !error.is_finite() {
            return Err(stop(format!(
                "the integrand is not finite in [{a:e}, {b:e}]"
            )));
        }
        if error <= absolute.max(relative * value.abs()).max(rounding) {
            return Ok(Integral {
                value,
                error: error.max(rounding),
                evaluations: 21 * (2 * panels.len() - 1),
            });
        }
        if panels.len() == MAX_PANELS {
            return Err(stop(format!("estimated error {error:e} of {value:e}")));
        }
        let worst = (0..panels.len())
            .max_by(|&i, &j| panels[i].error.total_cmp(&panels[j].error))
            .unwrap_or(0);
        let p = panels.swap_remove(worst);
        let middle = 0.5 * (p.a + p.b);
        panels.push(panel(&mut f, p.a, middle));
        panels.push(panel(&mut f, middle, p.b));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kronrod_is_exact_to_degree_31_and_gauss_to_19() {
        for degree in 0..=31 {
            let exact = (1.0 - (-0.5f64).powi(degree + 1)) / (degree + 1) as f64;
            let p = panel(&mut |x| x.powi(degree), -0.5, 1.0);
            assert!((p.value - exact).abs() < 1e-15, "degree {degree}");
            if degree <= 19 {
                assert!(p.error < 1e-15, "degree {degree}");
            }
        }
        assert!(panel(&mut |x| x.powi(34), -1.0, 1.0).value != 2.0 / 35.0);
    }

    #[test]
    fn the_error_estimate_bounds_the_error() {
        type Case = (fn(f64) -> f64, f64, f64, f64);
        let cases: [Case; 3] = [
            (|x| x.sqrt(), 0.0, 1.0, 2.0 / 3.0),
            (|x| 1.0 / (1.0 + 25.0 * x * x), -1.0, 1.0, 0.4 * 5f64.atan()),
            (|x| -x.ln(), 0.0, 1.0, 1.0),
        ];
        for (f, a, b, exact) in cases {
            let i = integrate(f, a, b, 1e-11, 0.0).unwrap();
            assert!((i.value - exact).abs() <= i.error, "{i:?} {exact}");
            assert!((i.value - exact).abs() <= 1e-11 * exact);
        }
    }

    #[test]
    fn a_divergent_integral_is_an_error() {
        assert!(integrate(|x| 1.0 / x, 0.0, 1.0, 1e-10, 0.0).is_err());
    }
}
