//! Lattices as data: a primitive cell of the Bravais lattice, the sites in it, and the bonds that leave it.

use crate::error::{Error, Result};
use crate::kind::unknown;

/// One bond per cell: from site `from` of a cell to site `to` of the cell displaced by `offset` (in units of the primitive vectors).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    /// Site of the cell at which the bond begins.
    pub from: usize,
    /// Site of the other cell at which it ends.
    pub to: usize,
    /// Displacement of that cell, each component -1, 0 or 1.
    pub offset: Vec<i8>,
}

/// A periodic pattern of sites and bonds.
#[derive(Debug, Clone, PartialEq)]
pub struct Crystal {
    /// Dimension of space.
    pub dimension: usize,
    /// Sites per primitive cell.
    pub basis: usize,
    /// Bonds per primitive cell, each once.
    pub bonds: Vec<Bond>,
    /// Primitive vectors in units of the nearest-neighbour distance, one row per vector.
    pub vectors: Vec<Vec<f64>>,
    /// Positions of the sites within the cell, in the same units.
    pub positions: Vec<Vec<f64>>,
}

/// Names of the crystals that [`Crystal::named`] knows.
pub const NAMES: &[&str] = &[
    "hypercubic",
    "triangular",
    "honeycomb",
    "kagome",
    "bcc",
    "fcc",
    "diamond",
];

/// Largest dimension of the hypercubic lattices.
pub const MAX_DIMENSION: usize = 13;

impl Crystal {
    /// The crystal called `name`; only `hypercubic` asks for a dimension, 1 to 13.
    ///
    /// Coordination numbers: hypercubic `2 d`, triangular 6, honeycomb 3, kagome 4, bcc 8, fcc 12, diamond 4.
    ///
    /// # Errors
    /// `Input` for an unknown name, or a dimension that the crystal does not have.
    ///
    /// ```
    /// use saddlepoint::percolation::Crystal;
    /// let fcc = Crystal::named("fcc", 3)?;
    /// assert_eq!((fcc.basis, 2 * fcc.bonds.len() / fcc.basis), (1, 12));
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn named(name: &str, dimension: usize) -> Result<Crystal> {
        let fixed = match name {
            "hypercubic" => None,
            "triangular" | "honeycomb" | "kagome" => Some(2),
            "bcc" | "fcc" | "diamond" => Some(3),
            _ => {
                return Err(unknown("lattice", name, NAMES));
            }
        };
        match fixed {
            Some(d) if d != dimension => Err(Error::input(
                "dimension",
                format!("the {name} lattice has dimension {d}, not {dimension}"),
                format!("write dimension = {d}, or leave it out"),
            )),
            None if !(1..=MAX_DIMENSION).contains(&dimension) => Err(Error::input(
                "dimension",
                format!("{dimension} is not between 1 and {MAX_DIMENSION}"),
                "choose another dimension",
            )),
            _ => Ok(match name {
                "triangular" => triangular(),
                "honeycomb" => honeycomb(),
                "kagome" => kagome(),
                "bcc" => bcc(),
                "fcc" => fcc(),
                "diamond" => diamond(),
                _ => hypercubic(dimension),
            }),
        }
    }

    /// The dimension of a named lattice where none is given: its own, 2 for hypercubic.
    pub fn usual_dimension(name: &str) -> usize {
        match name {
            "bcc" | "fcc" | "diamond" => 3,
            _ => 2,
        }
    }

    /// Number of nearest neighbours of every site.
    pub fn coordination(&self) -> usize {
        2 * self.bonds.len() / self.basis
    }

    /// Whether it is the square lattice.
    pub(super) fn is_square(&self) -> bool {
        *self == hypercubic(2)
    }
}

fn bond(from: usize, to: usize, offset: &[i8]) -> Bond {
    Bond {
        from,
        to,
        offset: offset.to_vec(),
    }
}

fn hypercubic(dimension: usize) -> Crystal {
    let unit = |k: usize| (0..dimension).map(move |i| i8::from(i == k)).collect();
    Crystal {
        dimension,
        basis: 1,
        bonds: (0..dimension)
            .map(|k| Bond {
                from: 0,
                to: 0,
                offset: unit(k),
            })
            .collect(),
        vectors: (0..dimension)
            .map(|k| {
                (0..dimension)
                    .map(|i| f64::from(u8::from(i == k)))
                    .collect()
            })
            .collect(),
        positions: vec![vec![0.0; dimension]],
    }
}

/// Primitive vectors of the triangular lattice of lattice constant `a`.
fn hexagonal(a: f64) -> Vec<Vec<f64>> {
    vec![vec![a, 0.0], vec![-a / 2.0, a * 3f64.sqrt() / 2.0]]
}

/// The square lattice with one diagonal (1, 1).
fn triangular() -> Crystal {
    Crystal {
        dimension: 2,
        basis: 1,
        bonds: vec![
            bond(0, 0, &[1, 0]),
            bond(0, 0, &[0, 1]),
            bond(0, 0, &[1, 1]),
        ],
        vectors: hexagonal(1.0),
        positions: vec![vec![0.0, 0.0]],
    }
}

fn honeycomb() -> Crystal {
    let a = 3f64.sqrt();
    Crystal {
        dimension: 2,
        basis: 2,
        bonds: vec![
            bond(0, 1, &[0, 0]),
            bond(1, 0, &[0, 1]),
            bond(1, 0, &[1, 1]),
        ],
        vectors: hexagonal(a),
        positions: vec![vec![0.0, 0.0], vec![0.0, 1.0]],
    }
}

fn kagome() -> Crystal {
    let v = hexagonal(2.0);
    let half = |k: usize| v[k].iter().map(|c| c / 2.0).collect::<Vec<_>>();
    let (first, second) = (half(0), half(1));
    let both = vec![first[0] + second[0], first[1] + second[1]];
    Crystal {
        dimension: 2,
        basis: 3,
        // Every site 1, 2 and 3 sits in the middle of a bond of the triangular lattice of the cells.
        bonds: vec![
            bond(0, 2, &[0, 0]),
            bond(0, 1, &[0, -1]),
            bond(1, 2, &[0, 0]),
            bond(2, 0, &[0, 1]),
            bond(2, 1, &[1, 0]),
            bond(0, 1, &[1, 0]),
        ],
        positions: vec![first, second, both],
        vectors: v,
    }
}

fn bcc() -> Crystal {
    let c = 1.0 / 3f64.sqrt();
    Crystal {
        dimension: 3,
        basis: 1,
        bonds: vec![
            bond(0, 0, &[1, 0, 0]),
            bond(0, 0, &[0, 1, 0]),
            bond(0, 0, &[0, 0, 1]),
            bond(0, 0, &[1, 1, 1]),
        ],
        vectors: vec![vec![-c, c, c], vec![c, -c, c], vec![c, c, -c]],
        positions: vec![vec![0.0; 3]],
    }
}

fn fcc_vectors(edge: f64) -> Vec<Vec<f64>> {
    let h = edge / 2.0;
    vec![vec![0.0, h, h], vec![h, 0.0, h], vec![h, h, 0.0]]
}

fn fcc() -> Crystal {
    Crystal {
        dimension: 3,
        basis: 1,
        bonds: vec![
            bond(0, 0, &[1, 0, 0]),
            bond(0, 0, &[0, 1, 0]),
            bond(0, 0, &[0, 0, 1]),
            bond(0, 0, &[1, -1, 0]),
            bond(0, 0, &[0, 1, -1]),
            bond(0, 0, &[1, 0, -1]),
        ],
        vectors: fcc_vectors(2f64.sqrt()),
        positions: vec![vec![0.0; 3]],
    }
}

fn diamond() -> Crystal {
    let edge = 4.0 / 3f64.sqrt();
    Crystal {
        dimension: 3,
        basis: 2,
        bonds: vec![
            bond(0, 1, &[0, 0, 0]),
            bond(0, 1, &[-1, 0, 0]),
            bond(0, 1, &[0, -1, 0]),
            bond(0, 1, &[0, 0, -1]),
        ],
        vectors: fcc_vectors(edge),
        positions: vec![vec![0.0; 3], vec![edge / 4.0; 3]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(String, Crystal)> {
        let named = NAMES.iter().flat_map(|name| match *name {
            "hypercubic" => (1..=MAX_DIMENSION).map(|d| ("hypercubic", d)).collect(),
            "bcc" | "fcc" | "diamond" => vec![(*name, 3)],
            _ => vec![(*name, 2)],
        });
        named
            .map(|(name, d)| (format!("{name} {d}"), Crystal::named(name, d).unwrap()))
            .collect()
    }

    /// Bonds join nearest neighbours: their length is 1, every site has the same number of them, and no two sites are closer.
    #[test]
    fn bonds_are_the_nearest_neighbours_in_space() {
        for (name, c) in all() {
            let place = |site: usize, cell: &[i8]| -> Vec<f64> {
                (0..c.dimension)
                    .map(|i| {
                        let shift = (0..c.dimension).map(|k| f64::from(cell[k]) * c.vectors[k][i]);
                        c.positions[site][i] + shift.sum::<f64>()
                    })
                    .collect()
            };
            let distance = |a: &[f64], b: &[f64]| {
                a.iter()
                    .zip(b)
                    .map(|(a, b)| (a - b).powi(2))
                    .sum::<f64>()
                    .sqrt()
            };
            let origin = vec![0; c.dimension];
            let mut degree = vec![0; c.basis];
            for b in &c.bonds {
                let length = distance(&place(b.from, &origin), &place(b.to, &b.offset));
                assert!((length - 1.0).abs() < 1e-12, "{name}: {length}");
                degree[b.from] += 1;
                degree[b.to] += 1;
            }
            assert!(degree.iter().all(|&z| z == c.coordination()), "{name}");
            if c.dimension > 3 {
                continue;
            }
            // All neighbours at distance 1 within two cells are bonds.
            let cells = 5usize.pow(c.dimension as u32);
            for (from, &expected) in degree.iter().enumerate() {
                let mut at_one = 0;
                for k in 0..cells {
                    let cell: Vec<i8> = (0..c.dimension)
                        .map(|i| (k / 5usize.pow(i as u32) % 5) as i8 - 2)
                        .collect();
                    for to in 0..c.basis {
                        let d = distance(&place(from, &origin), &place(to, &cell));
                        assert!(!(1e-9..=1.0 - 1e-9).contains(&d), "{name}: sites at {d}");
                        at_one += usize::from((d - 1.0).abs() < 1e-9);
                    }
                }
                assert_eq!(at_one, expected, "{name}");
            }
        }
    }

    #[test]
    fn coordination_numbers_are_the_known_ones() {
        let z = |name, d| Crystal::named(name, d).unwrap().coordination();
        let found = [z("triangular", 2), z("honeycomb", 2), z("kagome", 2)];
        assert_eq!(found, [6, 3, 4]);
        assert_eq!([z("bcc", 3), z("fcc", 3), z("diamond", 3)], [8, 12, 4]);
        assert_eq!((1..=13).map(|d| z("hypercubic", d)).sum::<usize>(), 182);
        assert!(Crystal::named("fcc", 2).is_err() && Crystal::named("hypercubic", 14).is_err());
        assert!(Crystal::named("square", 2).is_err());
    }
}
