//! The same bits whatever happens: threads, kills, damaged records, interruption, divergence.

mod common;
use common::{PROGRAM, SMALL, assert_same, files, records, results, run, with_spec};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn finished(folder: &Path, out: &str, extra: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut arguments = vec!["run", "spec.toml", "--out", out];
    arguments.extend(extra);
    let ran = run(folder, &arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let found = results(&folder.join(out));
    assert!(found.len() > 8);
    found
}

#[test]
fn threads_do_not_matter_and_seeds_do() {
    let folder = with_spec(SMALL);
    let one = finished(folder.path(), "a", &["--threads", "1"]);
    let two = finished(folder.path(), "b", &["--threads", "2"]);
    assert_same(&one, &two);
    let other = finished(folder.path(), "c", &["--seed", "4"]);
    let table = |files: &[(String, Vec<u8>)]| {
        files
            .iter()
            .find(|f| f.0.ends_with("train-loss.csv"))
            .unwrap()
            .1
            .clone()
    };
    assert_ne!(table(&one), table(&other));
}

#[test]
fn names_do_not_change_the_hash_and_more_draws_compute_only_what_is_new() {
    let folder = with_spec(SMALL);
    finished(folder.path(), "runs", &[]);
    let before = records(&folder.path().join("runs"));
    // 5 networks, matched and ntk for each, one idealised
    assert_eq!(before.len(), 16);
    finished(
        folder.path(),
        "runs",
        &["--set", "title=another", "--set", "theory.2.label=lazy"],
    );
    assert_eq!(
        files(folder.path())
            .iter()
            .filter(|f| f.0.ends_with("manifest.json"))
            .count(),
        1
    );
    finished(folder.path(), "runs", &["--set", "measure.replicas=6"]);
    let after = records(&folder.path().join("runs"));
    assert_eq!(after.len(), 16 + 3);
    assert!(before.iter().all(|r| after.contains(r)));
}

#[test]
fn a_cell_of_a_sweep_is_the_single_experiment() {
    let folder = with_spec(SMALL);
    finished(folder.path(), "runs", &[]);
    let before = records(&folder.path().join("runs")).len();
    finished(
        folder.path(),
        "runs",
        &["--set", "sweep={ \"learner.init.scale\" = [0.1, 0.2] }"],
    );
    assert_eq!(records(&folder.path().join("runs")).len(), 2 * before);
}

/// Slow enough to be killed in the middle.
fn slow() -> String {
    SMALL
        .replace("steps = 500", "steps = 4000")
        .replace("learning_rate = 0.01", "learning_rate = 0.002")
        .replace("replicas = 5", "replicas = 24")
        .replace("samples = 20", "samples = 200\nnoise = 0.1")
        .replace("widths = [5]", "widths = [40]\nactivation = \"tanh\"")
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let folder = with_spec(&slow().replace("expect = \"agree\"", ""));
    let spawn = || {
        Command::new(PROGRAM)
            .args(["measure", "spec.toml", "--out", "killed", "--threads", "1"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut kept = 0;
    for _ in 0..3 {
        let mut child = spawn();
        std::thread::sleep(Duration::from_millis(400));
        let running = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        let now = records(&folder.path().join("killed"))
            .iter()
            .filter(|f| f.0.ends_with(".rec"))
            .count();
        assert!(now >= kept);
        kept = now;
        if !running {
            break;
        }
    }
    assert!(
        kept < 24,
        "the run was over before it could be killed: {kept}"
    );
    let resumed = finished(folder.path(), "killed", &[]);
    let whole = finished(folder.path(), "whole", &[]);
    assert_same(&resumed, &whole);
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_is_finished_and_exits_with_6() {
    let folder = with_spec(
        &slow()
            .replace("expect = \"agree\"", "")
            .replace("steps = 4000", "steps = 400000"),
    );
    let child = Command::new(PROGRAM)
        .args(["measure", "spec.toml", "--out", "runs"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let ran = common::ran(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 6, "{}", ran.err);
    assert!(ran.err.contains("resume"), "{}", ran.err);
    assert!(
        records(&folder.path().join("runs"))
            .iter()
            .all(|f| f.0.ends_with(".rec"))
    );
}

#[test]
fn damaged_records_are_named_and_recomputed() {
    let folder = with_spec(SMALL);
    let good = finished(folder.path(), "runs", &[]);
    let store = folder.path().join("runs/store");
    let all = files(&store);
    let (flipped, cut) = (&all[0], &all[3]);
    let mut bytes = flipped.1.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 16;
    std::fs::write(store.join(&flipped.0), bytes).unwrap();
    std::fs::write(store.join(&cut.0), &cut.1[..cut.1.len() / 2]).unwrap();
    let status = run(folder.path(), &["status", &run_folder(folder.path())]);
    assert!(status.out.contains("2 damaged"), "{}", status.out);
    let ran = run(folder.path(), &["run", "spec.toml"]);
    assert_eq!(ran.code, 0);
    for name in [&flipped.0, &cut.0] {
        assert!(
            ran.err.contains(name.as_str()) && ran.err.contains("recomputed"),
            "{}",
            ran.err
        );
    }
    let again: Vec<_> = results(&folder.path().join("runs"));
    let tables = |f: &[(String, Vec<u8>)]| {
        f.iter()
            .filter(|f| f.0.contains("/tables/"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_same(&tables(&again), &tables(&good));
    assert!(
        run(folder.path(), &["status", &run_folder(folder.path())])
            .out
            .contains("0 damaged")
    );
}

fn run_folder(folder: &Path) -> String {
    let name = files(&folder.join("runs"))
        .into_iter()
        .find(|f| f.0.ends_with("manifest.json"))
        .unwrap()
        .0;
    format!("runs/{}", name.trim_end_matches("/manifest.json"))
}

#[test]
fn a_diverging_cell_fails_alone() {
    let folder = with_spec(SMALL);
    let sweep = "sweep={ \"training.learning_rate\" = [0.01, 2.0] }";
    let ran = run(
        folder.path(),
        &["run", "spec.toml", "--set", sweep, "--json"],
    );
    assert_eq!(ran.code, 4, "{}", ran.err);
    for text in [
        "step",
        "learning_rate = 2",
        "2/lambda_max",
        "remedy: lower training.learning_rate",
    ] {
        assert!(ran.err.contains(text), "{}", ran.err);
    }
    let document = common::json(&ran.out);
    assert_eq!(document["cells"][0]["status"], "done");
    assert_eq!(document["cells"][0]["comparison"][0]["verdict"], "agree");
    assert_eq!(document["cells"][1]["status"], "failed");
    assert_eq!(
        document["cells"][1]["measurements"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn the_content_of_a_data_file_enters_the_hash() {
    let spec = SMALL.replace(
        "kind = \"linear-teacher\"\nsingular_values = [2.0, 1.0]\ninput_dim = 4\noutput_dim = 3\nsamples = 20",
        "kind = \"file\"\npath = \"data.csv\"",
    );
    let folder = with_spec(&spec);
    let hash = |text: &str| {
        std::fs::write(folder.path().join("data.csv"), text).unwrap();
        let ran = run(folder.path(), &["check", "spec.toml", "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        common::json(&ran.out)["hash"].clone()
    };
    let a = hash("x1,x2,y1\n1,2,3\n4,5,6\n2,1,1\n");
    assert_eq!(a, hash("x1,x2,y1\n1,2,3\n4,5,6\n2,1,1\n"));
    assert_ne!(a, hash("x1,x2,y1\n1,2,3\n4,5,7\n2,1,1\n"));
}
