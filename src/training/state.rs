//! Where a training run stands, so that it can be continued after an interruption.

use crate::error::{Error, Result};
use crate::kernel::MAX_MEMORY;
use crate::learner::Parameters;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Everything that the future of a run depends on, as bytes; a run that is continued from it gives the same bits as without the
/// interruption.
///
/// ```
/// use saddlepoint::training::State;
/// let state = State::of(&(7usize, vec![0.1f64, f64::NAN])).unwrap();
/// let (step, numbers): (usize, Vec<f64>) = State::from_bytes(state.into_bytes()).read().unwrap();
/// assert!(step == 7 && numbers[0] == 0.1 && numbers[1].is_nan());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct State(Vec<u8>);

impl State {
    /// The bytes of a value.
    pub fn of(value: &impl Serialize) -> Result<State> {
        postcard::to_stdvec(value)
            .map(State)
            .map_err(|e| Error::bug("checkpoint", e.to_string()))
    }

    /// The value, which must be of the type that was stored: the bytes do not tell it.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        postcard::from_bytes(&self.0).map_err(|e| Error::bug("checkpoint", e.to_string()))
    }

    /// For a file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// From a file whose content was found whole.
    pub fn from_bytes(bytes: Vec<u8>) -> State {
        State(bytes)
    }
}

/// Where a training run begins.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    /// Parameters before the first step.
    pub parameters: Parameters,
    /// What a snapshot of the run from there gave, to go on after that snapshot.
    pub paused: Option<&'a State>,
    /// Bytes that one matrix of a closed form may take.
    pub max_memory: u64,
}

impl From<Parameters> for Start<'_> {
    fn from(parameters: Parameters) -> Self {
        Start {
            parameters,
            paused: None,
            max_memory: MAX_MEMORY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{Activation, Learner, Mlp, Precision, Prior};
    use crate::numerics::random::{normal_matrix, stream};
    use crate::task::{Dataset, Modes};
    use crate::training::{Snapshot, TRAININGS, Training};
    use nalgebra::{DMatrix, DVector};
    use std::sync::Arc;

    fn dataset() -> Dataset {
        let mut rng = stream(4, "state", &[]);
        Dataset {
            x: normal_matrix(&mut rng, 3, 11),
            y: normal_matrix(&mut rng, 2, 11),
            test: None,
            modes: Modes {
                u: DMatrix::zeros(2, 0),
                s: DVector::zeros(0),
                v: DMatrix::zeros(3, 0),
            },
            groups: None,
            blocks: None,
        }
    }

    fn training(text: &str) -> Arc<dyn Training> {
        let mut table: toml::Table = text.parse().unwrap();
        let kind = match table.remove("kind") {
            Some(kind) => kind.as_str().unwrap().to_string(),
            None => "stages".into(),
        };
        let kind = TRAININGS.iter().find(|k| k.about.kind == kind).unwrap();
        (kind.parse)("training", table).unwrap()
    }

    type Seen = Vec<(usize, Parameters, Option<State>)>;

    fn run(
        rule: &dyn Training,
        mlp: &Mlp,
        paused: Option<&State>,
        record: &[usize],
    ) -> (Seen, Parameters) {
        let data = dataset();
        let parameters = mlp
            .initialize(&data, &mut stream(1, "initial", &[]))
            .unwrap();
        // A paused run brings its own noise.
        let mut rng = stream(1, if paused.is_some() { "other" } else { "noise" }, &[]);
        let mut seen = Vec::new();
        let mut on = |s: Snapshot| {
            let state = s.state.map(|state| state().unwrap());
            seen.push((s.step, s.parameters.clone(), state));
            Ok(())
        };
        let start = Start {
            paused,
            ..parameters.into()
        };
        let end = rule
            .train(mlp, start, &data, record, &mut rng, &mut on)
            .unwrap();
        (seen, end)
    }

    /// Every rule, paused at every snapshot that allows it, gives the later snapshots and the end to the bit.
    #[test]
    fn a_paused_run_goes_on_to_the_same_bits() {
        let descent = "kind = \"gradient-descent\"\nlearning_rate = 0.1\nsteps = 23";
        let chain = "kind = \"langevin\"\nstep = 0.01\ntemperature = 3.0\nsteps = 1400\nburn_in = 300\ncertify = false\nscheme = ";
        let rules = [
            descent.into(),
            format!("{descent}\nbatch = 4"),
            "kind = \"sgd\"\nlearning_rate = 0.05\nsteps = 23\nbatch = 3\nmomentum = 0.9\nstop_at_loss = 0.5".into(),
            "kind = \"adam\"\nlearning_rate = 0.01\nsteps = 23\nbatch = 4\nschedule = { kind = \"cosine\" }\nweight_decay = 0.1".into(),
            "kind = \"gradient-flow\"\ntime = 2.0\nresolution = 23".into(),
            format!("{chain}\"lm\""),
            format!("{chain}\"mala\""),
            format!("{chain}\"hmc\""),
            format!("{chain}\"sgld\"\nbatch = 10"),
            format!("[[stages]]\nname = \"a\"\n{}\nbatch = 4\nloss = \"half-sum\"\n[[stages]]\nname = \"b\"\n{chain}\"ula\"", descent.replace("0.1", "0.005")),
            // Between two stages with noise one without.
            format!("[[stages]]\nname = \"a\"\n{descent}\nbatch = 4\n[[stages]]\nname = \"b\"\nkind = \"gradient-flow\"\ntime = 2.0\nresolution = 20\n[[stages]]\nname = \"c\"\n{descent}\nbatch = 4"),
        ];
        let mut mlp = Mlp {
            widths: vec![4],
            activation: Activation::Tanh,
            ..Mlp::default()
        };
        for text in rules {
            let rule = training(&text);
            let last = rule.steps();
            let mut record: Vec<usize> = (0..=last).step_by(1 + last / 9).chain([last]).collect();
            record.extend(rule.marks());
            record.sort_unstable();
            record.dedup();
            let samples = rule.sampling().is_some();
            for precision in [Precision::F64, Precision::F32] {
                if samples && precision == Precision::F32 {
                    continue;
                }
                mlp.precision = precision;
                if samples {
                    mlp.prior = Some(Prior::default());
                }
                let (seen, end) = run(&*rule, &mlp, None, &record);
                assert_eq!(seen.len(), record.len());
                let pauses: Vec<usize> = (0..seen.len()).filter(|&i| seen[i].2.is_some()).collect();
                assert!(pauses.len() >= 3, "{text}: {} pauses", pauses.len());
                for i in pauses {
                    let (later, again) = run(&*rule, &mlp, seen[i].2.as_ref(), &record[i + 1..]);
                    assert_eq!(again, end, "{text}, paused at {}", seen[i].0);
                    assert_eq!(later.len(), seen.len() - i - 1);
                    for (a, b) in later.iter().zip(&seen[i + 1..]) {
                        assert_eq!((a.0, &a.1), (b.0, &b.1), "{text}, paused at {}", seen[i].0);
                    }
                }
            }
        }
    }
}
