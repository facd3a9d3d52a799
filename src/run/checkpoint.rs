//! Checkpoints: where the training of one draw stands, so that an interrupted run goes on from there instead of from the start.

use crate::error::{Error, Result};
use crate::numerics::atomic::write_atomic;
use crate::training::State;
use std::path::{Path, PathBuf};

/// Part of the name: a program that writes states differently does not read these.
const LAYOUT: &str = concat!(env!("CARGO_PKG_VERSION"), "-2");
const HASH_BYTES: usize = 32;

/// The checkpoint of one draw: a file that exists while the draw is unfinished.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    /// That of the record `key` (a hexadecimal hash) in the store folder `<out>/store`.
    pub fn of(store: &Path, key: &str) -> Self {
        Checkpoint {
            path: store.join("paused").join(format!("{key}-{LAYOUT}.state")),
        }
    }

    /// The state; `None` where there is none or its checksum does not fit (the draw then starts again).
    pub fn load(&self) -> Result<Option<State>> {
        match std::fs::read(&self.path) {
            Ok(mut bytes) => {
                let body = bytes.len().saturating_sub(HASH_BYTES);
                let whole = blake3::hash(&bytes[..body]).as_bytes() == &bytes[body..];
                bytes.truncate(body);
                Ok(whole.then(|| State::from_bytes(bytes)))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::storage(&self.path, &e)),
        }
    }

    /// Replaces the file, complete or not at all.
    pub fn save(&self, state: State) -> Result<()> {
        let mut bytes = state.into_bytes();
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
        write_atomic(&self.path, &bytes)
    }

    /// The draw is finished: nothing is left to go on from.
    pub fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::storage(&self.path, &e))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Draws, Experiment, Spacing};
    use crate::kind::About;
    use crate::learner::{Learner, Mlp, Parameters};
    use crate::numerics::random::Stream;
    use crate::run::{Outcome, Settings, execute};
    use crate::spec::Spec;
    use crate::task::{Dataset, LinearTeacher};
    use crate::training::{GradientDescent, Loss, OnSnapshot, Snapshot, Start, Training};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    /// Gradient descent that is interrupted once, at the step `stop` or after it.
    #[derive(Debug)]
    struct Interrupted {
        inner: GradientDescent,
        stop: AtomicUsize,
        /// First step that every call of `train` showed.
        begins: Mutex<Vec<usize>>,
    }

    impl Training for Interrupted {
        fn about(&self) -> &'static About {
            self.inner.about()
        }
        fn resolved(&self) -> serde_json::Value {
            self.inner.resolved()
        }
        fn loss(&self) -> Loss {
            self.inner.loss()
        }
        fn learning_rate(&self) -> f64 {
            self.inner.learning_rate()
        }
        fn steps(&self) -> usize {
            self.inner.steps()
        }
        fn is_plain_descent(&self) -> bool {
            true
        }
        fn train(
            &self,
            learner: &dyn Learner,
            start: Start,
            dataset: &Dataset,
            record: &[usize],
            rng: &mut Stream,
            on_snapshot: &mut OnSnapshot,
        ) -> Result<Parameters> {
            self.begins.lock().unwrap().push(record[0]);
            let mut on = |snapshot: Snapshot| {
                let step = snapshot.step;
                on_snapshot(snapshot)?;
                if step < self.stop.load(Ordering::SeqCst) {
                    return Ok(());
                }
                self.stop.store(usize::MAX, Ordering::SeqCst);
                Err(Error::Interrupted)
            };
            self.inner
                .train(learner, start, dataset, record, rng, &mut on)
        }
    }

    #[test]
    fn an_interrupted_draw_goes_on_where_it_was_and_gives_the_same_record() {
        let inner = GradientDescent {
            batch: Some(7),
            ..GradientDescent::new(0.01, 1000)
        };
        let training = Arc::new(Interrupted {
            inner,
            stop: AtomicUsize::new(600),
            begins: Mutex::default(),
        });
        let experiment = Experiment {
            seed: 2,
            task: Arc::new(LinearTeacher {
                samples: 20,
                ..LinearTeacher::new(vec![2.0, 1.0], 4, 3)
            }),
            learner: Some(Arc::new(Mlp {
                widths: vec![5],
                ..Mlp::default()
            })),
            training: Some(training.clone()),
            draws: Draws {
                datasets: 1,
                replicas: 1,
                points: 6,
                spacing: Spacing::Linear,
                ..Draws::default()
            },
        };
        let spec = Spec::new("paused", experiment, &["train-loss", "mode-strength"]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            out: Some(folder.path().into()),
            threads: 1,
            checkpoint: Duration::ZERO,
            ..Settings::default()
        };
        let paused = || match std::fs::read_dir(folder.path().join("store/paused")) {
            Ok(files) => files.count(),
            Err(_) => 0,
        };
        assert!(matches!(execute(&spec, &settings), Err(Error::Interrupted)));
        assert_eq!(paused(), 1);
        let resumed = execute(&spec, &settings).unwrap();
        assert_eq!(paused(), 0);
        // The second training begins after the step 600; in between, the start was looked at.
        assert_eq!(*training.begins.lock().unwrap(), [0, 0, 610]);
        let whole = execute(
            &spec,
            &Settings {
                out: None,
                ..settings
            },
        )
        .unwrap();
        let values = |o: &Outcome| o.cells[0].measurement.clone().unwrap().values;
        assert_eq!(values(&resumed), values(&whole));
    }

    #[test]
    fn a_damaged_checkpoint_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::of(folder.path(), "abcd");
        assert_eq!(checkpoint.load().unwrap(), None);
        let state = State::of(&(3usize, 0.1f64)).unwrap();
        checkpoint.save(state.clone()).unwrap();
        assert_eq!(checkpoint.load().unwrap(), Some(state));
        let good = std::fs::read(&checkpoint.path).unwrap();
        for k in 0..good.len() {
            let mut bad = good.clone();
            bad[k] ^= 1;
            std::fs::write(&checkpoint.path, &bad).unwrap();
            assert_eq!(checkpoint.load().unwrap(), None, "flipped byte {k}");
            std::fs::write(&checkpoint.path, &good[..k]).unwrap();
            assert_eq!(checkpoint.load().unwrap(), None, "cut at {k}");
        }
        checkpoint.remove().unwrap();
        checkpoint.remove().unwrap();
        assert_eq!(checkpoint.load().unwrap(), None);
    }
}
