//! The ridge of kernel regression as its modes are integrated out: three schemes, one trajectory.
//!
//! Modes that P samples cannot learn act on the others as a ridge. With the renormalised ridge kappa of all modes
//!     exact     r_K = r + sum_{k>K} kappa lam_k/(kappa + P lam_k),   r_0 = kappa
//!     tail sum  r_K = r + sum_{k>K} lam_k
//!     running   r_{K-1} = r_K + r_K lam_K/(r_K + P lam_K)
//! The theory of the first K modes, with the exact ridge and noise, has the same kappa and the same error at every K:
//! this is checked.
//!
//!     cargo run --release --example ridge_flow

#[path = "teach/mod.rs"]
mod teach;

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
    let (tolerance, why) = (4000.0 * f64::EPSILON, "4000 roundings");
    teach::check("largest change", worst, 0.0, tolerance, why)
}
