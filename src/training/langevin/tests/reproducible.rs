//! The same bits for every number of threads, and after every interruption.

use super::*;

fn small_run(scheme: Scheme, threads: usize) -> Vec<Sampled> {
    let (mlp, data) = erf_example(5);
    let plan = Plan {
        scheme,
        step: 0.004,
        burn_in: 300,
        steps: 900,
        every: 7,
    };
    let build = || NetworkPotential::of(&mlp, &data, 1.0);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let starts = vec![vec![0.1; 20]; 5];
    pool.install(|| sample(plan, &starts, 14, build, squares))
        .unwrap()
}

#[test]
fn threads_and_interruptions_change_no_bit() {
    for scheme in [
        Scheme::Lm,
        Scheme::Hmc { steps: 3 },
        Scheme::Sgld { batch: 5 },
    ] {
        let whole = small_run(scheme, 1);
        assert_eq!(whole, small_run(scheme, 3));
        let (mlp, data) = erf_example(5);
        let plan = Plan {
            scheme,
            step: 0.004,
            burn_in: 300,
            steps: 900,
            every: 7,
        };
        let build = || NetworkPotential::of(&mlp, &data, 1.0).unwrap();
        let mut sampler = Sampler::new(plan, &mut build(), vec![0.1; 20], 14, 3).unwrap();
        while !sampler.is_done() {
            sampler.window(&mut build(), &mut squares).unwrap();
            // Everything is given up but the text.
            let text = serde_json::to_string(&sampler).unwrap();
            sampler = serde_json::from_str(&text).unwrap();
        }
        assert_eq!(sampler.finish().unwrap(), whole[3]);
    }
}
