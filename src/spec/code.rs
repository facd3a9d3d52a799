//! Specs stated in code: experiments, what is observed, and theories as trait objects.

use super::keys::Asked;
use super::{
    Cell, Compare, Document, Expect, Measure, Spec, TheoryEntry, Tolerance, build, entry, sweep,
};
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::unknown;
use crate::theory::Theory;
use std::sync::Arc;

impl Spec {
    /// One experiment and the names of its observables (none: theories alone, see [`Spec::tell`]), without any file. Tasks, learners and training rules of the user's own
    /// enter as trait objects in the [`Experiment`].
    ///
    /// ```
    /// use saddlepoint::experiment::{Draws, Experiment, Spacing};
    /// use saddlepoint::run::{Settings, assess::assess, execute};
    /// use saddlepoint::spec::{Expect, Spec};
    /// use saddlepoint::theory::saxe::{Options, Saxe};
    /// use saddlepoint::{learner, task, training};
    /// use std::sync::Arc;
    ///
    /// let experiment = Experiment {
    ///     seed: 1,
    ///     task: Arc::new(task::LinearTeacher::new(vec![2.0, 1.0], 4, 3)),
    ///     learner: Some(Arc::new(learner::Mlp {
    ///         widths: vec![5],
    ///         init: learner::Init::gaussian(0.1),
    ///         ..learner::Mlp::default()
    ///     })),
    ///     training: Some(Arc::new(training::GradientDescent::new(0.01, 500))),
    ///     draws: Draws { datasets: 1, replicas: 5, points: 11, spacing: Spacing::Linear, ..Draws::default() },
    /// };
    /// let matched = Arc::new(Saxe::new("matched", Options::default())?);
    /// let spec = Spec::new("modes", experiment, &["mode-strength"])?.theory("matched", matched, Some(Expect::Agree))?;
    /// let league = assess(&spec, &execute(&spec, &Settings::default())?)?;
    /// assert!(league.expectations[0].met);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Input` for an unknown observable or one that cannot be measured here, no draws, a learner without training (or the other
    /// way round), a start or a batch that the shape of the data does not allow.
    pub fn new(name: &str, experiment: Experiment, observables: &[&str]) -> Result<Spec> {
        Spec::sweep(name, [(vec![], experiment)], observables)
    }

    /// Several experiments as the cells of one sweep, each with the settings that name it: `[("learner.widths", 16)]`. All share
    /// one seed, and so their draws.
    ///
    /// # Errors
    /// `Input` as for [`Spec::new`]; no cell at all, unequal seeds, two cells of the same settings, cells that set different keys.
    pub fn sweep(
        name: &str,
        cells: impl IntoIterator<Item = (sweep::Settings, Experiment)>,
        observables: &[&str],
    ) -> Result<Spec> {
        let cells = cells
            .into_iter()
            .map(|(set, experiment)| cell(set, experiment, observables))
            .collect::<Result<Vec<Cell>>>()?;
        let Some(first) = cells.first() else {
            return Err(wrong_sweep(
                "there is no cell",
                "give at least one experiment",
            ));
        };
        let keys = |c: &Cell| c.set.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        for (index, cell) in cells.iter().enumerate() {
            if cell.experiment.seed != first.experiment.seed {
                return Err(wrong_sweep(
                    "the cells have different seeds",
                    "give all experiments one seed: cells share their draws",
                ));
            }
            if keys(cell) != keys(first) {
                return Err(wrong_sweep(
                    "the cells set different keys",
                    "name every cell by the same keys, in the same order",
                ));
            }
            if cells[..index].iter().any(|other| other.set == cell.set) {
                return Err(wrong_sweep(
                    "two cells have the same settings",
                    "name every cell by values of its own",
                ));
            }
        }
        Ok(Spec {
            name: name.into(),
            title: name.into(),
            seed: first.experiment.seed,
            document: Document {
                path: "(stated in code)".into(),
                text: String::new(),
                overrides: vec![],
            },
            quick: false,
            cells,
            compare: Compare::default(),
            reduce: vec![],
            relate: vec![],
            map: None,
            leagues: Vec::new(),
            fits: Vec::new(),
            figures: vec![],
            dropped: None,
            resolved: serde_json::Value::Null,
            hash: String::new(),
        }
        .sealed())
    }

    /// Adds a theory entry to every cell.
    ///
    /// # Errors
    /// `Input` for a label that is used already.
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
                asked: entry::measured(&cell.instruments, &cell.wanted),
                expect,
            });
        }
        Ok(self.sealed())
    }

    /// Asks the entry `label` for quantities beside what is measured.
    ///
    /// # Errors
    /// `Input` for a name that the theory does not know.
    pub fn tell(mut self, label: &str, names: &[&str]) -> Result<Spec> {
        for cell in &mut self.cells {
            for entry in cell.theories.iter_mut().filter(|t| t.label == label) {
                let (theory, names) = (entry.theory.as_ref(), names.iter().copied());
                entry.asked = entry::asked("tell", &entry.asked, names, theory, &entry.experiment)?;
            }
        }
        Ok(self.sealed())
    }

    /// Compares all other theories with the entry of this label, in place of the measurement.
    ///
    /// # Errors
    /// `Input` for a label that no entry has.
    pub fn reference(mut self, label: &str) -> Result<Spec> {
        let entries = self.cells.first().into_iter().flat_map(|c| &c.theories);
        let labels: Vec<&str> = entries.map(|t| t.label.as_str()).collect();
        if !labels.contains(&label) {
            return Err(unknown("compare.reference", label, &labels));
        }
        self.compare.reference = Some(label.into());
        Ok(self.sealed())
    }

    /// Sets the tolerance of all observables.
    pub fn tolerance(mut self, tolerance: Tolerance) -> Spec {
        self.compare.tolerance = Some(tolerance);
        self.sealed()
    }
}

fn cell(set: sweep::Settings, mut experiment: Experiment, observables: &[&str]) -> Result<Cell> {
    build::check(&experiment)?;
    let draws = &experiment.draws;
    let measure = Measure {
        observables: observables
            .iter()
            .map(|o| Asked::Name(o.to_string()))
            .collect(),
        from: None,
        datasets: Some(draws.datasets),
        replicas: Some(draws.replicas),
        points: draws.points,
        spacing: draws.spacing,
        times: draws.times.clone(),
        first: draws.first,
    };
    build::is_measurable(&experiment, !observables.is_empty())?;
    let (instruments, wanted) = match observables.is_empty() {
        true => (vec![], vec![]),
        false => build::instruments(&measure, &mut experiment)?,
    };
    Ok(Cell {
        set,
        experiment,
        instruments,
        wanted,
        theories: vec![],
    })
}

fn wrong_sweep(cause: &str, remedy: &str) -> Error {
    Error::input("sweep", cause, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Draws, Spacing};
    use crate::learner::{Init, Mlp};
    use crate::spec::Options;
    use crate::task::{LinearTeacher, SemanticHierarchy};
    use crate::theory::saxe::{self, Saxe};
    use crate::training::GradientDescent;

    fn experiment(width: usize) -> Experiment {
        Experiment {
            seed: 3,
            task: Arc::new(LinearTeacher::new(vec![2.0, 1.0], 4, 3)),
            learner: Some(Arc::new(Mlp {
                widths: vec![width],
                init: Init::gaussian(0.1),
                ..Mlp::default()
            })),
            training: Some(Arc::new(GradientDescent::new(0.01, 100))),
            draws: Draws {
                datasets: 1,
                replicas: 2,
                points: 5,
                spacing: Spacing::Linear,
                ..Draws::default()
            },
        }
    }

    fn set(width: i64) -> sweep::Settings {
        vec![("learner.widths".into(), vec![width].into())]
    }

    fn with_saxe(spec: Spec) -> Spec {
        let theory = Saxe::new("theory", saxe::Options::default()).unwrap();
        spec.theory("saxe", Arc::new(theory), None).unwrap()
    }

    /// A spec is the same in every encoding of its text, with every line end; what is no text names its byte.
    #[test]
    fn a_byte_order_mark_is_no_part_of_a_spec() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let text = "version = 1\n[task]\nkind = \"linear-teacher\"\nsingular_values = [2.0]\n\
                    input_dim = 4\noutput_dim = 3\nsamples = 20\n[learner]\nkind = \"mlp\"\nwidths = [5]\n[training]\nkind = \"gradient-descent\"\n\
                    learning_rate = 0.01\nsteps = 5\n[measure]\nobservables = [\"train-loss\"]\n";
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Spec::read(&path, &Options::default())
        };
        let windows = text.replace('\n', "\r\n");
        let units: Vec<u8> = windows.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let plain = read(text.as_bytes()).unwrap();
        for bytes in [
            [b"\xef\xbb\xbf", windows.as_bytes()].concat(),
            [b"\xff\xfe", &units[..]].concat(),
        ] {
            assert_eq!(read(&bytes).unwrap().hash, plain.hash);
        }
        let message = read(b"version = 1\ntitle = \"\xe4\"\n")
            .err()
            .unwrap()
            .to_string();
        assert!(
            message.contains("a.toml: line 2, byte 21: 0xe4 is not"),
            "{message}"
        );
    }

    /// The same experiments from a text: same resolved form, hence same hash and same records.
    #[test]
    fn code_and_text_state_the_same_spec() {
        let text = r#"
            version = 1
            seed = 3
            task = { kind = "linear-teacher", singular_values = [2.0, 1.0], input_dim = 4, output_dim = 3 }
            learner = { kind = "mlp", widths = [5], init = { kind = "gaussian", scale = 0.1 } }
            training = { kind = "gradient-descent", learning_rate = 0.01, steps = 100 }
            measure = { observables = ["mode-strength"], replicas = 2, points = 5 }
            theory = [{ kind = "saxe" }]
        "#;
        let swept = format!("{text}\nsweep = {{ \"learner.widths\" = [[5], [7]] }}");
        let parse =
            |text: &str| Spec::parse("same", "same.toml", text, &Options::default()).unwrap();
        let observed = &["mode-strength"];
        let one = with_saxe(Spec::new("same", experiment(5), observed).unwrap());
        assert_eq!(one.resolved, parse(text).resolved);
        assert_eq!(one.hash, parse(text).hash);
        let cells = [(set(5), experiment(5)), (set(7), experiment(7))];
        let two = with_saxe(Spec::sweep("same", cells, observed).unwrap());
        assert_eq!(two.hash, parse(&swept).hash);
        assert_ne!(two.hash, one.hash);
    }

    #[test]
    fn sweeps_that_mean_nothing_are_refused() {
        let other_seed = Experiment {
            seed: 4,
            ..experiment(7)
        };
        for (cells, cause) in [
            (vec![], "no cell"),
            (vec![(set(5), experiment(5)), (set(7), other_seed)], "seeds"),
            (
                vec![(set(5), experiment(5)), (vec![], experiment(7))],
                "keys",
            ),
            (
                vec![(set(5), experiment(5)), (set(5), experiment(5))],
                "same",
            ),
        ] {
            let refused = Spec::sweep("wrong", cells, &["train-loss"]).err().unwrap();
            assert!(refused.to_string().contains(cause), "{refused}");
        }
    }

    #[test]
    fn experiments_in_code_pass_the_checks_of_a_spec() {
        let change = |f: &dyn Fn(&mut Experiment)| {
            let mut e = experiment(5);
            f(&mut e);
            e
        };
        for (wrong, place) in [
            (change(&|e| e.draws.points = 0), "measure.points"),
            (change(&|e| e.draws.replicas = 0), "measure.replicas"),
            (change(&|e| e.draws.first = usize::MAX), "measure.first"),
            (change(&|e| e.training = None), "learner"),
            (
                change(&|e| {
                    e.draws.datasets = 2;
                    e.task = Arc::new(SemanticHierarchy::tree(2, 2));
                }),
                "measure.datasets",
            ),
            (
                change(&|e| {
                    e.training = Some(Arc::new(GradientDescent {
                        batch: Some(1000),
                        ..GradientDescent::new(0.01, 100)
                    }))
                }),
                "training.batch",
            ),
        ] {
            let refused = Spec::new("wrong", wrong, &["train-loss"]).err().unwrap();
            assert!(refused.to_string().starts_with(place), "{refused}");
        }
        let twice = with_saxe(Spec::new("twice", experiment(5), &["train-loss"]).unwrap());
        let theory = Saxe::new("theory", saxe::Options::default()).unwrap();
        assert!(twice.theory("saxe", Arc::new(theory), None).is_err());
    }
}
