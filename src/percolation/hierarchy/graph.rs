//! The tree of a cluster as a graph: neighbours and chemical distances.

use super::{Cluster, Hierarchy};

/// Neighbours of every position of a cluster.
#[derive(Debug, Clone)]
pub struct Neighbours {
    starts: Vec<u32>,
    list: Vec<u32>,
}

impl Neighbours {
    /// Of the position.
    pub fn of(&self, position: u32) -> &[u32] {
        let range = &self.starts[position as usize..position as usize + 2];
        &self.list[range[0] as usize..range[1] as usize]
    }
}

impl Cluster<'_> {
    /// Neighbours along the `s - 1` edges.
    pub fn neighbours(&self) -> Neighbours {
        let s = self.size();
        let mut starts = vec![0u32; s + 1];
        for end in self.latents.iter().flat_map(|latent| latent.edge) {
            starts[end as usize + 1] += 1;
        }
        for position in 0..s {
            starts[position + 1] += starts[position];
        }
        let mut next = starts.clone();
        let mut list = vec![0; 2 * self.latents.len()];
        for [u, v] in self.latents.iter().map(|latent| latent.edge) {
            for (from, to) in [(u, v), (v, u)] {
                list[next[from as usize] as usize] = to;
                next[from as usize] += 1;
            }
        }
        Neighbours { starts, list }
    }

    /// Chemical distance (number of edges) of every position to the nearest of the `sources`; `u32::MAX` without any source.
    pub fn distances(&self, sources: &[u32]) -> Vec<u32> {
        let neighbours = self.neighbours();
        let mut distance = vec![u32::MAX; self.size()];
        let mut queue = Vec::with_capacity(self.size());
        for &source in sources {
            if distance[source as usize] != 0 {
                distance[source as usize] = 0;
                queue.push(source);
            }
        }
        let mut at = 0;
        while let Some(&position) = queue.get(at) {
            at += 1;
            for &next in neighbours.of(position) {
                if distance[next as usize] == u32::MAX {
                    distance[next as usize] = distance[position as usize] + 1;
                    queue.push(next);
                }
            }
        }
        distance
    }
}

/// Chemical distance of every point to the nearest of the `sources`; `u32::MAX` in a cluster without a source.
///
/// Inside one critical cluster of `n` points the mean distance to `T` random sources is about `1.4 (n/T)^(1/2)` (chemical dimension 2).
pub fn distances(hierarchy: &Hierarchy, sources: &[u32]) -> Vec<u32> {
    let mut is_source = vec![false; hierarchy.len()];
    for &source in sources {
        is_source[source as usize] = true;
    }
    let mut all = vec![u32::MAX; hierarchy.len()];
    let mut positions = Vec::new();
    for cluster in hierarchy.clusters() {
        positions.clear();
        positions.extend(
            (0..cluster.size() as u32).filter(|&p| is_source[cluster.points[p as usize] as usize]),
        );
        if positions.is_empty() {
            continue;
        }
        for (&point, distance) in cluster.points.iter().zip(cluster.distances(&positions)) {
            all[point as usize] = distance;
        }
    }
    all
}
