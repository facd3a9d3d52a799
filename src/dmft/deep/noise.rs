//! White noise of the sample paths, with moments as exact as the number of paths allows.

use crate::error::Result;
use crate::numerics::linalg::{cholesky, outer_gram, solve_lower};
use crate::numerics::{normal, random::stream};
use nalgebra::DMatrix;

/// Paths that are mirror images of each other: with `r -> -r`, and with `u -> -u` where the activation is not odd.
///
/// An even number of signs of `r` makes every average exactly even in the richness, as it is in the limit. For an odd
/// activation `(u, r) -> (-u, -r)` changes nothing, so that signs of `u` would be wasted on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Images {
    pub of_r: bool,
    pub of_u: bool,
}

impl Images {
    pub fn count(self) -> usize {
        (1 + usize::from(self.of_r)) * (1 + usize::from(self.of_u))
    }

    /// Signs of `u` and `r` in an image.
    pub fn signs(self, image: usize) -> [f64; 2] {
        let sign = |bit: bool| if bit { -1.0 } else { 1.0 };
        match self.of_r {
            true => [sign(image / 2 == 1), sign(image % 2 == 1)],
            false => [sign(image == 1), sign(self.of_u && image == 1)],
        }
    }
}

/// White coordinates of all paths: row = coordinate, column = path before mirroring.
#[derive(Debug)]
pub(super) struct Noise {
    /// `u^1 .. u^L`, `r^1 .. r^L`: for each its coordinates.
    pub paths: [Vec<DMatrix<f64>>; 2],
    /// Whether mean and covariance were made exact, for each of the two kinds.
    pub matched: [bool; 2],
}

impl Noise {
    /// Coordinates of `base` paths for one repeat; `counts` are numbers of coordinates of `u^l` and `r^l`.
    ///
    /// The numbers of a coordinate depend on the seed, the repeat and the place of the coordinate alone. Where there
    /// are at least twice as many paths as coordinates, they are then made exactly white: zero mean and unit
    /// covariance over the paths, of all `u` together and of all `r` together, or else of each layer alone. Cost:
    /// `O(base d^2)` for `d` coordinates.
    pub fn draw(
        seed: u64,
        repeat: usize,
        counts: [&[usize]; 2],
        base: usize,
        images: Images,
    ) -> Result<Noise> {
        let mut noise = Noise {
            paths: [Vec::new(), Vec::new()],
            matched: [true; 2],
        };
        for kind in 0..2 {
            let purpose = ["dmft.deep.u", "dmft.deep.r"][kind];
            let all: usize = counts[kind].iter().sum();
            let mut white = DMatrix::zeros(all, base);
            let mut row = vec![0.0; base];
            let mut first = 0;
            for (l, &count) in counts[kind].iter().enumerate() {
                let mut rng = stream(seed, purpose, &[repeat as u64, l as u64]);
                for k in 0..count {
                    normal::fill(&mut rng, &mut row);
                    white.row_mut(first + k).copy_from_slice(&row);
                }
                first += count;
            }
            // Images with both signs have mean zero.
            let centred = if kind == 0 {
                images.of_u
            } else {
                images.of_r || images.of_u
            };
            let together = whiten(&mut white, centred)?;
            let mut first = 0;
            for &count in counts[kind] {
                let mut part = white.rows(first, count).into_owned();
                first += count;
                if !together && count > 0 && !whiten(&mut part, centred)? {
                    noise.matched[kind] = false;
                }
                noise.paths[kind].push(part);
            }
        }
        Ok(noise)
    }
}

/// Makes the rows exactly white, where there are enough columns.
fn whiten(white: &mut DMatrix<f64>, centred: bool) -> Result<bool> {
    let (count, base) = white.shape();
    if base < 2 * count || base < 2 {
        return Ok(false);
    }
    if count == 0 {
        return Ok(true);
    }
    if !centred {
        for mut row in white.row_iter_mut() {
            let mean = row.sum() / base as f64;
            row.add_scalar_mut(-mean);
        }
    }
    let covariance = outer_gram(white) / base as f64;
    solve_lower(&cholesky(&covariance)?, white);
    Ok(true)
}
