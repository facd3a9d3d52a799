//! Probes: which latents of the data can be read off linearly.

use super::reading::{Read, Reading, When};
use super::subject::refused;
use super::{Axis, Declined, Observable};
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::numerics::linalg::solve_spd;
use crate::task::{Dataset, Groups, Latent};
use nalgebra::DMatrix;

/// How well membership in latents is read off the last hidden layer, by the size of the latents.
pub static LATENT_PROBE: Observable = Observable {
    name: "latent-probe",
    label: "latents read off the last hidden layer, R^{2}",
    unit: "1",
    convention: "held-out R^2 (test samples) of ridge regression of the 0/1 membership on the features of the last hidden layer, fitted to the training \
                 samples with ridge 1e-3 times the mean variance of a feature; mean over the kept latents with share of all points in (x/2, x]; endpoint 0 = \
                 start (control: untrained), 1 = end",
    undefined: Some("no latent of such a share is known"),
    held_out: true,
    ..Observable::PLAIN
};

/// The same from the raw inputs.
pub static LATENT_PROBE_INPUTS: Observable = Observable {
    name: "latent-probe-inputs",
    label: "latents read off the inputs, R^{2}",
    unit: "1",
    convention: "latent-probe on the raw inputs instead of a hidden layer: the control for what the network adds",
    undefined: Some("no latent of such a share is known"),
    held_out: true,
    ..Observable::PLAIN
};

/// Ridge over the mean variance of a feature.
const RIDGE: f64 = 1e-3;

pub(super) static PROBE: Reading = Reading {
    about: &About {
        kind: "latent-probe",
        summary: "which latents are linearly decodable from the last hidden layer, by their size",
        text: "\
Held-out R^2 = 1 - |m - m'|^2/|m - mean m|^2 over the test samples, m the 0/1 membership in a latent and m' its ridge regression on the
features of the last hidden layer, fitted to the training samples (ridge 1e-3 times the mean variance of a feature). On the axes
endpoint (0 = start: the control of an untrained network, 1 = end) and share x: mean over the kept latents with share in (x/2, x]; undefined where
there is none. Needs a task that knows latents (percolation-hierarchy, percolation-clusters) and test samples; the inputs themselves: latent-probe-inputs.
Source: the probes of Brill, Ingebretsen Carlson 2026 (arXiv:2606.20347).",
        revision: 1,
    },
    observable: &LATENT_PROBE,
    when: When::Ends,
    axes: |subject, experiment| match subject.learner.hidden(subject.shape).is_empty() {
        true => Err(Declined("the learner shows no hidden layers".into())),
        false => axes(experiment),
    },
    reader: |subject, dataset| {
        let (groups, test) = parts(dataset, "latent-probe")?;
        let (groups, x, test) = (groups.clone(), dataset.x.clone(), test.clone());
        let mut network = subject.learner.network(subject.shape);
        Ok(Box::new(move |parameters| {
            let mut last = |x| network.features(parameters, x).pop().unwrap_or_default();
            let (train, test) = (last(&x), last(&test));
            probe(train, test, &groups)
        }))
    },
    space: |subject| {
        let samples = subject.shape.samples + subject.test_samples;
        let units: usize = subject.learner.hidden(subject.shape).iter().sum();
        subject.forward(samples) + 2 * samples * units
    },
    ensemble: None,
};

pub(super) static INPUTS: Reading = Reading {
    about: &About {
        kind: "latent-probe-inputs",
        summary: "which latents are linearly decodable from the inputs, by their size",
        text: "\
latent-probe on the raw inputs, on the axis share: what the network adds to them is the difference. Nothing of it depends on the
learner.",
        revision: 1,
    },
    observable: &LATENT_PROBE_INPUTS,
    when: When::End,
    axes: |_, experiment| axes(experiment),
    reader: |_, dataset| -> Result<Read> {
        let (groups, test) = parts(dataset, "latent-probe-inputs")?;
        let found = probe(dataset.x.clone(), test.clone(), groups)?;
        Ok(Box::new(move |_| Ok(found.clone())))
    },
    space: |subject| 2 * subject.shape.inputs * (subject.shape.samples + subject.test_samples),
    ensemble: None,
};

fn needs_latents() -> Declined {
    Declined("needs a task with known latents (percolation-hierarchy, percolation-clusters) and test samples".into())
}

fn axes(experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
    let shares = (0..Latent::OCTAVES).map(|k| 0.5f64.powi(k as i32));
    match experiment.task.has_groups() && experiment.task.has_test() {
        true => Ok(vec![Axis::new("share", "1", shares.collect())]),
        false => Err(needs_latents()),
    }
}

fn parts<'a>(dataset: &'a Dataset, name: &str) -> Result<(&'a Groups, &'a DMatrix<f64>)> {
    match (&dataset.groups, &dataset.test) {
        (Some(groups), Some((x, _))) => Ok((groups, x)),
        _ => Err(refused(name, needs_latents())),
    }
}

/// Mean held-out R^2 for every octave of sizes, from features `units x samples` of training and test samples.
fn probe(mut train: DMatrix<f64>, mut test: DMatrix<f64>, groups: &Groups) -> Result<Vec<f64>> {
    let (units, samples) = train.shape();
    let mean = train.column_mean();
    for mut column in train.column_iter_mut().chain(test.column_iter_mut()) {
        column -= &mean;
    }
    let mut covariance = &train * train.transpose() / samples as f64;
    let variance = covariance.trace() / units as f64;
    let octaves = Latent::OCTAVES;
    if groups.latents.is_empty() || variance <= 0.0 {
        return Ok(vec![f64::NAN; octaves]);
    }
    for k in 0..units {
        covariance[(k, k)] += RIDGE * variance;
    }
    let count = groups.latents.len();
    let mut moments = DMatrix::zeros(units, count);
    for (latent, mut moment) in groups.latents.iter().zip(moments.column_iter_mut()) {
        // Features have mean zero: the mean of the membership drops out.
        for &k in &latent.train {
            moment += train.column(k as usize) / samples as f64;
        }
    }
    let readout = solve_spd(&covariance, &moments)?;
    let told = test.transpose() * readout;
    let mut found = vec![(0.0, 0.0); octaves];
    for (latent, told) in groups.latents.iter().zip(told.column_iter()) {
        let offset = latent.train.len() as f64 / samples as f64;
        let mut member = vec![0.0; told.len()];
        latent.test.iter().for_each(|&k| member[k as usize] = 1.0);
        let mean = latent.test.len() as f64 / member.len() as f64;
        let pairs = member.iter().zip(told.iter());
        let wrong: f64 = pairs.map(|(m, t)| (m - offset - t).powi(2)).sum();
        let total: f64 = member.iter().map(|m| (m - mean).powi(2)).sum();
        if total > 0.0 {
            let (sum, count) = &mut found[Latent::octave(latent.share).min(octaves - 1)];
            *sum += 1.0 - wrong / total;
            *count += 1.0;
        }
    }
    Ok(found.into_iter().map(|(sum, count)| sum / count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};
    use crate::task::percolation_hierarchy::Mode;
    use crate::task::{PercolationHierarchy, Task};

    #[test]
    fn a_planted_feature_is_found_and_a_foreign_one_is_not() {
        // Membership where the first feature is positive: R^2 of sign(z) on z is 2/pi; of another octave a set unrelated to z.
        let z = normal_matrix(&mut stream(1, "probe", &[]), 3, 40_000);
        let (train, test) = (
            z.columns(0, 20_000).into_owned(),
            z.columns(20_000, 20_000).into_owned(),
        );
        let inside = |m: &DMatrix<f64>| {
            let positive = (0..20_000u32).filter(|&k| m[(0, k as usize)] > 0.0);
            positive.collect::<Vec<_>>()
        };
        let every_third: Vec<u32> = (0..20_000).step_by(3).collect();
        let groups = Groups {
            latents: vec![
                Latent {
                    share: 0.6,
                    train: inside(&train),
                    test: inside(&test),
                },
                Latent {
                    share: 0.3,
                    train: every_third.clone(),
                    test: every_third,
                },
            ],
            ..Groups::default()
        };
        let found = probe(train, test, &groups).unwrap();
        assert!(
            (found[0] - 2.0 / std::f64::consts::PI).abs() < 0.01,
            "{found:?}"
        );
        assert!(found[1].abs() < 0.002 && found[2].is_nan(), "{found:?}");
    }

    #[test]
    fn coarse_latents_are_read_off_the_inputs_better_than_fine_ones() {
        let task = PercolationHierarchy {
            mode: Mode::OneCluster,
            test_samples: 500,
            ..PercolationHierarchy::new(5000, 1500)
        };
        let mut mean = vec![0.0; Latent::OCTAVES];
        for seed in 0..4 {
            let data = task.draw(&mut stream(seed, "dataset", &[0])).unwrap();
            let (groups, test) = parts(&data, "probe").unwrap();
            let found = probe(data.x.clone(), test.clone(), groups).unwrap();
            mean.iter_mut().zip(found).for_each(|(m, f)| *m += f / 4.0);
        }
        assert!(mean[1] > 0.5 && mean[1] > mean[6] + 0.1, "{mean:?}");
    }
}
