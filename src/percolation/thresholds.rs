//! Published percolation thresholds, exact ones computed, with uncertainty and source.

use crate::error::{Error, Result};
use crate::percolation::Element;
use std::f64::consts::PI;

/// A critical occupation probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// `p_c`.
    pub value: f64,
    /// Standard error as published; 0 for an exact value.
    pub stderr: f64,
    /// Who determined it.
    pub source: &'static str,
}

/// One row of the table: numbers are `(value, stderr, source)`.
struct Row {
    lattice: &'static str,
    dimension: usize,
    site: (f64, f64, &'static str),
    bond: (f64, f64, &'static str),
}

const SELF_MATCHING: &str = "exact: Sykes and Essam (1964), Kesten (1982)";
const JACOBSEN: &str = "Jacobsen, arXiv:1507.03027 (2015)";
const HONEYCOMB: &str = "Jacobsen, arXiv:1401.7847 (2014)";
const KAGOME: &str = "Scullard and Jacobsen, arXiv:1910.12376 (2020)";
const CUBIC: &str = "Wang, Zhou, Zhang, Garoni, Deng, arXiv:1302.0421 (2013)";
const CUBIC_FAMILY: &str = "Xu, Wang, Lv, Deng, arXiv:1310.5399 (2014)";
const HYPERCUBIC: &str = "Mertens and Moore, arXiv:1806.08067 (2018)";

const HALF: (f64, f64, &str) = (0.5, 0.0, SELF_MATCHING);

/// `2 sin(pi/18)`: the root of `p^3 - 3p + 1` in (0, 1).
fn triangular_bond() -> f64 {
    2.0 * (PI / 18.0).sin()
}

#[rustfmt::skip]
fn table() -> Vec<Row> {
    let triangular = triangular_bond();
    let row = |lattice, dimension, site, bond| Row { lattice, dimension, site, bond };
    let hypercubic = |dimension, site: (f64, f64), bond: (f64, f64)| {
        row("hypercubic", dimension, (site.0, site.1, HYPERCUBIC), (bond.0, bond.1, HYPERCUBIC))
    };
    let cubic = |lattice, site: (f64, f64), bond: (f64, f64)| {
        row(lattice, 3, (site.0, site.1, CUBIC_FAMILY), (bond.0, bond.1, CUBIC_FAMILY))
    };
    vec![
        row("hypercubic", 2, (0.592_746_050_788, 6e-12, JACOBSEN), HALF),
        row("triangular", 2, HALF, (triangular, 0.0, SELF_MATCHING)),
        row("honeycomb", 2, (0.697_040_230, 5e-9, HONEYCOMB), (1.0 - triangular, 0.0, SELF_MATCHING)),
        row("kagome", 2, (1.0 - triangular, 0.0, SELF_MATCHING), (0.524_404_999_167_448_2, 1e-17, KAGOME)),
        row("hypercubic", 3, (0.311_607_68, 1.5e-7, CUBIC_FAMILY), (0.248_811_85, 1.0e-7, CUBIC)),
        cubic("bcc", (0.245_961_5, 2e-7), (0.180_287_62, 2.0e-7)),
        cubic("fcc", (0.199_235_17, 2.0e-7), (0.120_163_77, 1.5e-7)),
        cubic("diamond", (0.429_987_0, 4e-7), (0.389_589_2, 5e-7)),
        hypercubic(4, (0.196_885_61, 3e-8), (0.160_131_22, 6e-8)),
        hypercubic(5, (0.140_796_33, 4e-8), (0.118_171_45, 3e-8)),
        hypercubic(6, (0.109_016_661, 8e-9), (0.094_201_65, 2e-8)),
        hypercubic(7, (0.088_951_121, 1e-9), (0.078_675_230, 2e-9)),
        hypercubic(8, (0.075_210_128, 1e-9), (0.067_708_418_1, 3e-10)),
        hypercubic(9, (0.065_209_534_8, 6e-10), (0.059_496_003_4, 1e-10)),
        hypercubic(13, (0.042_715_079_60, 1e-10), (0.040_187_617_03, 6e-11)),
    ]
}

/// The published threshold of site or bond percolation on a lattice.
///
/// Lattices: `hypercubic` (dimension 2 to 9 and 13; 2 is the square, 3 the simple cubic lattice), `triangular`, `honeycomb`, `kagome`
/// (dimension 2), `bcc`, `fcc`, `diamond` (dimension 3). The square bond, triangular, honeycomb bond and kagome site values are exact.
///
/// # Errors
/// Input error for a lattice or dimension without an entry, naming those there are.
///
/// ```
/// use saddlepoint::percolation::{Element, thresholds::threshold};
/// let square = threshold("hypercubic", 2, Element::Site).unwrap();
/// assert_eq!((square.value, square.stderr), (0.592746050788, 6e-12));
/// let bond = threshold("triangular", 2, Element::Bond).unwrap();
/// assert!((bond.value - 0.3472963553).abs() < 1e-10);
/// ```
pub fn threshold(lattice: &str, dimension: usize, element: Element) -> Result<Threshold> {
    let rows = table();
    let found = rows
        .iter()
        .find(|r| r.lattice == lattice && r.dimension == dimension);
    let Some(row) = found else {
        let known: Vec<String> = rows
            .iter()
            .map(|r| format!("{} ({})", r.lattice, r.dimension))
            .collect();
        return Err(Error::input(
            "lattice",
            format!("no published threshold of the {lattice} lattice in dimension {dimension}"),
            format!("known: {}", known.join(", ")),
        ));
    };
    let (value, stderr, source) = match element {
        Element::Site => row.site,
        Element::Bond => row.bond,
    };
    Ok(Threshold {
        value,
        stderr,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(lattice: &str, dimension: usize, element: Element) -> f64 {
        threshold(lattice, dimension, element).unwrap().value
    }

    /// Triangular and honeycomb bonds are dual and tied by the star-triangle relation `p^3 - 3p + 1 = 0`; kagome sites are
    /// honeycomb bonds.
    #[test]
    fn exact_values_satisfy_duality_and_star_triangle() {
        let p = value("triangular", 2, Element::Bond);
        assert!((p.powi(3) - 3.0 * p + 1.0).abs() < 1e-15);
        let honeycomb = value("honeycomb", 2, Element::Bond);
        assert_eq!(p + honeycomb, 1.0);
        assert_eq!(honeycomb, value("kagome", 2, Element::Site));
        assert!((honeycomb - 0.652_703_644_7).abs() < 5e-11);
    }

    /// Bonds percolate before sites (Hammersley), above the tree bound `1/(z-1)`, and earlier in higher dimension.
    #[test]
    fn the_table_obeys_the_inequalities() {
        for row in table() {
            let degree = match row.lattice {
                "triangular" => 6,
                "honeycomb" => 3,
                "kagome" | "diamond" => 4,
                "bcc" => 8,
                "fcc" => 12,
                _ => 2 * row.dimension,
            };
            let tree = 1.0 / (f64::from(degree as u32) - 1.0);
            assert!(
                row.bond.0 <= row.site.0 && row.bond.0 > tree,
                "{}",
                row.lattice
            );
            assert!(row.site.0 < 1.0 && row.site.1 < 1e-6 && row.bond.1 < 1e-6);
        }
        for d in 3..10 {
            for element in [Element::Site, Element::Bond] {
                assert!(value("hypercubic", d, element) < value("hypercubic", d - 1, element));
            }
        }
    }

    #[test]
    fn an_unknown_lattice_is_named_with_the_known_ones() {
        let error = threshold("pentagonal", 2, Element::Site).unwrap_err();
        assert!(
            error.to_string().contains("pentagonal") && error.to_string().contains("kagome (2)")
        );
        assert!(threshold("hypercubic", 10, Element::Bond).is_err());
    }
}
