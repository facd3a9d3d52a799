//! Every example runs in its quick form and ends in a number that agrees with its theory.

macro_rules! examples {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

examples!(
    cluster_picture,
    excess_risk,
    find_the_threshold,
    fit_a_theory,
    fixed_points,
    kernel_evolution,
    kernels_of_a_network,
    lazy_to_rich,
    learning_on_clusters,
    load_your_weights,
    mean_field_xor,
    real_space_rg,
    ridge_flow,
    saddle_to_saddle,
    sample_posterior,
    saxe_modes,
    your_own_theory
);

#[test]
fn every_example_checks_its_number() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<String> = std::fs::read_dir(root.join("examples"))
        .unwrap()
        .map(|e| {
            e.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != "teach") // what they share
        .collect();
    found.sort();
    assert_eq!(found, NAMES, "register the example in this test");
    // `cargo test` builds the examples beside the test binaries: target/<profile>/examples.
    let folder = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples");
    for name in NAMES {
        let program = folder.join(name);
        let output = std::process::Command::new(&program)
            .arg("--quick")
            .output()
            .unwrap_or_else(|e| panic!("{}: {e}", program.display()));
        let text = String::from_utf8(output.stdout).unwrap();
        let last = text.lines().last().unwrap_or("");
        assert!(
            output.status.success(),
            "{name}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            last.starts_with("check: value = ") && last.ends_with(": ok"),
            "{name}: {last}"
        );
    }
}
