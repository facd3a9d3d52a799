//! Learning on percolation clusters: what one nearest neighbour can and cannot tell.
//!
//! Points fall into clusters of sizes P(s) ~ s^(-5/2). A new point is in a cluster without a training point with
//! probability sum_s w(s) (1 - phi)^(s-1), w(s) = s P(s)/3, when a fraction phi of all points is trained on. There its
//! target, of variance 1, is independent of all data: one nearest neighbour errs by 2. In seen clusters it errs less.
//!
//!     cargo run --release --example learning_on_clusters

#[path = "teach/mod.rs"]
mod teach;

use saddlepoint::Result;
use saddlepoint::numerics::random::stream;
use saddlepoint::task::{Dataset, PercolationHierarchy, Task};

const POINTS: usize = 20_000;

/// Probability that a test point is in a cluster without a training point.
fn unseen_mass(phi: f64) -> f64 {
    // Yule-Simon law with rho = 3/2: P(1) = 0.6, P(s + 1)/P(s) = s/(s + rho + 1).
    let (mut p, mut sum) = (0.6, 0.0);
    for s in 1..1_000_000 {
        let size = f64::from(s);
        sum += size * p / 3.0 * (1.0 - phi).powi(s - 1);
        p *= size / (size + 2.5);
    }
    sum
}

/// Mean squared errors of one nearest neighbour on test points of unseen and of seen clusters, and the share of the
/// unseen.
fn errors(data: &Dataset) -> ([f64; 2], f64) {
    let (Some((x, y)), Some(groups)) = (&data.test, &data.groups) else {
        return ([f64::NAN; 2], f64::NAN);
    };
    let mut found = [(0.0, 0.0); 2];
    for (k, seen) in groups.seen().into_iter().enumerate() {
        let mut best = (f64::INFINITY, 0);
        for (mu, held) in data.x.column_iter().enumerate() {
            let pairs = held.iter().zip(x.column(k));
            let distance: f64 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
            if distance < best.0 {
                best = (distance, mu);
            }
        }
        let (sum, count) = &mut found[usize::from(seen)];
        *sum += (y[k] - data.y[best.1]).powi(2);
        *count += 1.0;
    }
    let share = found[0].1 / (found[0].1 + found[1].1);
    (found.map(|(sum, count)| sum / count), share)
}

fn main() -> Result<()> {
    let (draws, sizes): (u64, &[usize]) = match teach::quick() {
        true => (12, &[600, 2000]),
        false => (24, &[200, 600, 2000, 6000]),
    };
    println!("  T    phi    unseen clusters   theory   error there   error in seen clusters");
    let mut last = ((f64::NAN, f64::NAN), f64::NAN);
    for &samples in sizes {
        let task = PercolationHierarchy {
            test_samples: 500,
            ..PercolationHierarchy::new(POINTS, samples)
        };
        let (mut shares, mut unseen, mut seen) = (vec![], vec![], vec![]);
        for draw in 0..draws {
            let (found, share) = errors(&task.draw(&mut stream(1, "dataset", &[draw]))?);
            shares.push(share);
            unseen.push(found[0]);
            seen.push(found[1]);
        }
        let [share, unseen, seen] = [&shares, &unseen, &seen].map(|v| teach::mean(v));
        last = (share, unseen_mass(task.fraction()));
        let text = |(mean, stderr): (f64, f64)| format!("{mean:.3} +- {stderr:.3}");
        let (phi, theory) = (task.fraction(), last.1);
        let [share, unseen, seen] = [share, unseen, seen].map(text);
        println!("{samples:>4}   {phi:.2}   {share}     {theory:.3}    {unseen}   {seen}");
    }
    teach::agree("share of test points in unseen clusters", last.0, last.1)
}
