//! Three kernels of one network: of its features, of its gradients, and the tangent kernel that they make.
//!
//! An erf network in the NTK parametrisation with one hidden layer has K = Phi + G (x . x'/d): the kernel of its
//! features, plus that of the back-propagated gradients times the inputs'. At large width the mean of Phi over starts
//! is the kernel of a Gaussian process.
//!
//!     cargo run --release --example kernels_of_a_network

#[path = "teach/mod.rs"]
mod teach;

use nalgebra::DMatrix;
use saddlepoint::Result;
use saddlepoint::kernel::{Kernel, Network as Wide, PerLayer, gram};
use saddlepoint::learner::{Activation, Learner, Mlp, Parametrization};
use saddlepoint::numerics::random::stream;
use saddlepoint::task::{LinearTeacher, Task};

fn main() -> Result<()> {
    let (width, starts) = teach::pick((200, 100), (1000, 400));
    let task = LinearTeacher {
        samples: 6,
        ..LinearTeacher::new(vec![1.0], 3, 1)
    };
    let data = task.draw(&mut stream(1, "dataset", &[]))?;
    let learner = Mlp {
        widths: vec![width],
        activation: Activation::Erf,
        parametrization: Parametrization::Ntk,
        ..Mlp::default()
    };
    let mut network = learner.network(task.shape());
    let inputs = data.x.transpose() * &data.x / data.x.nrows() as f64;

    let (mut worst, mut features) = (0f64, Vec::new());
    for start in 0..starts {
        let p = learner.initialize(&data, &mut stream(1, "start", &[start]))?;
        let h = network.features(&p, &data.x).remove(0);
        let g = network.sensitivities(&p, &data.x, 0).remove(0);
        let phi: DMatrix<f64> = h.transpose() * &h / width as f64;
        let jacobian = network.jacobian(&p, &data.x);
        let tangent = &jacobian * jacobian.transpose();
        let sum = &phi + (g.transpose() * &g).component_mul(&inputs);
        worst = worst.max((sum - tangent).amax());
        features.push(phi[(0, 1)]);
    }
    println!("tangent kernel - (Phi + G x.x'/d): at most {worst:.1e} over {starts} starts");

    let wide = Wide {
        nonlinearity: Activation::Erf,
        depth: 1,
        weight_variance: PerLayer::Same(1.0),
        bias_variance: PerLayer::Same(0.0),
    };
    let theory = gram(&Kernel::Nngp(wide), &data.x, 1 << 20)?.kernel[(0, 1)];
    assert!(worst < 1e-10, "the three kernels do not add up");
    teach::agree(
        "mean kernel of features of two samples",
        teach::mean(&features),
        theory,
    )
}
