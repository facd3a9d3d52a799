//! Sobol's sequence, scrambled: points that fill the unit cube more evenly than random ones.

use crate::numerics::random::stream;
use rand::Rng;

/// Dimensions of the sequence.
pub(super) const DIMENSIONS: usize = 37;
/// Digits of an index: at most `2^32` points.
const DIGITS: usize = 32;

/// Primitive polynomials and initial direction numbers of S. Joe and F. Y. Kuo, SIAM J. Sci. Comput. 30, 2635 (2008):
/// the inner coefficients of the polynomial as bits, and `m_1, m_2, ...`, as many as its degree. The first dimension
/// has none.
const DIRECTIONS: [(u32, &[u32]); DIMENSIONS - 1] = [
    (0, &[1]),
    (1, &[1, 3]),
    (1, &[1, 3, 1]),
    (2, &[1, 1, 1]),
    (1, &[1, 1, 3, 3]),
    (4, &[1, 3, 5, 13]),
    (2, &[1, 1, 5, 5, 17]),
    (4, &[1, 1, 5, 5, 5]),
    (7, &[1, 1, 7, 11, 19]),
    (11, &[1, 1, 5, 1, 1]),
    (13, &[1, 1, 1, 3, 11]),
    (14, &[1, 3, 5, 5, 31]),
    (1, &[1, 3, 3, 9, 7, 49]),
    (13, &[1, 1, 1, 15, 21, 21]),
    (16, &[1, 3, 1, 13, 27, 49]),
    (19, &[1, 1, 1, 15, 7, 5]),
    (22, &[1, 3, 1, 15, 13, 25]),
    (25, &[1, 1, 5, 5, 19, 61]),
    (1, &[1, 3, 7, 11, 23, 15, 103]),
    (4, &[1, 3, 7, 13, 13, 15, 69]),
    (7, &[1, 1, 3, 13, 7, 35, 63]),
    (8, &[1, 3, 5, 9, 1, 25, 53]),
    (14, &[1, 3, 1, 13, 9, 35, 107]),
    (19, &[1, 3, 1, 5, 27, 61, 31]),
    (21, &[1, 1, 5, 11, 19, 41, 61]),
    (28, &[1, 3, 5, 3, 3, 13, 69]),
    (31, &[1, 1, 7, 13, 1, 19, 1]),
    (32, &[1, 3, 7, 5, 13, 19, 59]),
    (37, &[1, 1, 3, 9, 25, 29, 41]),
    (41, &[1, 3, 5, 13, 23, 1, 55]),
    (42, &[1, 3, 7, 3, 13, 59, 17]),
    (50, &[1, 3, 1, 3, 5, 53, 69]),
    (55, &[1, 1, 5, 5, 23, 33, 13]),
    (56, &[1, 1, 7, 7, 1, 61, 123]),
    (59, &[1, 1, 7, 9, 13, 61, 49]),
    (62, &[1, 3, 3, 5, 3, 55, 33]),
];

/// Binary digits of the direction numbers of one dimension, the first one in the highest bit.
fn directions(dimension: usize) -> [u32; DIGITS] {
    let mut all: [u32; DIGITS] = std::array::from_fn(|k| 1 << (DIGITS - 1 - k));
    let Some(&(inner, initial)) = dimension.checked_sub(1).and_then(|k| DIRECTIONS.get(k)) else {
        return all;
    };
    let degree = initial.len();
    for (k, m) in initial.iter().enumerate() {
        all[k] = m << (DIGITS - 1 - k);
    }
    for k in degree..DIGITS {
        let oldest = all[k - degree];
        let mut next = oldest ^ (oldest >> degree);
        for back in 1..degree {
            if (inner >> (degree - 1 - back)) & 1 == 1 {
                next ^= all[k - back];
            }
        }
        all[k] = next;
    }
    all
}

/// One random scrambling of the sequence: a random lower triangular matrix on the digits of every coordinate, then a
/// random digital shift (J. Matousek, J. Complexity 14, 527 (1998)).
///
/// A point is uniform in the cube whatever its index, so that averages over the points are unbiased, and the points
/// of one scrambling keep the even spacing of the sequence: the error of the average of a smooth function falls
/// almost as `1/S`, and in the scatter of several scramblings it can be seen.
pub(super) struct Scrambled {
    /// Scrambled direction numbers of every dimension.
    columns: Vec<[u64; DIGITS]>,
    shift: Vec<u64>,
}

impl Scrambled {
    /// The scrambling number `repeat` in so many dimensions, at most [`DIMENSIONS`].
    pub(super) fn new(dimensions: usize, seed: u64, repeat: usize) -> Scrambled {
        let (mut columns, mut shift) = (Vec::new(), Vec::new());
        for dimension in 0..dimensions.min(DIMENSIONS) {
            let key = [repeat as u64, dimension as u64];
            let mut rng = stream(seed, "dmft.one_hidden.scrambling", &key);
            // Column j of the matrix: one in place j, random digits below.
            let matrix: [u64; DIGITS] =
                std::array::from_fn(|j| (1 << (63 - j)) | (rng.next_u64() >> (j + 1)));
            columns.push(directions(dimension).map(|direction| {
                (0..DIGITS)
                    .filter(|&j| (direction >> (DIGITS - 1 - j)) & 1 == 1)
                    .fold(0, |sum, j| sum ^ matrix[j])
            }));
            shift.push(rng.next_u64());
        }
        Scrambled { columns, shift }
    }

    /// Number of dimensions.
    pub(super) fn dimensions(&self) -> usize {
        self.columns.len()
    }

    /// One coordinate of the points from number `first` on, each within (0, 1).
    pub(super) fn fill(&self, dimension: usize, first: usize, out: &mut [f64]) {
        let columns = &self.columns[dimension];
        // Along Gray's code one direction number changes a point into the next.
        let code = first ^ (first >> 1);
        let mut digits = (0..DIGITS)
            .filter(|&k| (code >> k) & 1 == 1)
            .fold(self.shift[dimension], |sum, k| sum ^ columns[k]);
        for (k, out) in out.iter_mut().enumerate() {
            *out = ((digits >> 11) as f64 + 0.5) * 0.5f64.powi(53);
            digits ^= columns[((first + k + 1).trailing_zeros() as usize).min(DIGITS - 1)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::statistics::mean_stderr;

    /// The first points of the plain sequence in two dimensions, as printed in textbooks.
    #[test]
    fn direction_numbers_give_the_sequence() {
        let plain = Scrambled {
            columns: (0..3)
                .map(|d| directions(d).map(|v| (v as u64) << 32))
                .collect(),
            shift: vec![0; 3],
        };
        let expected = [
            [0.0, 0.5, 0.75, 0.25, 0.375, 0.875, 0.625, 0.125],
            [0.0, 0.5, 0.25, 0.75, 0.375, 0.875, 0.125, 0.625],
            [0.0, 0.5, 0.25, 0.75, 0.625, 0.125, 0.875, 0.375],
        ];
        for (dimension, expected) in expected.iter().enumerate() {
            let mut out = [0.0; 8];
            plain.fill(dimension, 0, &mut out);
            assert!(
                out.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15),
                "{dimension} {out:?}"
            );
            let mut later = [0.0; 3];
            plain.fill(dimension, 5, &mut later);
            assert_eq!(later, out[5..]);
        }
    }

    /// The recursion of a primitive polynomial of degree `s` runs through all `2^s - 1` states; initial numbers are
    /// odd and below `2^k`, and no two dimensions share a polynomial.
    #[test]
    fn polynomials_are_primitive_and_different() {
        let mut seen = std::collections::HashSet::new();
        for (inner, initial) in DIRECTIONS {
            let degree = initial.len();
            assert!(seen.insert((degree, inner)));
            assert!(
                initial
                    .iter()
                    .enumerate()
                    .all(|(k, m)| m % 2 == 1 && *m < 2 << k)
            );
            let taps = (1 << degree) | (inner << 1) | 1;
            let (mut state, mut period) = (1u32, 0);
            loop {
                state <<= 1;
                if state >> degree & 1 == 1 {
                    state ^= taps;
                }
                period += 1;
                if state == 1 || period > 1 << degree {
                    break;
                }
            }
            assert_eq!(period, (1 << degree) - 1, "{degree} {inner}");
        }
    }

    /// Every scrambled coordinate puts one of `2^m` points in every interval of that length, and the first two
    /// coordinates put one in every rectangle of that area.
    #[test]
    fn scrambled_points_are_spread_evenly() {
        let points = Scrambled::new(DIMENSIONS, 3, 1);
        let at = |dimension: usize| {
            let mut out = [0.0; 64];
            points.fill(dimension, 0, &mut out);
            out
        };
        for dimension in 0..DIMENSIONS {
            let mut cells = at(dimension).map(|u| (64.0 * u) as usize);
            cells.sort();
            assert!(
                cells.iter().enumerate().all(|(k, &cell)| k == cell),
                "{dimension}"
            );
        }
        for digits in 0..=6 {
            let (across, up) = (f64::from(1 << digits), f64::from(1 << (6 - digits)));
            let cells: std::collections::HashSet<(usize, usize)> = std::iter::zip(at(0), at(1))
                .map(|(x, y)| ((across * x) as usize, (up * y) as usize))
                .collect();
            assert_eq!(cells.len(), 64);
        }
    }

    /// `prod (1 + (u_i - 1/2))` has mean 1: 32 scramblings find it within their scatter, which falls faster than that
    /// of independent points.
    #[test]
    fn scatter_of_scramblings_is_the_error_and_falls_fast() {
        let error = |points: usize| {
            let rows: Vec<f64> = (0..32)
                .map(|repeat| {
                    let sequence = Scrambled::new(5, 11, repeat);
                    let mut product = vec![1.0; points];
                    let mut out = vec![0.0; points];
                    for dimension in 0..sequence.dimensions() {
                        sequence.fill(dimension, 0, &mut out);
                        product
                            .iter_mut()
                            .zip(&out)
                            .for_each(|(p, u)| *p *= 0.5 + u);
                    }
                    product.iter().sum::<f64>() / points as f64
                })
                .collect();
            let (mean, stderr) = mean_stderr(&rows);
            let stderr = stderr.unwrap();
            assert!(
                (mean - 1.0).abs() < 3.5 * stderr,
                "{points}: {mean} +- {stderr}"
            );
            stderr
        };
        let (few, many) = (error(1 << 7), error(1 << 13));
        // Independent points would gain a factor 8.
        assert!(many < few / 20.0, "{few} {many}");
    }
}
