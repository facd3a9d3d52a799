//! Every shipped model parses, plans and runs in its quick form.

use crate::common;
use std::path::Path;

#[test]
fn every_model_runs_quickly() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(root.join("models")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            saddlepoint::models::MODELS.iter().any(|m| m.name == name),
            "{name} is not registered in src/models.rs"
        );
        count += 1;
        if !common::has_data(&std::fs::read_to_string(&path).unwrap()) {
            continue;
        }
        let spec = path.to_str().unwrap();
        let check = common::run(root, &["check", spec]);
        assert_eq!(check.code, 0, "{name}: {}", check.err);
        let ran = common::run(
            root,
            &[
                "run",
                spec,
                "--quick",
                "--out",
                out.path().to_str().unwrap(),
            ],
        );
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}");
        assert!(ran.out.contains("quick run"));
    }
    assert_eq!(count, saddlepoint::models::MODELS.len());
}
