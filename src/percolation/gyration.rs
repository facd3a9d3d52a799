//! Radii of gyration of clusters on a lattice, unfolded across the faces of a torus.

use super::crystal::{Crystal, MAX_DIMENSION};
use super::forest::{Forest, Joined};
use super::network::Network;
use super::winding::{Packing, Winding};
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
    let places: Vec<[f64; MAX_DIMENSION]> = images
        .iter()
        .map(|(&site, image)| place(crystal, sides, packing, site as usize, image.unwrap_or(0)))
        .collect();
    let s = places.len() as f64;
    let spread = |i: usize| {
        let mean = places.iter().map(|p| p[i]).sum::<f64>() / s;
        places.iter().map(|p| (p[i] - mean).powi(2)).sum::<f64>() / s
    };
    Ok((0..d).map(spread).sum::<f64>().sqrt())
}

/// Position of the image of a site that lies so many periods away.
fn place(
    crystal: &Crystal,
    sides: &[usize],
    packing: Packing,
    site: usize,
    image: Winding,
) -> [f64; MAX_DIMENSION] {
    let (mut cell, b) = (site / crystal.basis, site % crystal.basis);
    let periods = packing.unpack(image);
    let mut place = [0.0; MAX_DIMENSION];
    place[..crystal.dimension].copy_from_slice(&crystal.positions[b]);
    for k in 0..crystal.dimension {
        let at = (cell % sides[k]) as f64 + periods[k] as f64 * sides[k] as f64;
        cell /= sides[k];
        for (x, v) in place.iter_mut().zip(&crystal.vectors[k]) {
            *x += at * v;
        }
    }
    place
}

/// Sizes and `R_g^2` of all clusters that do not wrap: union-find over occupied `bonds` between occupied `sites`, every site with the
/// periods between it and its root. `O(N)`.
pub(super) fn squared_radii(
    network: &Network,
    crystal: &Crystal,
    sides: &[usize],
    sites: &[bool],
    bonds: &[bool],
) -> Vec<(u32, f64)> {
    let d = crystal.dimension;
    let mut forest = Forest::new(sites.len(), true);
    let present = |site: &usize| sites[*site];
    (0..sites.len())
        .filter(present)
        .for_each(|site| forest.insert(site));
    let mut winding = Vec::new();
    for (bond, ends) in network.bonds().iter().enumerate() {
        let [a, b] = ends.map(|end| end as usize);
        if !(bonds[bond] && sites[a] && sites[b]) {
            continue;
        }
        let (root, joined) = forest.bond(a, b, network.crossing(bond));
        if !matches!(joined, Joined::Merged(..) | Joined::Closed(0)) {
            winding.push(root);
        }
    }
    let mut wraps = vec![false; sites.len()];
    for member in winding {
        wraps[forest.rooted(member).0] = true;
    }
    // By root: sums of the positions relative to it, then of their squares.
    let stride = d + 1;
    let mut sums = vec![0.0; stride * sites.len()];
    for site in (0..sites.len()).filter(present) {
        let (root, image) = forest.rooted(site);
        if wraps[root] || root == site {
            continue;
        }
        let here = place(crystal, sides, network.packing(), site, image);
        let centre = place(crystal, sides, network.packing(), root, 0);
        for k in 0..d {
            let x = here[k] - centre[k];
            sums[stride * root + k] += x;
            sums[stride * root + d] += x * x;
        }
    }
    let mut found = Vec::new();
    for site in (0..sites.len()).filter(present) {
        if forest.root(site) != site || wraps[site] {
            continue;
        }
        let (size, sums) = (forest.size(site), &sums[stride * site..stride * (site + 1)]);
        let s = f64::from(size);
        let mean: f64 = sums[..d].iter().map(|x| (x / s).powi(2)).sum();
        found.push((size, sums[d] / s - mean));
    }
    found
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

    fn all(name: &str, sides: &[usize], sites: &[bool]) -> Vec<(u32, f64)> {
        let (crystal, network) = lattice(name, sides);
        let bonds = vec![true; network.bonds().len()];
        squared_radii(&network, &crystal, sides, sites, &bonds)
    }

    /// A single site, a rod of n sites ((n^2 - 1)/12) across a face, a block across a corner; a rod around the torus has no extent.
    #[test]
    fn squared_radii_of_rods_and_blocks() {
        let mut sites = [false; 20 * 20];
        let mut put = |x: usize, y: usize| sites[x % 20 + y % 20 * 20] = true;
        put(5, 5);
        (17..24).for_each(|x| put(x, 8));
        (0..12).for_each(|k| put(18 + k % 3, 18 + k / 3));
        (0..20).for_each(|x| put(x, 12));
        let mut found = all("hypercubic", &[20, 20], &sites);
        found.sort_by_key(|f| f.0);
        let expected = [(1, 0.0), (7, 48.0 / 12.0), (12, 23.0 / 12.0)];
        assert_eq!(found.len(), 3);
        for ((s, r), (size, squared)) in found.into_iter().zip(expected) {
            assert_eq!(s, size);
            assert!((r - squared).abs() < 1e-12, "{s}: {r}");
        }
    }

    /// A disc of area s has R^2 = s/(2 pi), up to the roughness of its rim.
    #[test]
    fn squared_radius_of_a_disc() {
        let inside = |k: usize| {
            let at = |x: usize| ((x + 50) % 100) as f64 - 50.0;
            at(k % 100).powi(2) + at(k / 100).powi(2) < 40.0 * 40.0
        };
        let sites: Vec<bool> = (0..10_000).map(inside).collect();
        let found = all("hypercubic", &[100, 100], &sites);
        assert_eq!(found.len(), 1);
        let (s, squared) = found[0];
        let disc = f64::from(s) / std::f64::consts::TAU;
        assert!((squared / disc - 1.0).abs() < 1e-4, "{s}: {squared}");
    }

    /// Every cluster as by its own unfolding; those that wrap are refused there and left out here.
    #[test]
    fn union_find_unfolds_as_the_walk_does() {
        use crate::numerics::random::stream;
        use rand::RngExt;
        for (name, side, p) in [
            ("hypercubic", 12, 0.5),
            ("triangular", 9, 0.45),
            ("honeycomb", 7, 0.62),
        ] {
            let (crystal, network) = lattice(name, &[side, side]);
            let mut rng = stream(3, "radii", &[side as u64]);
            for _ in 0..20 {
                let sites: Vec<bool> = (0..network.sites())
                    .map(|_| rng.random::<f64>() < p)
                    .collect();
                let mut expected = Vec::new();
                let mut seen = vec![false; sites.len()];
                for first in (0..sites.len()).filter(|&s| sites[s]) {
                    if seen[first] {
                        continue;
                    }
                    let mut members = vec![first as u32];
                    seen[first] = true;
                    let mut next = 0;
                    while next < members.len() {
                        for &other in network.neighbours(members[next] as usize) {
                            if sites[other as usize] && !seen[other as usize] {
                                seen[other as usize] = true;
                                members.push(other);
                            }
                        }
                        next += 1;
                    }
                    if let Ok(r) = radius_of_gyration(&network, &crystal, &[side, side], &members) {
                        expected.push((members.len() as u32, r * r));
                    }
                }
                let mut found = all(name, &[side, side], &sites);
                for list in [&mut found, &mut expected] {
                    list.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
                }
                assert_eq!(found.len(), expected.len());
                for (a, b) in found.iter().zip(&expected) {
                    assert!(
                        a.0 == b.0 && (a.1 - b.1).abs() < 1e-10,
                        "{name}: {a:?} {b:?}"
                    );
                }
            }
        }
    }
}
