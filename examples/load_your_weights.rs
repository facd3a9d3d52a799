//! A network trained anywhere, read from a safetensors file and held against a theory.
//!
//! Here the file comes from this program itself, under the names that PyTorch gives a bias-free `nn.Sequential` of two linear layers.
//! With a file of your own: `torch.nn.Linear` stores `[outputs, inputs]`, and so does this library; write it with
//! `safetensors.torch.save_file(model.state_dict(), "net.safetensors")` and name the tensors as below.
//!
//!     cargo run --release --example load_your_weights

use saddlepoint::context::Context;
use saddlepoint::experiment::{DrawIndex, Draws, Experiment, Spacing};
use saddlepoint::instrument::{ModeStrength, measure};
use saddlepoint::learner::{Init, Loaded, Mlp, Parameters, weights};
use saddlepoint::task::LinearTeacher;
use saddlepoint::theory::saxe::scalar;
use saddlepoint::training::{GradientDescent, Untrained};
use std::sync::Arc;

fn main() -> saddlepoint::Result<()> {
    let quick = std::env::args().any(|a| a == "--quick");
    let rate = if quick { 1e-3 } else { 1e-4 };
    let (time, scale) = (3.0, 0.1);
    let singular_values = vec![3.0, 2.0, 1.0];
    let mlp = Mlp {
        widths: vec![6],
        init: Init::Aligned { scale, last: None },
        ..Mlp::default()
    };
    let mut experiment = Experiment {
        seed: 1,
        task: Arc::new(LinearTeacher::new(singular_values.clone(), 8, 5)),
        learner: Some(Arc::new(mlp.clone())),
        training: Some(Arc::new(GradientDescent::new(rate, (time / rate) as usize))),
        draws: Draws {
            datasets: 1,
            replicas: 1,
            points: 2,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    };
    let draw = DrawIndex {
        dataset: 0,
        replica: 0,
    };
    let data = experiment.dataset(0)?;
    let watch = |e: &Experiment| {
        let start = e
            .initial(&data, draw)?
            .unwrap_or(Parameters { blocks: vec![] });
        let noise = &mut e.training_stream(draw);
        measure(
            e,
            &Context::default(),
            &[&ModeStrength],
            &data,
            start.into(),
            noise,
            None,
        )
    };

    // Train and store.
    let folder = std::env::temp_dir().join("saddlepoint-example");
    let file = folder.join("net.safetensors");
    let trained = watch(&experiment)?.trained;
    weights::save(&file, &mlp, experiment.task.shape(), &trained)?;

    // Load under the stored names, train no further, look.
    let names = vec!["layers.0.weight".into(), "layers.1.weight".into()];
    experiment.learner = Some(Arc::new(Loaded::new(Arc::new(mlp), &file, Some(names))?));
    experiment.training = Some(Arc::new(Untrained::default()));
    let found = watch(&experiment)?.values.remove(0);

    println!("mode  strength in the file  gradient flow at t = {time}");
    let flow: Vec<f64> = singular_values
        .iter()
        .map(|&s| scalar::balanced(s, scale * scale, time))
        .collect();
    for (k, (u, flow)) in found.iter().zip(&flow).enumerate() {
        println!("{:>4}  {u:>20.6}  {flow:>24.6}", k + 1);
    }
    // The error of descent is of first order in the step: rate * s^2 * t on the scale of the mode.
    let (s, value, theory) = (singular_values[2], found[2], flow[2]);
    let tolerance = rate * s * s * time;
    let ok = (value - theory).abs() < tolerance;
    println!(
        "check: value = {value:.6}, theory = {theory:.6}, tolerance {tolerance:.1e}: {}",
        if ok { "ok" } else { "FAILED" }
    );
    std::process::exit(!ok as i32)
}
