//! Mode strengths and alignment of singular vectors with the modes of the data.

use super::map::EndToEnd;
use super::subject::{Series, mode_axis, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::Parameters;
use crate::numerics::linalg::svd;
use crate::task::{Dataset, Modes};
use nalgebra::DMatrix;

/// Strength of the end-to-end map in each mode of the data set, over training time.
pub static MODE_STRENGTH: Observable = Observable {
    name: "mode-strength",
    label: "mode strength uᵢ",
    unit: "1",
    convention: "u_i = U_i^T F V_i of the end-to-end map F in the modes (U, s, V) of the task (the teacher's, or those of the data); a mode learned without noise has u_i = s_i",
    ..Observable::PLAIN
};

/// Overlap of the map's singular vectors with those of the data set, in `[0, 1]`; 1 when aligned.
pub static SINGULAR_ALIGNMENT: Observable = Observable {
    name: "singular-alignment",
    label: "alignment of singular vectors",
    unit: "1",
    convention: "|U_i . u_i| |V_i . v_i| with the i-th singular pair (u_i, v_i) of the end-to-end map; for degenerate modes the norms of \
                 the projections on their common subspaces",
    undefined: Some("the map has no singular vector where its singular value vanishes"),
    ..Observable::PLAIN
};

const STRENGTH_ABOUT: About = About {
    kind: "mode-strength",
    summary: "strengths u_i(t) of the input-output modes in the end-to-end map",
    text: "\
u_i(t) = U_i^T F(t) V_i on the axes mode, time; (U, s, V) are the modes of the data set (the teacher's, or the singular vectors of
the data) and F is the end-to-end linear map: c_L W_L ... c_1 W_1 for a linear network, else the linear regression of the outputs
on the training inputs. Source: Saxe, McClelland, Ganguli 2014 (arXiv:1312.6120).",
    revision: 1,
};

const ALIGNMENT_ABOUT: About = About {
    kind: "singular-alignment",
    summary: "overlap of the singular vectors of the end-to-end map with the modes",
    text: "\
|U_i . u_i(t)| |V_i . v_i(t)| on the axes mode, time; (u_i, v_i) is the i-th singular pair of F(t) in descending order. Modes whose
s agree to 1e-9 s_1 are degenerate: the overlaps are replaced by the norms of the projections of u_i and v_i on the degenerate
subspaces, which do not depend on the basis chosen there. Not-a-number where the singular value of F is below 1e-12 of the
largest, because its singular vectors are then rounding errors.",
    revision: 1,
};

/// Measures [`MODE_STRENGTH`].
#[derive(Debug, Clone, Copy)]
pub struct ModeStrength;

/// Measures [`SINGULAR_ALIGNMENT`].
#[derive(Debug, Clone, Copy)]
pub struct SingularAlignment;

/// `u_i = U_i^T F V_i` for every mode.
pub(super) fn strengths(modes: &Modes, map: &DMatrix<f64>) -> Vec<f64> {
    let image = map * &modes.v;
    let pairs = modes.u.column_iter().zip(image.column_iter());
    pairs.map(|(u, fv)| u.dot(&fv)).collect()
}

/// `|U_i . u_i| |V_i . v_i|` for every mode, degenerate modes by projection.
pub(crate) fn alignments(modes: &Modes, map: &DMatrix<f64>) -> Result<Vec<f64>> {
    let (u, s, v) = svd(map)?;
    let degenerate = |i: usize, j: usize| (modes.s[i] - modes.s[j]).abs() <= 1e-9 * modes.s[0];
    Ok((0..modes.s.len())
        .map(|i| {
            if s[i] <= 1e-12 * s[0] {
                return f64::NAN;
            }
            let (mut left, mut right) = (0.0, 0.0);
            for j in (0..modes.s.len()).filter(|&j| degenerate(i, j)) {
                left += modes.u.column(j).dot(&u.column(i)).powi(2);
                right += modes.v.column(j).dot(&v.column(i)).powi(2);
            }
            (left * right).sqrt()
        })
        .collect())
}

fn axes(experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
    EndToEnd::check(experiment)?;
    Ok(vec![mode_axis(experiment)?, time_axis(experiment)])
}

type Reading = fn(&Modes, &DMatrix<f64>) -> Result<Vec<f64>>;

struct ModeRecorder {
    end_to_end: EndToEnd,
    modes: Modes,
    reading: Reading,
    series: Series,
}

fn recorder(
    experiment: &Experiment,
    dataset: &Dataset,
    reading: Reading,
) -> Result<Box<dyn Recorder>> {
    Ok(Box::new(ModeRecorder {
        end_to_end: EndToEnd::new(experiment, dataset)?,
        modes: dataset.modes.clone(),
        reading,
        series: Series::new(dataset.modes.s.len()),
    }))
}

impl Recorder for ModeRecorder {
    fn record(&mut self, _step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let map = self.end_to_end.map(parameters);
        self.series.push((self.reading)(&self.modes, &map)?)
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.series.by_time
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.series.finish()
    }
}

impl Instrument for ModeStrength {
    fn about(&self) -> &'static About {
        &STRENGTH_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &MODE_STRENGTH
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        axes(experiment)
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        recorder(experiment, dataset, |modes, map| Ok(strengths(modes, map)))
    }
}

impl Instrument for SingularAlignment {
    fn about(&self) -> &'static About {
        &ALIGNMENT_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &SINGULAR_ALIGNMENT
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        axes(experiment)
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        recorder(experiment, dataset, alignments)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{experiment, linear, stack};
    use super::*;
    use crate::numerics::linalg::qr;
    use crate::numerics::random::{normal_matrix, stream};
    use crate::task::{LinearTeacher, SemanticHierarchy, Task};
    use nalgebra::{DVector, Rotation2};

    fn planted(modes: &Modes, u: &[f64]) -> DMatrix<f64> {
        &modes.u * DMatrix::from_diagonal(&DVector::from_row_slice(u)) * modes.v.transpose()
    }

    /// Two planted maps, recorded at two times through an instrument.
    fn record(instrument: &dyn Instrument, maps: [&DMatrix<f64>; 2]) -> Vec<f64> {
        let task = LinearTeacher::new(vec![3.0, 2.0, 1.0], 6, 5);
        let experiment = experiment(task, linear(&[], &[2.0]), 1);
        let data = experiment.dataset(0).unwrap();
        let mut recorder = instrument
            .recorder(&experiment, &data, &Context::default())
            .unwrap();
        for (step, map) in maps.iter().enumerate() {
            let parameters = stack(&[*map * 0.5]);
            recorder.record(step, step as f64, &parameters).unwrap();
        }
        recorder.finish()
    }

    fn teacher() -> Modes {
        let task = LinearTeacher::new(vec![3.0, 2.0, 1.0], 6, 5);
        experiment(task, linear(&[], &[2.0]), 1)
            .dataset(0)
            .unwrap()
            .modes
    }

    #[test]
    fn strengths_of_a_planted_map_with_time_fastest() {
        let modes = teacher();
        let (first, second) = (
            planted(&modes, &[3.0, 1.5, -0.2]),
            planted(&modes, &[0.5, 2.0, 7.0]),
        );
        let found = record(&ModeStrength, [&first, &second]);
        for (found, wanted) in found.iter().zip([3.0, 0.5, 1.5, 2.0, -0.2, 7.0]) {
            assert!((found - wanted).abs() < 1e-13);
        }
        assert_eq!(found.len(), 6);
    }

    #[test]
    fn alignment_of_a_rotated_map_is_the_cosine() {
        let modes = teacher();
        let angle = 0.3f64;
        let turn = DMatrix::from_fn(3, 3, |i, j| match (i, j) {
            (2, 2) => 1.0,
            (2, _) | (_, 2) => 0.0,
            _ => Rotation2::new(angle)[(i, j)],
        });
        let rotated = Modes {
            u: &modes.u * turn,
            ..modes.clone()
        };
        let map = planted(&rotated, &[9.0, 4.0, 1.0]);
        let found = record(&SingularAlignment, [&map, &-map.clone()]);
        let c = angle.cos();
        for (found, wanted) in found.iter().zip([c, c, c, c, 1.0, 1.0]) {
            assert!((found - wanted).abs() < 1e-13, "{found} {wanted}");
        }
    }

    #[test]
    fn undefined_singular_vectors_are_not_numbers() {
        let modes = teacher();
        let map = planted(&modes, &[1.0, 0.5, 0.0]);
        let found = record(&SingularAlignment, [&map, &(&map * 0.0)]);
        assert!((found[0] - 1.0).abs() < 1e-13 && (found[2] - 1.0).abs() < 1e-13);
        assert!(found[4].is_nan() && found.iter().skip(1).step_by(2).all(|v| v.is_nan()));
    }

    #[test]
    fn alignment_does_not_depend_on_the_basis_of_a_degenerate_level() {
        let modes = SemanticHierarchy::tree(2, 3).modes().unwrap();
        let mut rng = stream(2, "basis", &[]);
        let (turn, _) = qr(&normal_matrix(&mut rng, 4, 4));
        let mut other = modes.clone();
        other
            .u
            .columns_mut(4, 4)
            .copy_from(&(modes.u.columns(4, 4) * &turn));
        other
            .v
            .columns_mut(4, 4)
            .copy_from(&(modes.v.columns(4, 4) * &turn));
        let map = planted(&modes, modes.s.as_slice());
        for basis in [&modes, &other] {
            for value in alignments(basis, &map).unwrap() {
                assert!((value - 1.0).abs() < 1e-12, "{value}");
            }
        }
    }
}
