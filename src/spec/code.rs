//! Specs stated in code: an experiment, what is observed, and theories as trait objects.

use super::{Cell, Compare, Document, Expect, Measure, Spec, TheoryEntry, Tolerance, build};
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::theory::Theory;
use std::sync::Arc;

impl Spec {
    /// One experiment and the names of its observables, without any file. Tasks, learners and training rules of the user's own
    /// enter as trait objects in the [`Experiment`].
    ///
    /// # Errors
    /// An unknown observable, or one that cannot be measured in this experiment.
    pub fn new(name: &str, experiment: Experiment, observables: &[&str]) -> Result<Spec> {
        let draws = &experiment.draws;
        let measure = Measure {
            observables: observables.iter().map(|o| o.to_string()).collect(),
            datasets: draws.datasets,
            replicas: draws.replicas,
            points: draws.points,
            spacing: draws.spacing,
        };
        let (instruments, wanted) = build::instruments(&measure, &experiment)?;
        Ok(Spec {
            name: name.into(),
            title: name.into(),
            seed: experiment.seed,
            document: Document {
                path: "(stated in code)".into(),
                text: String::new(),
                overrides: vec![],
            },
            quick: false,
            cells: vec![Cell {
                set: vec![],
                experiment,
                instruments,
                wanted,
                theories: vec![],
            }],
            compare: Compare::default(),
            reduce: vec![],
            figures: vec![],
            resolved: serde_json::Value::Null,
            hash: String::new(),
        }
        .sealed())
    }

    /// Adds a theory entry to every cell.
    ///
    /// # Errors
    /// A label that is used already.
    pub fn theory(
        mut self,
        label: &str,
        theory: Arc<dyn Theory>,
        expect: Option<Expect>,
    ) -> Result<Spec> {
        for cell in &mut self.cells {
            if cell.theories.iter().any(|t| t.label == label) {
                return Err(Error::input(
                    "theory label",
                    format!("\"{label}\" is used twice"),
                    "give each theory its own label",
                ));
            }
            let about = theory.info().about;
            cell.theories.push(TheoryEntry {
                kind: about.kind,
                label: label.into(),
                revision: about.revision,
                theory: theory.clone(),
                experiment: cell.experiment.clone(),
                expect,
            });
        }
        Ok(self.sealed())
    }

    /// Sets the tolerance of all observables.
    pub fn tolerance(mut self, tolerance: Tolerance) -> Spec {
        self.compare.tolerance = tolerance;
        self.sealed()
    }
}
