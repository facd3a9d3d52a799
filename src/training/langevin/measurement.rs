//! Several chains as one measurement, with a certificate that stands between the numbers and whoever asks for them.

use super::sampling::Sampled;
use crate::error::{Error, Result};
use crate::training::diagnostics::{Certificate, Estimate, Thresholds, estimate};
use nalgebra::DMatrix;

/// Means of observables over chains. Nothing is handed out unless every check has passed.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    names: Vec<String>,
    estimates: Vec<Estimate>,
    /// Mean of every observable (column) in every chain (row).
    blocks: DMatrix<f64>,
    thresholds: Thresholds,
    /// The checks so far: split R-hat, effective sample size and scatter of `V` and of every observable, the virial identity in total and
    /// per group, acceptance, temperature rise.
    pub certificate: Certificate,
    /// What the stiffness guard did, per chain.
    pub warnings: Vec<String>,
}

/// Diagnoses chains: `names` of the observables in their order, `groups` the numbers of parameters per virial group.
///
/// Errors: [`Error::Unconverged`] where the chains are too short to estimate an autocorrelation time.
pub fn diagnose(
    chains: &[Sampled],
    names: &[&str],
    groups: &[usize],
    thresholds: Thresholds,
) -> Result<Measurement> {
    let shapes_agree = chains
        .iter()
        .all(|c| c.trace.observables.len() == names.len() && c.trace.virial.len() == groups.len());
    if chains.is_empty() || !shapes_agree {
        let cause = "the chains do not have the named observables and groups";
        return Err(Error::bug("diagnosis of chains", cause));
    }
    let mut certificate = Certificate::default();
    let potential = of("the potential", chains, |c| c.trace.potential.clone())?;
    certificate.mixing("the potential", &potential, &thresholds);
    let mut estimates = Vec::new();
    for (k, name) in names.iter().enumerate() {
        let found = of(name, chains, |c| c.trace.observables[k].clone())?;
        certificate.mixing(name, &found, &thresholds);
        estimates.push(found);
    }
    virial_identity(&mut certificate, chains, groups, &thresholds)?;
    let rises: Vec<f64> = chains.iter().flat_map(|c| &c.trace.rise).copied().collect();
    if !rises.is_empty() {
        let rise = rises.iter().sum::<f64>() / rises.len() as f64;
        certificate.at_most("relative rise of the temperature", rise, thresholds.rise);
    }
    if let Some(worst) = chains.iter().filter_map(|c| c.acceptance).reduce(f64::min) {
        certificate.at_least("acceptance rate", worst, thresholds.acceptance);
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    Ok(Measurement {
        names: names.iter().map(|n| n.to_string()).collect(),
        estimates,
        blocks: DMatrix::from_fn(chains.len(), names.len(), |c, k| {
            mean(&chains[c].trace.observables[k])
        }),
        thresholds,
        certificate,
        warnings: chains
            .iter()
            .enumerate()
            .flat_map(|(c, s)| s.warnings.iter().map(move |w| format!("chain {c}: {w}")))
            .collect(),
    })
}

/// `E[sum_j theta_j dU/dtheta_j] = T n`, in total and per group where there are several.
fn virial_identity(
    certificate: &mut Certificate,
    chains: &[Sampled],
    groups: &[usize],
    thresholds: &Thresholds,
) -> Result<()> {
    let total = of("the virial", chains, |c| {
        (0..c.trace.potential.len())
            .map(|t| c.trace.virial.iter().map(|g| g[t]).sum())
            .collect()
    })?;
    let parameters: usize = groups.iter().sum();
    let name = "the virial identity";
    certificate.identity(name, &total, parameters as f64, thresholds.virial);
    if groups.len() > 1 {
        for (g, &n) in groups.iter().enumerate() {
            let name = format!("the virial identity of group {}", g + 1);
            let found = of(&name, chains, |c| c.trace.virial[g].clone())?;
            certificate.identity(&name, &found, n as f64, thresholds.virial);
        }
    }
    Ok(())
}

/// The estimate of one series; an error names it.
fn of(name: &str, chains: &[Sampled], series: impl Fn(&Sampled) -> Vec<f64>) -> Result<Estimate> {
    let series: Vec<Vec<f64>> = chains.iter().map(series).collect();
    estimate(&series).map_err(|e| match e {
        Error::Unconverged {
            solver,
            cause,
            remedy,
        } => Error::unconverged(format!("{solver} of {name}"), cause, remedy),
        other => other,
    })
}

impl Measurement {
    /// Adds the check that chains from another kind of start agree.
    pub fn agrees_from(&mut self, other: &Measurement) {
        self.against(
            other,
            "between the two kinds of start",
            self.thresholds.starts,
        );
    }

    /// Adds the check that chains with half the step agree.
    pub fn agrees_halved(&mut self, half: &Measurement) {
        self.against(
            half,
            "between the step and half the step",
            self.thresholds.halving,
        );
    }

    fn against(&mut self, other: &Measurement, what: &str, limit: f64) {
        for ((name, a), b) in self.names.iter().zip(&self.estimates).zip(&other.estimates) {
            let name = format!("{what} of {name}");
            self.certificate.agreement(&name, a, b, limit);
        }
    }

    /// Mean and error of observable `k`.
    ///
    /// Errors: [`Error::Unconverged`] with the failed checks.
    pub fn estimate(&self, k: usize) -> Result<&Estimate> {
        self.certificate.require()?;
        self.estimates
            .get(k)
            .ok_or_else(|| Error::bug("measurement", format!("no observable {k}")))
    }

    /// Chain means, `chains x observables`: the blocks for the jackknife of non-linear quantities such as `(y - mean f)^2`.
    ///
    /// Errors: [`Error::Unconverged`] with the failed checks.
    pub fn blocks(&self) -> Result<&DMatrix<f64>> {
        self.certificate.require()?;
        Ok(&self.blocks)
    }
}
