//! What were the ridge and the label noise? Read off from the errors of kernel regressions, with error bars.
//!
//! Regressions on sampled data are the experiment: errors on new points and on the training points, at several numbers
//! of samples P. The theory of learning curves has two unknown parameters, which are fitted to both at once: a ridge
//! and a noise can change together so that the errors on new points hardly move, but not those on the training points.
//! Data sets are nested in P, so that the errors of one draw are correlated: the fit reads this off the draws.
//!
//! Labels y = X w + noise, w_k^2 = lam_k = k^-2, are learned with dual coefficients a = (X lam X^T + ridge)^-1 y:
//!     error on new points = sum_k (w_k - lam_k (X^T a)_k)^2,   on training points = ridge^2 |a|^2/P.
//!
//!     cargo run --release --example fit_a_theory

#[path = "teach/mod.rs"]
mod teach;

use nalgebra::{DMatrix, DVector};
use saddlepoint::Result;
use saddlepoint::compare::Blocks;
use saddlepoint::compare::fit::{Model, Parameter, Predicted, Settings, fit};
use saddlepoint::experiment::DrawIndex;
use saddlepoint::numerics::linalg::{outer_gram, solve_spd};
use saddlepoint::numerics::random::{normal_matrix, stream};
use saddlepoint::rg::{PowerLaw, Spectrum, equivalent};

const SAMPLES: [usize; 4] = [20, 40, 80, 160];
const MODES: usize = 300;
const RIDGE: f64 = 0.3;
const NOISE: f64 = 0.1;

fn main() -> Result<()> {
    let draws = teach::pick(16, 64);
    let modes = Spectrum::power_law(PowerLaw::new(1.0, 1.0), MODES)?;
    let mut rows = vec![];
    for dataset in 0..draws {
        let replica = 0;
        rows.push((DrawIndex { dataset, replica }, errors(&modes, dataset)?));
    }
    let measured = Blocks::from_draws(&rows)?;

    let parameters = vec![
        Parameter::log("ridge", 1e-3, 10.0),
        Parameter::log("noise", 1e-3, 10.0),
    ];
    let theory = Model::new(parameters, |x: &[f64]| {
        let noisy = modes.clone().with_noise(x[1])?;
        let mut row = vec![];
        for samples in SAMPLES {
            let curve = equivalent(&noisy, samples as f64, x[0])?;
            row.extend([curve.generalization_error, curve.training_error]);
        }
        Ok(Predicted::exact(row))
    });
    let truth = [RIDGE, NOISE];
    let settings = Settings {
        reference: Some(truth.to_vec()),
        ..Settings::default()
    };
    let result = fit(&theory, &measured, &settings)?;

    println!(
        "{draws} draws of {} points, {} predictions",
        result.points, result.evaluations
    );
    println!(
        "           estimate    68 % of the profile      68 % of the bootstrap    truth    pull"
    );
    let mut worst = 0.0f64;
    for (p, truth) in result.parameters.iter().zip(truth) {
        let pull = p.pull.unwrap_or(f64::NAN);
        let range = |lower: f64, upper: f64| format!("{lower:.4} to {upper:.4}");
        let profile = range(p.profile[0].lower, p.profile[0].upper);
        let resampled = p.bootstrap.map(|b| range(b[0].lower, b[0].upper));
        let (name, estimate, resampled) = (&p.name, p.estimate, resampled.unwrap_or_default());
        println!(
            "{name:8}   {estimate:.4}      {profile}         {resampled}         {truth}     {pull:+.2}"
        );
        worst = worst.max(pull.abs());
    }
    println!(
        "chi2 = {:.2} with {} degrees of freedom, p = {:.3}; correlation of the estimates {:.3}",
        result.chi2,
        result.degrees,
        result.p.unwrap_or(f64::NAN),
        result.correlation[0][1]
    );
    let what = "worst estimate: distance from the truth in standard errors";
    teach::agree(what, (worst, 1.0), 0.0)
}

/// Kernel ridge regression on growing parts of one data set. For each: the squared error on new points without noise,
/// `sum_k (y_k - learned_k)^2`, and the mean squared error on the training points.
fn errors(modes: &Spectrum, draw: usize) -> Result<Vec<f64>> {
    let key = [draw as u64];
    let largest = SAMPLES[SAMPLES.len() - 1];
    // Drawn sample by sample, so that fewer samples are a prefix.
    let features = normal_matrix(&mut stream(3, "features", &key), MODES, largest).transpose();
    let target = DVector::from_iterator(MODES, modes.targets().iter().map(|t| t.sqrt()));
    let noise = normal_matrix(&mut stream(3, "labels", &key), largest, 1) * NOISE.sqrt();
    let labels = &features * &target + noise.column(0);
    let lam = modes.eigenvalues();
    let mut row = vec![];
    for samples in SAMPLES {
        let x = features.rows(0, samples).into_owned();
        let scaled = DMatrix::from_fn(samples, MODES, |i, k| x[(i, k)] * lam[k].sqrt());
        let gram = outer_gram(&scaled) + DMatrix::identity(samples, samples) * RIDGE;
        let known = DMatrix::from_column_slice(samples, 1, &labels.as_slice()[..samples]);
        let dual = solve_spd(&gram, &known)?;
        let learned = x.tr_mul(&dual);
        let miss = |k: usize| (target[k] - lam[k] * learned[k]).powi(2);
        // What is left of a label is the ridge times its dual coefficient.
        let left = dual.norm_squared() * RIDGE * RIDGE / samples as f64;
        row.extend([(0..MODES).map(miss).sum(), left]);
    }
    Ok(row)
}
