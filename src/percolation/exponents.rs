//! Critical exponents by dimension, and the scaling relations between them.

use crate::error::{Error, Result};
use crate::numerics::root::brent;
use std::f64::consts::PI;

/// An exponent with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponent {
    /// Value.
    pub value: f64,
    /// Standard error, or half a unit of the last digit quoted; 0 when exact.
    pub stderr: f64,
}

/// Critical exponents of percolation in one dimension of space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponents {
    /// Dimension of space; 6 stands for all dimensions from the upper critical one on.
    pub dimension: usize,
    /// Correlation length `xi ~ |p - p_c|^-nu`.
    pub nu: Exponent,
    /// Fractal dimension of critical clusters, `s_max ~ L^(d_f)`.
    pub fractal_dimension: Exponent,
    /// Cluster numbers `n_s ~ s^-tau`.
    pub tau: Exponent,
    /// Cut-off size `s_xi ~ |p - p_c|^(-1/sigma)`.
    pub sigma: Exponent,
    /// Strength of the infinite cluster `P_inf ~ (p - p_c)^beta`.
    pub beta: Exponent,
    /// Mean cluster size `S ~ |p - p_c|^-gamma`.
    pub gamma: Exponent,
    /// Chemical distance `l ~ r^(d_min)`.
    pub shortest_path_dimension: Exponent,
    /// Mass of the backbone `~ L^(d_B)`.
    pub backbone_dimension: Exponent,
    /// Where the numbers are from.
    pub source: &'static str,
}

impl Exponents {
    /// Dimension of the set of red (singly connected) bonds, `1/nu` for d <= 6. Source: A. Coniglio, J. Phys. A 15, 3829 (1982).
    pub fn red_bond_dimension(&self) -> f64 {
        1.0 / self.nu.value
    }
}

/// Dimension of the hull of a critical cluster in two dimensions. Source: H. Saleur, B. Duplantier, PRL 58, 2325 (1987).
pub const HULL_DIMENSION_2D: f64 = 7.0 / 4.0;

/// Dimension of the accessible perimeter in two dimensions. Source: M. Aizenman, B. Duplantier, A. Aharony, PRL 83, 1359 (1999).
pub const ACCESSIBLE_PERIMETER_DIMENSION_2D: f64 = 4.0 / 3.0;

/// `tau = 1 + d/d_f`.
pub fn tau_of(dimension: f64, fractal_dimension: f64) -> f64 {
    1.0 + dimension / fractal_dimension
}

/// `sigma = 1/(nu d_f)`.
pub fn sigma_of(nu: f64, fractal_dimension: f64) -> f64 {
    1.0 / (nu * fractal_dimension)
}

/// `beta = nu (d - d_f)`.
pub fn beta_of(dimension: f64, nu: f64, fractal_dimension: f64) -> f64 {
    nu * (dimension - fractal_dimension)
}

/// `gamma = nu (2 d_f - d)`.
pub fn gamma_of(dimension: f64, nu: f64, fractal_dimension: f64) -> f64 {
    nu * (2.0 * fractal_dimension - dimension)
}

/// Fractal dimension of the backbone in two dimensions, `2 - xi`.
///
/// `xi` is the root in (1/4, 2/3) of `sqrt(36 xi + 3)/4 + sin(2 pi sqrt(12 xi + 1)/3) = 0` (1/4 itself is a spurious root).
/// Source: P. Nolin, W. Qian, X. Sun, Z. Zhuang, arXiv:2309.05050 (2023).
///
/// # Errors
/// Those of the root search; none in practice.
///
/// ```
/// let d = saddlepoint::percolation::exponents::backbone_dimension_2d().unwrap();
/// assert!((d - 1.6433331633).abs() < 1e-10);
/// ```
pub fn backbone_dimension_2d() -> Result<f64> {
    let condition = |xi: f64| {
        (36.0 * xi + 3.0).sqrt() / 4.0 + (2.0 * PI * (12.0 * xi + 1.0).sqrt() / 3.0).sin()
    };
    Ok(2.0 - brent(condition, 0.3, 2.0 / 3.0, 1e-15)?.x)
}

const fn exact(value: f64) -> Exponent {
    Exponent { value, stderr: 0.0 }
}

const fn measured(value: f64, stderr: f64) -> Exponent {
    Exponent { value, stderr }
}

/// Exponents in dimension `d >= 2`; d > 6 gives the mean-field values (with logarithmic corrections in d = 6 itself).
///
/// d = 2 is exact but for the shortest path; d = 3 from simulations; d = 4, 5 rounded literature values, errors half a unit of the last
/// digit (the backbone in d = 3, 4, 5: scatter of the published values). Sources: M. den Nijs (1979), B. Nienhuis (1982), S. Smirnov and W. Werner (2001) for d = 2; Wang, Zhou, Zhang, Garoni, Deng,
/// arXiv:1302.0421 (2013) for d = 3; Zhou, Yang, Deng, Ziff, arXiv:1112.3428 (2012) for the shortest path.
///
/// # Errors
/// Input error for d < 2, where there is no transition at p < 1.
///
/// ```
/// let e = saddlepoint::percolation::exponents::exponents(2).unwrap();
/// assert_eq!((e.nu.value, e.tau.value), (4.0 / 3.0, 187.0 / 91.0));
/// ```
pub fn exponents(dimension: usize) -> Result<Exponents> {
    Ok(match dimension {
        0 | 1 => {
            return Err(Error::input(
                "dimension",
                format!("no threshold below p = 1 in dimension {dimension}"),
                "use dimension 2 or more",
            ));
        }
        2 => Exponents {
            dimension,
            nu: exact(4.0 / 3.0),
            fractal_dimension: exact(91.0 / 48.0),
            tau: exact(187.0 / 91.0),
            sigma: exact(36.0 / 91.0),
            beta: exact(5.0 / 36.0),
            gamma: exact(43.0 / 18.0),
            shortest_path_dimension: measured(1.130_77, 2e-5),
            backbone_dimension: exact(backbone_dimension_2d()?),
            source: "exact (den Nijs, Nienhuis; Smirnov and Werner); shortest path arXiv:1112.3428; backbone arXiv:2309.05050",
        },
        3 => Exponents {
            dimension,
            nu: measured(0.876_2, 1.2e-3),
            fractal_dimension: measured(2.522_93, 1e-4),
            tau: measured(2.189_09, 5e-5),
            sigma: measured(0.452_4, 6e-4),
            beta: measured(0.418_0, 6e-4),
            gamma: measured(1.793, 3e-3),
            shortest_path_dimension: measured(1.375_6, 6e-4),
            backbone_dimension: measured(1.855, 1.5e-2),
            source: "arXiv:1302.0421; shortest path arXiv:1112.3428",
        },
        4 => Exponents {
            dimension,
            nu: measured(0.686, 5e-4),
            fractal_dimension: measured(3.044, 5e-4),
            tau: measured(2.314, 5e-4),
            sigma: measured(0.479, 5e-4),
            beta: measured(0.656, 5e-4),
            gamma: measured(1.43, 5e-3),
            shortest_path_dimension: measured(1.60, 5e-3),
            backbone_dimension: measured(1.95, 5e-2),
            source: "rounded literature values",
        },
        5 => Exponents {
            dimension,
            nu: measured(0.572, 5e-4),
            fractal_dimension: measured(3.526, 5e-4),
            tau: measured(2.418, 5e-4),
            sigma: measured(0.496, 5e-4),
            beta: measured(0.843, 5e-4),
            gamma: measured(1.17, 5e-3),
            shortest_path_dimension: measured(1.81, 5e-3),
            backbone_dimension: measured(2.0, 5e-2),
            source: "rounded literature values",
        },
        _ => Exponents {
            dimension: 6,
            nu: exact(0.5),
            fractal_dimension: exact(4.0),
            tau: exact(2.5),
            sigma: exact(0.5),
            beta: exact(1.0),
            gamma: exact(1.0),
            shortest_path_dimension: exact(2.0),
            backbone_dimension: exact(2.0),
            source: "exact mean-field values (Toulouse 1974; Hara and Slade 1990)",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scaling and hyperscaling relations, exact where the exponents are, otherwise within the quoted errors of both sides.
    #[test]
    fn scaling_relations_hold_in_every_dimension() {
        for d in 2..=6 {
            let e = exponents(d).unwrap();
            let (nu, df, d) = (e.nu, e.fractal_dimension, d as f64);
            let (nu_hi, df_hi) = (nu.value + nu.stderr, df.value + df.stderr);
            let check = |name: &str, quoted: Exponent, f: &dyn Fn(f64, f64) -> f64| {
                let centre = f(nu.value, df.value);
                let spread =
                    (f(nu_hi, df.value) - centre).abs() + (f(nu.value, df_hi) - centre).abs();
                let allowed = quoted.stderr + spread + 1e-14;
                let off = (quoted.value - centre).abs();
                assert!(
                    off <= allowed,
                    "{name} in d = {d}: off by {off}, allowed {allowed}"
                );
            };
            check("tau", e.tau, &|_, df| tau_of(d, df));
            check("sigma", e.sigma, &|nu, df| sigma_of(nu, df));
            check("beta", e.beta, &|nu, df| beta_of(d, nu, df));
            check("gamma", e.gamma, &|nu, df| gamma_of(d, nu, df));
            // (tau - 2)/sigma = beta and (3 - tau)/sigma = gamma, by the numbers of the table.
            let [tau, sigma] = [e.tau, e.sigma];
            for (quoted, rise) in [(e.beta, tau.value - 2.0), (e.gamma, 3.0 - tau.value)] {
                let spread = (tau.stderr + rise / sigma.value * sigma.stderr) / sigma.value;
                let off = (quoted.value - rise / sigma.value).abs();
                assert!(
                    off <= quoted.stderr + spread + 1e-14,
                    "d = {d}: off by {off}"
                );
            }
        }
    }

    #[test]
    fn mean_field_starts_at_six() {
        assert_eq!(exponents(6).unwrap(), exponents(11).unwrap());
        assert_eq!(exponents(6).unwrap().red_bond_dimension(), 2.0);
        assert!((exponents(2).unwrap().red_bond_dimension() - 0.75).abs() < 1e-15);
        assert!(exponents(1).is_err());
    }

    /// Nested sets of a two-dimensional critical cluster: red bonds < shortest path < accessible perimeter < backbone < hull < mass.
    #[test]
    fn two_dimensional_sets_are_ordered() {
        let e = exponents(2).unwrap();
        let order = [
            e.red_bond_dimension(),
            e.shortest_path_dimension.value,
            ACCESSIBLE_PERIMETER_DIMENSION_2D,
            e.backbone_dimension.value,
            HULL_DIMENSION_2D,
            e.fractal_dimension.value,
        ];
        assert!(order.is_sorted());
        assert!((e.backbone_dimension.value - (2.0 - 0.356_666_836_7)).abs() < 1e-10);
    }
}
