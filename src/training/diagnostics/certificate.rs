//! The certificate of a sampled measurement: all checks with their numbers, and no result without it.

use super::Estimate;
use crate::error::{Error, Result};
use std::fmt;

/// One check: a number that must not exceed (or fall below) its limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What is checked, of which quantity.
    pub name: String,
    /// Number that was found.
    pub value: f64,
    /// Number it is held against.
    pub limit: f64,
    /// On the right side of the limit.
    pub passed: bool,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{} = {:.4} (limit {}){}",
            self.name,
            self.value,
            self.limit,
            if self.passed { "" } else { " FAILED" }
        )
    }
}

/// Limits of the checks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Largest split R-hat.
    pub rhat: f64,
    /// Smallest effective sample size.
    pub effective: f64,
    /// Largest |z| of the virial identity.
    pub virial: f64,
    /// Largest |z| between chains from two kinds of start.
    pub starts: f64,
    /// Largest |z| between the step and half the step.
    pub halving: f64,
    /// Smallest probability of the scatter of the chain means.
    pub scatter: f64,
    /// Smallest acceptance rate of a Metropolis scheme.
    pub acceptance: f64,
    /// Largest relative rise of the temperature by mini-batches.
    pub rise: f64,
}

/// R-hat 1.05, 100 effective samples, 3 standard errors in the virial identity, between starts and between steps, scatter of probability
/// 1e-3, acceptance 0.2, temperature rise 2 %.
impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            rhat: 1.05,
            effective: 100.0,
            virial: 3.0,
            starts: 3.0,
            halving: 3.0,
            scatter: 1e-3,
            acceptance: 0.2,
            rise: 0.02,
        }
    }
}

/// The checks that a measurement went through.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Certificate {
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

impl Certificate {
    /// True when there are checks and none failed.
    pub fn passed(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|c| c.passed)
    }

    /// The checks that failed.
    pub fn failures(&self) -> Vec<&Check> {
        self.checks.iter().filter(|c| !c.passed).collect()
    }

    /// Nothing if all checks passed, else [`Error::Unconverged`] with the numbers of those that failed.
    pub fn require(&self) -> Result<()> {
        if self.passed() {
            return Ok(());
        }
        let failed: Vec<String> = self.failures().iter().map(|c| c.to_string()).collect();
        let cause = match failed.is_empty() {
            true => "nothing was checked".to_string(),
            false => failed.join("; "),
        };
        Err(Error::unconverged(
            "sampling",
            cause,
            "run longer (more steps, longer burn-in) or with a smaller step, then ask for the result again",
        ))
    }

    /// Passes when `value <= limit`; not-a-number fails.
    pub fn at_most(&mut self, name: impl Into<String>, value: f64, limit: f64) {
        self.push(name, value, limit, value <= limit);
    }

    /// Passes when `value >= limit`; not-a-number fails.
    pub fn at_least(&mut self, name: impl Into<String>, value: f64, limit: f64) {
        self.push(name, value, limit, value >= limit);
    }

    /// Split R-hat, effective sample size and chain scatter of one quantity.
    pub fn mixing(&mut self, name: &str, e: &Estimate, t: &Thresholds) {
        self.at_most(format!("split R-hat of {name}"), e.rhat, t.rhat);
        self.at_least(
            format!("effective sample size of {name}"),
            e.effective,
            t.effective,
        );
        if e.scatter.is_some() {
            self.at_least(
                format!("probability of the scatter of the chain means of {name}"),
                e.scatter_probability,
                t.scatter,
            );
        }
    }

    /// `|z|` of an identity `E[quantity] = exact`.
    pub fn identity(&mut self, name: &str, e: &Estimate, exact: f64, limit: f64) {
        self.at_most(format!("|z| of {name}"), e.z(exact).abs(), limit);
    }

    /// `|z|` between two independent estimates of the same quantity.
    pub fn agreement(&mut self, name: &str, a: &Estimate, b: &Estimate, limit: f64) {
        self.at_most(format!("|z| {name}"), a.z_between(b).abs(), limit);
    }

    fn push(&mut self, name: impl Into<String>, value: f64, limit: f64, passed: bool) {
        self.checks.push(Check {
            name: name.into(),
            value,
            limit,
            passed,
        });
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.checks.iter().try_for_each(|c| writeln!(f, "{c}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_result_without_checks_and_failures_carry_their_numbers() {
        let mut certificate = Certificate::default();
        assert!(certificate.require().is_err());
        certificate.at_most("split R-hat of loss", 1.01, 1.05);
        assert!(certificate.require().is_ok());
        certificate.at_least("effective sample size of loss", 12.0, 100.0);
        certificate.at_most("|z| of the virial identity", f64::NAN, 3.0);
        assert_eq!(certificate.failures().len(), 2);
        let text = certificate.require().unwrap_err().to_string();
        assert!(text.contains("effective sample size of loss = 12.0000 (limit 100)"));
        assert!(text.contains("NaN") && !text.contains("R-hat"));
    }
}
