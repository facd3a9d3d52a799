//! Langevin sampling as a training rule of a spec.

use super::*;

fn langevin(text: &str) -> Result<Langevin> {
    Langevin::parse("training", text.parse().unwrap())
}

fn train(langevin: &Langevin, mlp: &Mlp, data: &Dataset, record: &[usize]) -> Result<Vec<f64>> {
    let mut rng = stream(15, "adapter", &[]);
    let start = mlp.initialize(data, &mut rng)?;
    let (mut steps, mut values) = (vec![], vec![]);
    langevin.train(
        mlp,
        start.into(),
        data,
        record,
        &mut rng,
        &mut |s: Snapshot| {
            steps.push(s.step);
            values.push(s.parameters.blocks[0][0]);
            Ok(())
        },
    )?;
    assert_eq!(steps, record);
    Ok(values)
}

#[test]
fn snapshots_are_samples_of_the_posterior_at_the_recorded_steps() {
    let (mlp, data, temperature, precision, mean) = regression();
    let text = format!("step = 0.05\ntemperature = {temperature}\nsteps = 60000\nburn_in = 1000");
    let spec = langevin(&text).unwrap();
    let record: Vec<usize> = (2000..=60_000).step_by(20).collect();
    let values = train(&spec, &mlp, &data, &record).unwrap();
    let s = (2.0f64 / 3.0).sqrt();
    let found = estimate(&[values]).unwrap();
    assert_z(&found, s * mean[0], "first weight");
    let variance = solve_spd(&precision, &DMatrix::identity(3, 3)).unwrap()[(0, 0)];
    let error = found.deviation * (0.5 / found.effective).sqrt();
    let z = (found.deviation - s * variance.sqrt()) / error;
    assert!(z.abs() < 3.5, "{z}");
    assert_eq!(spec.loss(), crate::training::Loss::HalfSum);
}

#[test]
fn a_step_too_large_is_divided_and_time_stays_the_same() {
    let (mlp, data) = erf_example(20);
    let text = "step = 0.01\ntemperature = 0.05\nsteps = 1200\ncertify = false";
    let values = train(&langevin(text).unwrap(), &mlp, &data, &[0, 1, 600, 1200]).unwrap();
    assert!(values.iter().all(|v| v.is_finite()));
    // The same chain is too short to be certified.
    let text = "step = 0.01\ntemperature = 0.05\nsteps = 1200";
    let refused = train(&langevin(text).unwrap(), &mlp, &data, &[1200]);
    assert!(matches!(refused, Err(Error::Unconverged { .. })));
}

/// Unadjusted Langevin at stiffness k samples the variance 1/(k (1 - eta k/2)): half the step in use shows it, also where the guard has halved
/// the step that was asked for.
#[test]
fn the_control_takes_half_the_step_in_use() {
    let data = Dataset {
        x: DMatrix::identity(10, 10) * 10f64.sqrt(),
        y: DMatrix::from_element(1, 10, 0.3),
        test: None,
        modes: Modes {
            u: DMatrix::zeros(1, 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(10, 0),
        },
        groups: None,
        blocks: None,
    };
    let mlp = Mlp {
        prior: Some(Prior::default()),
        ..Mlp::default()
    };
    for (scheme, asked, biased) in [
        ("ula", 0.004, true),
        ("ula", 0.016, true),
        ("lm", 0.016, false),
    ] {
        let text = format!(
            "step = {asked}\ntemperature = {}\nsteps = 12000\nscheme = '{scheme}'\ncontrols = true\ncertify = false",
            1.0 / 111.0
        );
        let rule = langevin(&text).unwrap();
        let mut rng = stream(1, "adapter", &[]);
        let start = mlp.initialize(&data, &mut rng).unwrap();
        let mut report = None;
        let mut on = |s: Snapshot| {
            report = s.chain.map(|chain| chain().unwrap());
            Ok(())
        };
        rule.train(&mlp, start.into(), &data, &[12000], &mut rng, &mut on)
            .unwrap();
        let report = report.unwrap();
        assert_eq!(report.step, 0.004, "{scheme} {asked}");
        let z = report.at_half_step.unwrap();
        assert!(
            if biased { z > 6.0 } else { z.abs() < 4.0 },
            "{scheme} {asked}: {z}"
        );
    }
}

#[test]
fn hot_mini_batches_are_refused_with_the_number() {
    let (mlp, data) = constant_fit(40);
    let text = "scheme = 'sgld'\nbatch = 4\nstep = 0.02\ntemperature = 2.0\nsteps = 2000";
    let refused = train(&langevin(text).unwrap(), &mlp, &data, &[]).unwrap_err();
    assert!(
        refused.to_string().contains("raise the temperature by"),
        "{refused}"
    );
    let text = text.replace("0.02", "0.002").replace("2000", "40000");
    train(&langevin(&text).unwrap(), &mlp, &data, &[]).unwrap();
}

#[test]
fn a_learner_that_cannot_be_sampled_is_refused_with_place_and_remedy() {
    let (with, data, ..) = regression();
    let spec = langevin("step = 0.01\ntemperature = 1.0\nsteps = 10").unwrap();
    assert!(spec.suits(&with).is_ok());
    // By the spec already, and by the rule itself.
    let refused = |mlp: &Mlp, place: &str| {
        let trained = train(&spec, mlp, &data, &[]).map(|_| ());
        for answer in [spec.suits(mlp), trained] {
            match answer {
                Err(Error::Input { place: p, .. }) => assert_eq!(p, place),
                other => panic!("{other:?}"),
            }
        }
    };
    refused(&Mlp::default(), "learner.prior");
    let bias = Mlp {
        bias: true,
        ..with.clone()
    };
    refused(&bias, "learner.prior");
    let single = Mlp {
        precision: crate::learner::Precision::F32,
        ..with
    };
    refused(&single, "learner.precision");
}

#[test]
fn wrong_keys_are_named() {
    let base = "step = 0.01\ntemperature = 1.0\nsteps = 10\n";
    let place = |text: &str| match langevin(text) {
        Err(Error::Input { place, .. }) => place,
        other => panic!("{other:?}"),
    };
    assert_eq!(langevin(base).unwrap().burn_in, 2);
    for (text, key) in [
        (base.replace("0.01", "1.5"), "step"),
        (base.replace("= 1.0", "= 0.0"), "temperature"),
        (format!("{base}burn_in = 10"), "steps"),
        (format!("{base}batch = 3"), "batch"),
        (format!("{base}scheme = 'sgld'"), "batch"),
        (format!("{base}leapfrog_steps = 3"), "leapfrog_steps"),
        (format!("{base}scheme = 'lmm'"), "scheme"),
        (format!("{base}loss = 'half-mean'"), "loss"),
    ] {
        assert_eq!(place(&text), format!("training.{key}"), "{text}");
    }
    let hmc = langevin(&format!("{base}scheme = 'hmc'")).unwrap();
    assert_eq!(hmc.scheme, Scheme::Hmc { steps: 10 });
    assert_eq!(hmc.resolved()["scheme"], "hmc");
}
