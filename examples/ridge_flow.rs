//! The ridge of kernel regression as its modes are integrated out: three schemes, one trajectory.
//!
//! `cargo run --release --example ridge_flow`

use saddlepoint::rg::{PowerLaw, Scheme, Spectrum, equivalent, noise_flow, ridge_flow};

fn main() -> saddlepoint::Result<()> {
    let (samples, ridge) = (100.0, 0.1);
    let law = PowerLaw::new(1.0, 1.0);
    let modes = Spectrum::power_law(law, 4000)?.with_noise(0.01)?;
    let curve = equivalent(&modes, samples, ridge)?;
    println!(
        "lam_k = y_k^2 = k^-2, D = 4000 modes, P = {samples} samples, ridge {ridge}, noise 0.01"
    );
    println!("    K   exact       tail-sum    running     noise       learnability of mode K");
    let flows = [Scheme::Exact, Scheme::TailSum, Scheme::Running]
        .map(|scheme| ridge_flow(&modes, samples, ridge, scheme));
    let [exact, tail, running] = flows;
    let (exact, tail, running) = (exact?, tail?, running?);
    let noise = noise_flow(&modes, &curve)?;
    for kept in [4000, 1000, 200, 50, 10, 1, 0] {
        let learned = match exact.learnability(kept) {
            Some(share) => format!("{share:.4}"),
            None => "-".into(),
        };
        println!(
            "{kept:5}   {:.8}  {:.8}  {:.8}  {:.8}  {learned}",
            exact.ridges[kept], tail.ridges[kept], running.ridges[kept], noise[kept]
        );
    }
    let stop = tail.stop(0.5)?;
    println!(
        "The tail sum stops at K = {}, where the ridge is {:.6}: below, modes are learned and are no noise.",
        stop.kept, stop.ridge
    );
    // The theory of the first modes alone, with the flowing ridge and noise, has the same ridge and error at every K.
    let mut worst = 0.0f64;
    for kept in [3000, 300, 30, 3] {
        let part = modes.kept(kept).with_noise(noise[kept])?;
        let same = equivalent(&part, samples, exact.ridges[kept])?;
        worst = worst.max((same.renormalised_ridge / curve.renormalised_ridge - 1.0).abs());
        worst = worst.max((same.total_error / curve.total_error - 1.0).abs());
    }
    let ok = worst < 1e-11;
    println!(
        "check: value = {worst:.1e}, theory = 0, tolerance = 1e-11 (renormalised ridge and error along the flow): {}",
        if ok { "ok" } else { "FAILED" }
    );
    std::process::exit(if ok { 0 } else { 1 })
}
