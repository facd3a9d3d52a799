//! The compiled convolutional network: forward pass, exact gradient by back-propagation, Jacobian.

use super::{Convolution, Stage};
use crate::learner::{Activation, Network, Objective, Parameters, Real, jacobian, tokens};
use crate::numerics::linalg::Factor;
use crate::numerics::simd::multiply;
use crate::task::Shape;
use nalgebra::DMatrix;

/// A [`Convolution`] for one data shape in the scalar type `T`.
///
/// Samples are columns, positions follow each other inside a column with their channels fastest. A shared layer is then one matrix
/// product over all positions of all samples, without moving an entry; otherwise it is one strided product per position. Work space
/// is kept between calls. A token outside the vocabulary gives outputs that are not a number.
#[derive(Debug, Clone)]
pub struct ConvolutionNetwork<T: Real> {
    stages: Vec<Stage>,
    sharing: bool,
    activation: Activation,
    /// `c_1, ..., c_L, c_R`
    multipliers: Vec<T>,
    vocabulary: Option<usize>,
    inputs: usize,
    outputs: usize,
    /// `values[0]` are the inputs as the first layer takes them, `values[l]` the outputs of layer `l`.
    values: Vec<Vec<T>>,
    /// `phi'` of every layer; empty when linear.
    slopes: Vec<Vec<T>>,
    f: Vec<T>,
    /// Back-propagated error of the current layer, and of the one below.
    error: Vec<T>,
    below: Vec<T>,
}

/// Scalars of the work space per sample.
pub(super) fn numbers_per_sample(spec: &Convolution, shape: Shape) -> usize {
    let stages = spec.stages(shape.inputs);
    let per_unit = if spec.activation == Activation::Linear {
        1
    } else {
        2
    };
    let units: usize = stages.iter().map(Stage::units).sum();
    let widest = stages.iter().map(Stage::units).max().unwrap_or(0);
    let errors = match stages.len() {
        0 => shape.outputs,
        1 => shape.outputs + widest,
        _ => shape.outputs.max(widest) + widest,
    };
    spec.expanded(shape.inputs) + per_unit * units + shape.outputs + errors
}

impl<T: Real> ConvolutionNetwork<T> {
    pub(super) fn new(spec: &Convolution, shape: Shape) -> Self {
        let stages = spec.stages(shape.inputs);
        let multipliers = spec.parametrization.multipliers(&spec.fans(shape), 1.0);
        ConvolutionNetwork {
            sharing: spec.sharing,
            activation: spec.activation.clone(),
            multipliers: multipliers.into_iter().map(T::of).collect(),
            vocabulary: spec.vocabulary,
            inputs: shape.inputs,
            outputs: shape.outputs,
            values: vec![vec![]; stages.len() + 1],
            slopes: vec![vec![]; stages.len()],
            f: vec![],
            error: vec![],
            below: vec![],
            stages,
        }
    }

    fn load(&mut self, x: &[T]) {
        let values = &mut self.values[0];
        values.clear();
        let Some(vocabulary) = self.vocabulary else {
            return values.extend_from_slice(x);
        };
        values.resize(x.len() * vocabulary, T::zero());
        for (one_hot, &v) in values.chunks_exact_mut(vocabulary).zip(x) {
            match tokens::token(v, vocabulary) {
                Some(token) => one_hot[token] = T::one(),
                None => one_hot.fill(T::of(f64::NAN)),
            }
        }
    }

    /// Outputs to `self.f`.
    fn pass_forward(&mut self, p: &Parameters<T>, x: &[T]) {
        let samples = x.len() / self.inputs;
        self.load(x);
        for (l, &stage) in self.stages.iter().enumerate() {
            let (inputs, outputs) = self.values.split_at_mut(l + 1);
            let output = &mut outputs[0];
            output.resize(stage.units() * samples, T::zero());
            for tile in tiles(stage, self.sharing) {
                T::gemm_strided(
                    self.multipliers[l],
                    tile.filter(p.blocks[l].as_slice()),
                    tile.patches(&inputs[l], samples),
                    &mut output[tile.first * stage.features..],
                    stage.features * tile.stride,
                );
            }
            if self.activation != Activation::Linear {
                self.slopes[l].resize(output.len(), T::zero());
                self.activation.apply(output, &mut self.slopes[l]);
            }
        }
        let l = self.stages.len();
        let mut f = std::mem::take(&mut self.f);
        f.resize(self.outputs * samples, T::zero());
        let left = self.left(samples);
        T::gemm(self.multipliers[l], whole(&p.blocks[l]), left, &mut f);
        self.f = f;
    }

    /// What the read-out receives.
    fn left(&self, samples: usize) -> Factor<'_, T> {
        let values = &self.values[self.stages.len()];
        Factor::new(values, values.len() / samples, samples)
    }

    /// Writes the gradient; `self.error` is the error of the outputs.
    fn pass_backward(&mut self, p: &Parameters<T>, grad: &mut Parameters<T>) {
        let samples = self.error.len() / self.outputs;
        let last = self.stages.len();
        let error = Factor::new(&self.error, self.outputs, samples);
        let gradient = grad.blocks[last].as_mut_slice();
        T::gemm(
            self.multipliers[last],
            error,
            self.left(samples).t(),
            gradient,
        );
        if last == 0 {
            return;
        }
        self.below.resize(self.values[last].len(), T::zero());
        let readout = whole(&p.blocks[last]).t();
        T::gemm(self.multipliers[last], readout, error, &mut self.below);
        for l in (0..last).rev() {
            std::mem::swap(&mut self.error, &mut self.below);
            multiply(&mut self.error, &self.slopes[l]);
            let (stage, multiplier) = (self.stages[l], self.multipliers[l]);
            if l > 0 {
                self.below.resize(self.values[l].len(), T::zero());
            }
            for tile in tiles(stage, self.sharing) {
                let error = tile.errors(&self.error, samples);
                let patches = tile.patches(&self.values[l], samples).t();
                let gradient = tile.entries(grad.blocks[l].as_mut_slice());
                T::gemm(multiplier, error, patches, gradient);
                if l > 0 {
                    T::gemm_strided(
                        multiplier,
                        tile.filter(p.blocks[l].as_slice()).t(),
                        error,
                        &mut self.below[tile.first * stage.inputs..],
                        stage.inputs * tile.stride,
                    );
                }
            }
        }
    }

    /// Scalars in the work space after the last call, at their largest.
    pub fn work_space(&self) -> usize {
        let lists = self.values.iter().chain(&self.slopes);
        lists.map(|v| v.len()).sum::<usize>()
            + self.f.len()
            + self.error.capacity()
            + self.below.capacity()
    }
}

fn whole<T: Real>(w: &DMatrix<T>) -> Factor<'_, T> {
    Factor::new(w.as_slice(), w.nrows(), w.ncols())
}

/// The positions of a layer that one filter acts on: `columns` neighbouring ones from `first` on, of `stride` per sample.
#[derive(Clone, Copy)]
struct Tile {
    stage: Stage,
    first: usize,
    stride: usize,
    columns: usize,
}

/// The matrix products that make up a layer.
fn tiles(stage: Stage, sharing: bool) -> impl Iterator<Item = Tile> {
    let (count, columns) = match sharing {
        true => (1, stage.positions),
        false => (stage.positions, 1),
    };
    (0..count).map(move |first| Tile {
        stage,
        first,
        stride: count,
        columns,
    })
}

impl Tile {
    /// The filter's entries in the block of its layer.
    fn entries<'a, T>(&self, block: &'a mut [T]) -> &'a mut [T] {
        let size = self.stage.features * self.stage.inputs;
        &mut block[self.first * size..][..size]
    }

    fn filter<'a, T>(&self, block: &'a [T]) -> Factor<'a, T> {
        let size = self.stage.features * self.stage.inputs;
        let entries = &block[self.first * size..][..size];
        Factor::new(entries, self.stage.features, self.stage.inputs)
    }

    fn patches<'a, T>(&self, values: &'a [T], samples: usize) -> Factor<'a, T> {
        self.columns_of(values, self.stage.inputs, samples)
    }

    fn errors<'a, T>(&self, errors: &'a [T], samples: usize) -> Factor<'a, T> {
        self.columns_of(errors, self.stage.features, samples)
    }

    fn columns_of<'a, T>(&self, values: &'a [T], rows: usize, samples: usize) -> Factor<'a, T> {
        let columns = self.columns * samples;
        Factor::strided(
            &values[self.first * rows..],
            rows,
            columns,
            rows * self.stride,
        )
    }
}

impl<T: Real> Network<T> for ConvolutionNetwork<T> {
    fn forward(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T> {
        self.pass_forward(p, x.as_slice());
        DMatrix::from_column_slice(self.outputs, x.ncols(), &self.f)
    }

    fn gradient(
        &mut self,
        p: &Parameters<T>,
        x: &DMatrix<T>,
        y: &DMatrix<T>,
        objective: Objective,
        grad: &mut Parameters<T>,
    ) -> T {
        self.pass_forward(p, x.as_slice());
        let loss = objective.residual(&self.f, y.as_slice(), &mut self.error);
        self.pass_backward(p, grad);
        loss
    }

    fn jacobian(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T> {
        let outputs = self.outputs;
        jacobian::row_by_row(p, x, outputs, |sample, output, grad| {
            if output == 0 {
                self.pass_forward(p, sample);
            }
            self.error.clear();
            self.error.resize(outputs, T::zero());
            self.error[output] = T::one();
            self.pass_backward(p, grad);
        })
    }
}
