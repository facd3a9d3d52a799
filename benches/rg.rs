//! Flows of the renormalisation group. `cargo bench --bench rg`

use divan::{Bencher, black_box};
use saddlepoint::rg::fixed_point::separatrix;
use saddlepoint::rg::quartic::{Couplings, flow_line};
use saddlepoint::rg::random_features::random_features;
use saddlepoint::rg::{
    PowerLaw, Quartic, Scheme, Spectrum, equivalent, functional_flow, learning_curve, modes,
    ridge_flow,
};

fn main() {
    divan::main();
}

fn spectrum(modes: usize) -> Spectrum {
    Spectrum::power_law(PowerLaw::new(1.0, 1.0), modes).expect("a power law")
}

/// The renormalised ridge of a million modes.
#[divan::bench]
fn renormalised_ridge_of_a_million_modes(bencher: Bencher) {
    let spectrum = spectrum(1_000_000);
    bencher.bench(|| {
        equivalent(black_box(&spectrum), 1000.0, 0.1)
            .expect("a root")
            .threshold
    });
}

/// Fifty numbers of samples from 10 to 1e5.
#[divan::bench]
fn learning_curve_of_a_million_modes(bencher: Bencher) {
    let spectrum = spectrum(1_000_000);
    let samples: Vec<f64> = (0..50)
        .map(|i| 10f64.powf(1.0 + 4.0 * f64::from(i) / 49.0))
        .collect();
    bencher.bench(|| {
        learning_curve(black_box(&spectrum), &samples, 0.1)
            .expect("a curve")
            .len()
    });
}

/// One point of the plane of samples and features.
#[divan::bench]
fn random_features_of_a_thousand_modes(bencher: Bencher) {
    let spectrum = spectrum(1000);
    bencher.bench(|| {
        random_features(black_box(&spectrum), 100.0, 300.0, 1e-5)
            .expect("a root")
            .threshold
    });
}

/// All cutoffs in the exact scheme.
#[divan::bench]
fn ridge_flow_of_a_million_modes(bencher: Bencher) {
    let spectrum = spectrum(1_000_000);
    bencher.bench(|| {
        ridge_flow(black_box(&spectrum), 1000.0, 0.1, Scheme::Exact)
            .expect("a flow")
            .ridges[0]
    });
}

/// The whole potential, mode by mode.
#[divan::bench]
fn functional_flow_of_200_modes(bencher: Bencher) {
    let modes = modes(&spectrum(200)).expect("modes");
    let bare = Quartic {
        mass: 100.0,
        vertex: 4000.0,
    };
    bencher.bench(|| {
        functional_flow(black_box(&modes), &bare, &Default::default())
            .expect("a flow")
            .grid_error
    });
}

/// Sixty lines with the separatrix.
#[divan::bench]
fn flow_diagram() -> usize {
    let law = PowerLaw::new(1.0, 1.0);
    let times: Vec<f64> = (0..400).map(|i| 0.025 * f64::from(i)).collect();
    let start = |i: i32| Couplings {
        mass: 1e-3 * f64::from(i - 30) / 30.0,
        vertex: 1e-4,
        target: 0.0,
    };
    let line = |i: i32| {
        flow_line(law, start(i), &times, 1.5)
            .expect("a line")
            .times
            .len()
    };
    let edge = separatrix(law, 0.0, &times, 1.5).expect("two branches");
    (0..60).map(line).sum::<usize>() + edge[0].times.len()
}
