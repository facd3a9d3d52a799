//! Mass and quartic vertex of a weakly non-linear theory on power-law data: fixed points, exponents and how the
//! vertex dies out with the number of samples.
//!
//! Data lam_k ~ k^-(1 + alpha). At the interacting point the eigenvalues solve e^2 + (1 + 3 alpha) e = (1 + 2 alpha)(2
//! + 3 alpha): one direction is relevant. At the Gaussian point the vertex dies out as P^-(alpha/(1 + alpha)).
//!
//!     cargo run --release --example fixed_points

#[path = "teach/mod.rs"]
mod teach;

use saddlepoint::rg::fixed_point::{gaussian, interacting};
use saddlepoint::rg::{PowerLaw, Quartic, Spectrum, hartree, modes};

fn main() -> saddlepoint::Result<()> {
    println!(
        "Fixed points of the one-loop flow of mh = m lam_K and uh = w K lam_K^2 towards the infrared, yh = 0"
    );
    println!("alpha   point          mh*        uh*        eigenvalues (positive: relevant)");
    let mut worst = 0.0f64;
    for alpha in [0.5, 1.0, 2.0] {
        let law = PowerLaw::new(alpha, alpha);
        for (name, point) in [
            ("Gaussian", gaussian(law, 0.0)),
            ("interacting", interacting(law, 0.0)?),
        ] {
            let [first, second] = point.eigenvalues;
            println!(
                "{alpha:<6}  {name:<13}{:>9.6}  {:>9.6}  {first:>10.6}, {second:>10.6}",
                point.couplings.mass, point.couplings.vertex
            );
        }
        let [first, second] = interacting(law, 0.0)?.eigenvalues;
        let sum = 1.0 + 3.0 * alpha;
        let root = (sum * sum + 4.0 * (1.0 + 2.0 * alpha) * (2.0 + 3.0 * alpha)).sqrt();
        worst = worst.max(
            (first - 0.5 * (root - sum))
                .abs()
                .max((second + 0.5 * (root + sum)).abs()),
        );
    }
    println!(
        "A quartic loss changes the error of Gaussian-process regression less and less (alpha = beta = 1, g = 0.3):"
    );
    println!("P         relative change    factor");
    let mut last = f64::NAN;
    for power in 2..=5 {
        let samples = 10f64.powi(power);
        let count = (40.0 * samples.sqrt()) as usize;
        let modes = modes(&Spectrum::power_law(PowerLaw::new(1.0, 1.0), count)?)?;
        let change = hartree(&modes, Quartic::of_loss(samples, 1.0, 0.3, 0.0))?
            .correction()
            .abs();
        let factor = if last.is_nan() {
            "-".into()
        } else {
            format!("{:.3}", last / change)
        };
        println!("{samples:<8}  {change:.6}           {factor}");
        last = change;
    }
    println!(
        "The factor per decade goes to sqrt(10) = 3.162, the exponent alpha/(1 + alpha) = 1/2: Gaussian theory rules."
    );
    teach::check("worst eigenvalue", worst, 0.0, 1e-14, "rounding")
}
