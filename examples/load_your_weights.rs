//! A network trained anywhere, read from a safetensors file and held against a theory.
//!
//! Here the file comes from this program itself, under the names that PyTorch gives a bias-free `nn.Sequential` of two
//! linear layers. With a file of your own: `torch.nn.Linear` stores `[outputs, inputs]`, and so does this library;
//! write it with `safetensors.torch.save_file(model.state_dict(), "net.safetensors")` and name the tensors as below.
//!
//!     cargo run --release --example load_your_weights

#[path = "teach/mod.rs"]
mod teach;

use saddlepoint::context::Context;
use saddlepoint::experiment::{DrawIndex, Experiment};
use saddlepoint::instrument::{ModeStrength, measure};
use saddlepoint::learner::{Init, Loaded, Mlp, Parameters, weights};
use saddlepoint::task::LinearTeacher;
use saddlepoint::theory::saxe::scalar;
use saddlepoint::training::{GradientDescent, Untrained};
use std::sync::Arc;

fn main() -> saddlepoint::Result<()> {
    let rate = teach::pick(1e-3, 1e-4);
    let (time, scale) = (3.0, 0.1);
    let singular_values = [3.0, 2.0, 1.0];
    let mlp = Mlp {
        widths: vec![6],
        init: Init::Aligned { scale, last: None },
        ..Mlp::default()
    };
    let task = LinearTeacher::new(singular_values.to_vec(), 8, 5);
    let descent = GradientDescent::new(rate, (time / rate) as usize);
    let mut experiment = teach::networks(task, &[6], scale, descent, 1);
    experiment.learner = Some(Arc::new(mlp.clone()));
    let (dataset, replica) = (0, 0);
    let draw = DrawIndex { dataset, replica };
    let data = experiment.dataset(0)?;
    let watch = |e: &Experiment| {
        let none = Parameters { blocks: vec![] };
        let start = e.initial(&data, draw)?.unwrap_or(none).into();
        let (cx, noise) = (Context::default(), &mut e.training_stream(draw));
        measure(e, &cx, &[&ModeStrength], &data, start, noise, None)
    };

    // Train and store.
    let file = std::env::temp_dir().join("saddlepoint-example/net.safetensors");
    let trained = watch(&experiment)?.trained;
    weights::save(&file, &mlp, experiment.task.shape(), &trained)?;

    // Load under the stored names, train no further, look.
    let names = vec!["layers.0.weight".into(), "layers.1.weight".into()];
    experiment.learner = Some(Arc::new(Loaded::new(Arc::new(mlp), &file, Some(names))?));
    experiment.training = Some(Arc::new(Untrained::default()));
    let found = watch(&experiment)?.values.remove(0);

    // From a = b = scale every mode follows u(t) = s/(1 + (s/scale^2 - 1) e^{-2st}).
    println!("mode  strength in the file  gradient flow at t = {time}");
    let flow = singular_values.map(|s| scalar::balanced(s, scale * scale, time));
    for (k, (u, flow)) in found.iter().zip(&flow).enumerate() {
        println!("{:>4}  {u:>20.6}  {flow:>24.6}", k + 1);
    }
    // Steps grow as ln(1 + rate s)/rate instead of s: later by rate s t/2, at the slope 2u(s - u).
    let (s, value, theory) = (singular_values[2], found[2], flow[2]);
    let tolerance = rate * s * time * theory * (s - theory);
    let why = "rate s t u (s - u), the lag of finite steps";
    teach::check("weakest mode in the file", value, theory, tolerance, why)
}
