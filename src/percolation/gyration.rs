//! Radius of gyration of a cluster on a lattice, unfolded across the faces of a torus.

use super::crystal::Crystal;
use super::network::Network;
use crate::error::{Error, Result};
use std::collections::{BTreeMap, VecDeque};

/// `R_g = sqrt((1/s) sum_i |r_i - r_cm|^2)` of the `s` connected sites `members`, in units of the nearest-neighbour distance.
///
/// The cluster is unfolded from its first site along the bonds between its members (site percolation; all bonds between members
/// count as occupied), each image displaced by whole periods of the torus. Sites are numbered as in [`Network::lattice`]. `O(s log s)`.
///
/// # Errors
/// `Input` for no members, members that do not hang together, and for a cluster that wraps around the torus: its extent is not
/// defined.
///
/// ```
/// use saddlepoint::percolation::{radius_of_gyration, Boundary, Crystal, Network};
/// let square = Crystal::named("hypercubic", 2)?;
/// let torus = Network::lattice(&square, &[8, 8], Boundary::Torus)?;
/// // Four sites in a row, across the face: (n^2 - 1)/12.
/// let r = radius_of_gyration(&torus, &square, &[8, 8], &[6, 7, 0, 1])?;
/// assert!((r * r - 15.0 / 12.0).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn radius_of_gyration(
    network: &Network,
    crystal: &Crystal,
    sides: &[usize],
    members: &[u32],
) -> Result<f64> {
    let wrong = |cause: &str, remedy: &str| Err(Error::input("members", cause, remedy));
    let Some(&first) = members.first() else {
        return wrong("an empty cluster", "name its sites");
    };
    let packing = network.packing();
    let mut images: BTreeMap<u32, Option<i64>> = members.iter().map(|&m| (m, None)).collect();
    images.insert(first, Some(0));
    let (mut queue, mut reached) = (VecDeque::from([first]), 1);
    while let Some(site) = queue.pop_front() {
        let here = images[&site].unwrap_or(0);
        let site = site as usize;
        for (&other, step) in network.neighbours(site).iter().zip(network.steps(site)) {
            match images.get_mut(&other) {
                None => {}
                Some(Some(there)) if *there == here + step => {}
                Some(Some(_)) => {
                    return wrong(
                        "the cluster wraps around the torus",
                        "use a cluster that does not, or an open lattice",
                    );
                }
                Some(image) => {
                    *image = Some(here + step);
                    reached += 1;
                    queue.push_back(other);
                }
            }
        }
    }
    if reached < images.len() {
        return wrong(
            "the sites do not hang together",
            "name the sites of one cluster",
        );
    }
    let d = crystal.dimension;
    let position = |site: u32, image: i64| -> Vec<f64> {
        let (mut cell, b) = (site as usize / crystal.basis, site as usize % crystal.basis);
        let periods = packing.unpack(image);
        let mut place = crystal.positions[b].clone();
        for k in 0..d {
            let at = (cell % sides[k]) as f64 + periods[k] as f64 * sides[k] as f64;
            cell /= sides[k];
            for (x, v) in place.iter_mut().zip(&crystal.vectors[k]) {
                *x += at * v;
            }
        }
        place
    };
    let places: Vec<Vec<f64>> = images
        .iter()
        .map(|(&site, image)| position(site, image.unwrap_or(0)))
        .collect();
    let s = places.len() as f64;
    let spread = |i: usize| {
        let mean = places.iter().map(|p| p[i]).sum::<f64>() / s;
        places.iter().map(|p| (p[i] - mean).powi(2)).sum::<f64>() / s
    };
    Ok((0..d).map(spread).sum::<f64>().sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::percolation::Boundary;

    fn lattice(name: &str, sides: &[usize]) -> (Crystal, Network) {
        let crystal = Crystal::named(name, sides.len()).unwrap();
        let network = Network::lattice(&crystal, sides, Boundary::Torus).unwrap();
        (crystal, network)
    }

    /// A block of a x b sites has R^2 = (a^2 + b^2 - 2)/12, wherever it lies on the torus.
    #[test]
    fn a_block_is_as_wide_everywhere_on_the_torus() {
        let (crystal, network) = lattice("hypercubic", &[7, 9]);
        for shift in 0..63u32 {
            let (x0, y0) = (shift % 7, shift / 7);
            let members: Vec<u32> = (0..12)
                .map(|k| (x0 + k % 3) % 7 + (y0 + k / 3) % 9 * 7)
                .collect();
            let r = radius_of_gyration(&network, &crystal, &[7, 9], &members).unwrap();
            assert!((r * r - (9.0 + 16.0 - 2.0) / 12.0).abs() < 1e-12, "{shift}");
        }
    }

    /// The six corners of a hexagon of the honeycomb lattice lie at distance 1 from its centre.
    #[test]
    fn a_hexagon_has_radius_one() {
        let (crystal, network) = lattice("honeycomb", &[4, 4]);
        let mut path = vec![0u32];
        // The shortest ring through site 0: by search over all rings of six.
        fn ring(network: &Network, path: &mut Vec<u32>) -> bool {
            let last = path[path.len() - 1] as usize;
            if path.len() == 6 {
                return network.neighbours(last).contains(&path[0]);
            }
            for &next in network.neighbours(last) {
                if !path.contains(&next) {
                    path.push(next);
                    if ring(network, path) {
                        return true;
                    }
                    path.pop();
                }
            }
            false
        }
        assert!(ring(&network, &mut path));
        let r = radius_of_gyration(&network, &crystal, &[4, 4], &path).unwrap();
        assert!((r - 1.0).abs() < 1e-12, "{r}");
    }

    #[test]
    fn clusters_without_an_extent_are_refused() {
        let (crystal, network) = lattice("hypercubic", &[4, 4]);
        let of = |members: &[u32]| radius_of_gyration(&network, &crystal, &[4, 4], members);
        assert!(of(&[0, 1, 2, 3]).is_err());
        assert!(of(&[0, 2]).is_err());
        assert!(of(&[]).is_err());
        assert_eq!(of(&[5]).unwrap(), 0.0);
    }
}
