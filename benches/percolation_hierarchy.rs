//! Time of growing hierarchical clusters: sizes, trees, latents and labels; and of placing their points in space.
//!
//! `cargo bench --bench percolation_hierarchy` (one thread)

use divan::Bencher;
use saddlepoint::numerics::random::stream;
use saddlepoint::percolation::hierarchy::{Embedding, Growth, Hierarchy, Walk, labels};

const DISTRIBUTION: Growth = Growth::Distribution { tau: 2.5 };

/// Sizes, trees, latents, labels.
fn grow(points: usize, growth: Growth) -> f64 {
    let mut rng = stream(1, "bench", &[]);
    let hierarchy = Hierarchy::grow(points, growth, &mut rng).expect("valid");
    labels::taxonomic(&hierarchy, &mut rng)[0]
}

#[divan::bench(args = [1_000_000, 10_000_000], sample_count = 3, sample_size = 1)]
fn distribution(bencher: Bencher, points: usize) {
    bencher.bench_local(|| grow(points, DISTRIBUTION));
}

#[divan::bench(args = [1_000_000, 10_000_000], sample_count = 3, sample_size = 1)]
fn one_cluster(bencher: Bencher, points: usize) {
    bencher.bench_local(|| grow(points, Growth::OneCluster));
}

/// Positions in 100 dimensions, streamed in chunks of 4096 points.
#[divan::bench(args = [1_000_000], sample_count = 3, sample_size = 1)]
fn embedding_d_100(bencher: Bencher, points: usize) {
    let mut rng = stream(1, "bench", &[]);
    let hierarchy = Hierarchy::grow(points, DISTRIBUTION, &mut rng).expect("valid");
    let embedding = Embedding::new(&hierarchy, DISTRIBUTION, 100, Walk::Branching).expect("valid");
    bencher.bench_local(|| {
        let mut sum = 0.0;
        embedding
            .for_each_chunk(&hierarchy, 4096, &mut stream(2, "bench", &[]), |_, x| {
                sum += x[0];
                Ok(())
            })
            .expect("takes every chunk");
        sum
    });
}

fn main() {
    divan::main();
}
