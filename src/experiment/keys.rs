//! Keys of an experiment by their names, for files whose columns are named like swept keys.

use super::Experiment;
use serde_json::Value as Json;
use std::collections::BTreeMap;

impl Experiment {
    /// The numbers of task, learner, training and seed under their paths (`task.samples`, `learner.prior.weight`). A list
    /// whose entries are all the same counts as this number (`learner.widths = [50, 50]`).
    pub fn numbers(&self) -> BTreeMap<String, f64> {
        let learner = self.learner.as_ref().map(|l| l.resolved());
        let training = self.training.as_ref().map(|t| t.resolved());
        let mut found = BTreeMap::from([("seed".to_string(), self.seed as f64)]);
        collect("task", &self.task.resolved(), &mut found);
        collect("learner", &learner.unwrap_or_default(), &mut found);
        collect("training", &training.unwrap_or_default(), &mut found);
        found
    }

    /// Path and value of the number that a name stands for: its whole path, or the last part of one that no other number
    /// has. `None` where there is no such number.
    ///
    /// # Errors
    /// The paths of several numbers that end in this name.
    ///
    /// ```
    /// use saddlepoint::experiment::{Draws, Experiment};
    /// use saddlepoint::task::LinearTeacher;
    /// use std::sync::Arc;
    /// let task = Arc::new(LinearTeacher::new(vec![1.0], 7, 1));
    /// let e = Experiment { seed: 3, task, learner: None, training: None, draws: Draws::default() };
    /// assert_eq!(e.number("input_dim"), Ok(Some(("task.input_dim".to_string(), 7.0))));
    /// assert_eq!(e.number("width"), Ok(None));
    /// ```
    pub fn number(&self, name: &str) -> Result<Option<(String, f64)>, Vec<String>> {
        let numbers = self.numbers();
        if let Some(value) = numbers.get(name) {
            return Ok(Some((name.into(), *value)));
        }
        let ends = |path: &str| path.rsplit('.').next() == Some(name);
        let mut found: Vec<(String, f64)> = numbers.into_iter().filter(|(p, _)| ends(p)).collect();
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => Err(found.into_iter().map(|(path, _)| path).collect()),
        }
    }
}

/// Adds the numbers at and below a place.
fn collect(path: &str, value: &Json, found: &mut BTreeMap<String, f64>) {
    match value {
        Json::Object(keys) => {
            for (key, value) in keys {
                collect(&format!("{path}.{key}"), value, found);
            }
        }
        Json::Array(values) => {
            let numbers: Option<Vec<f64>> = values.iter().map(Json::as_f64).collect();
            if let Some([first, rest @ ..]) = numbers.as_deref()
                && rest.iter().all(|v| v == first)
            {
                found.insert(path.into(), *first);
            }
        }
        _ => {
            if let Some(number) = value.as_f64() {
                found.insert(path.into(), number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Draws;
    use crate::learner::Mlp;
    use crate::task::LinearTeacher;
    use crate::training::GradientDescent;
    use std::sync::Arc;

    #[test]
    fn a_name_stands_for_one_number_or_is_refused() {
        let experiment = |widths: &[usize]| Experiment {
            seed: 3,
            task: Arc::new(LinearTeacher::new(vec![2.0, 1.0], 4, 3)),
            learner: Some(Arc::new(Mlp {
                widths: widths.to_vec(),
                ..Mlp::default()
            })),
            training: Some(Arc::new(GradientDescent::new(0.5, 10))),
            draws: Draws::default(),
        };
        let e = experiment(&[6, 6]);
        let known = |name: &str| e.number(name).unwrap();
        assert_eq!(
            known("task.input_dim"),
            Some(("task.input_dim".into(), 4.0))
        );
        assert_eq!(known("widths"), Some(("learner.widths".into(), 6.0)));
        assert_eq!(
            known("learning_rate"),
            Some(("training.learning_rate".into(), 0.5))
        );
        assert_eq!(known("seed"), Some(("seed".into(), 3.0)));
        assert_eq!(known("singular_values"), None);
        assert_eq!(experiment(&[6, 5]).number("widths"), Ok(None));
        let mut two = BTreeMap::new();
        collect(
            "a",
            &serde_json::json!({"x": {"k": 1}, "y": {"k": 2}}),
            &mut two,
        );
        assert_eq!(two.into_keys().collect::<Vec<_>>(), ["a.x.k", "a.y.k"]);
    }
}
