//! Percolation sweeps in sites per second. Run by hand: `cargo bench --bench percolation [-- L...]`; beside the C reference by
//! `benches/against/percolation.py`.

use saddlepoint::numerics::random::stream;
use saddlepoint::percolation::{Boundary, Crystal, Element, Follow, Model, State, strip};
use std::time::Instant;

/// Independent sweeps, one model on every thread.
fn replicas(model: &Model, threads: usize, seconds: f64) -> f64 {
    let sweep = |thread: usize| {
        let mut sweeper = model.sweeper(Follow::default());
        let mut rng = stream(1, "bench", &[thread as u64]);
        let (mut sum, mut sweeps, start) = (0u64, 0, Instant::now());
        while start.elapsed().as_secs_f64() < seconds {
            let done = sweeper.run(&mut rng, &mut |_: usize, s: &State| {
                sum += u64::from(s.largest)
            });
            assert!(done.is_ok());
            sweeps += 1;
        }
        std::hint::black_box(sum);
        (sweeps * model.elements()) as f64 / start.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|k| scope.spawn(move || sweep(k)))
            .collect();
        let rates = running
            .into_iter()
            .map(|thread| thread.join().unwrap_or(0.0));
        rates.sum()
    })
}

fn rate(name: &str, model: &Model, follow: Follow, seconds: f64) {
    let mut sweeper = model.sweeper(follow);
    let mut rng = stream(1, "bench", &[]);
    let mut sum = 0u64;
    let mut watch = |_: usize, s: &State| sum += u64::from(s.largest);
    let (mut sweeps, start) = (0, Instant::now());
    while sweeps < 2 || start.elapsed().as_secs_f64() < seconds {
        let done = sweeper.run(&mut rng, &mut watch);
        assert!(done.is_ok());
        sweeps += 1;
    }
    let rate = (sweeps * model.elements()) as f64 / start.elapsed().as_secs_f64();
    std::hint::black_box(sum);
    println!("{name}: total {rate:.3e} elements/s ({sweeps} sweeps)");
}

fn main() -> saddlepoint::Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|a| a == name);
    let lattice = |name: &str, sides: &[usize], element| {
        let crystal = Crystal::named(name, sides.len())?;
        Model::lattice(&crystal, sides, Boundary::Torus, element)
    };
    let largest = Follow::default();
    let onset = Follow {
        onset: true,
        only_onset: false,
    };
    for (name, l, follow) in [
        ("square-64", 64, largest),
        ("square-1024", 1024, largest),
        ("square-4096", 4096, largest),
        ("winding-64", 64, onset),
        ("winding-1024", 1024, onset),
    ] {
        if wanted(name) {
            rate(
                name,
                &lattice("hypercubic", &[l, l], Element::Site)?,
                follow,
                1.0,
            );
        }
    }
    for (name, lattice_name, sides, element) in [
        ("square-bond-64", "hypercubic", vec![64; 2], Element::Bond),
        ("cubic-32", "hypercubic", vec![32; 3], Element::Site),
        (
            "hypercubic4-bond-12",
            "hypercubic",
            vec![12; 4],
            Element::Bond,
        ),
        ("triangular-64", "triangular", vec![64; 2], Element::Site),
    ] {
        if wanted(name) {
            rate(name, &lattice(lattice_name, &sides, element)?, onset, 1.0);
        }
    }
    for l in [64, 1024] {
        let name = format!("two-threads-{l}");
        if wanted(&name) {
            let model = lattice("hypercubic", &[l, l], Element::Site)?;
            let (mut one, mut two) = (0f64, 0f64);
            for _ in 0..5 {
                one = one.max(replicas(&model, 1, 0.3));
                two = two.max(replicas(&model, 2, 0.3));
            }
            let gain = two / one;
            println!("{name}: total {two:.3e} elements/s (replicas; {gain:.2} times one thread)");
        }
    }
    if wanted("strip-32768") {
        let (l, mut rng, start) = (32768, stream(1, "bench", &[]), Instant::now());
        let found = strip(0.592746, l, 2048, true, &mut rng)?;
        let rate = found.sites as f64 / start.elapsed().as_secs_f64();
        println!(
            "strip-32768: total {rate:.3e} sites/s (one p, 2048 rows, {} clusters)",
            found.clusters
        );
    }
    Ok(())
}
