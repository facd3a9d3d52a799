//! The same bits whatever happens: threads, kills, damaged records, interruption, divergence.

use crate::common;
use crate::common::{PROGRAM, SMALL, assert_same, files, records, results, run, with_spec};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
    // 3 observables of 5 networks, matched and ntk for each, one idealised
    assert_eq!(before.len(), 26);
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
    assert_eq!(after.len(), 26 + 5);
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
fn a_run_killed_at_any_moment_resumes_to_the_same_bytes() {
    let folder = with_spec(&slow().replace("expect = \"agree\"", ""));
    let out = folder.path().join("killed");
    let start = Instant::now();
    let whole = finished(folder.path(), "whole", &["--threads", "1"]);
    let takes = start.elapsed();
    // Early, in the middle, and late (while theories are solved or files are written); each time a little further.
    let mut kept: Vec<(String, Vec<u8>)> = vec![];
    let place = out.join(whole[0].0.split('/').next().unwrap());
    let mut unfinished = 0;
    for part in [0.02, 0.15, 0.3, 0.2, 0.2, 0.1] {
        let mut child = Command::new(PROGRAM)
            .args(["run", "spec.toml", "--out", "killed", "--threads", "1"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(takes.mul_f64(part));
        child.kill().unwrap();
        child.wait().unwrap();
        let now: Vec<_> = records(&out)
            .into_iter()
            .filter(|f| f.0.ends_with(".rec"))
            .collect();
        // What was finished stays as it was, down to the time it took: it was not computed again.
        assert!(kept.iter().all(|r| now.contains(r)));
        kept = now;
        // Its state is known although it has not ended.
        if place.join("unfinished.json").exists() {
            let status = run(folder.path(), &["status", &place.to_string_lossy()]);
            let found = format!("]: {} of ", kept.len());
            assert!(status.out.contains(&found), "{}", status.out);
            assert!(status.out.contains("has not ended"), "{}", status.out);
            unfinished += 1;
        }
    }
    assert!(unfinished > 0);
    assert!(!kept.is_empty());
    // What a kill in the middle of a table leaves.
    let tables = place.join("tables");
    std::fs::create_dir_all(&tables).unwrap();
    std::fs::write(tables.join(".tmpKilled"), "half").unwrap();
    let resumed = finished(folder.path(), "killed", &["--threads", "2"]);
    assert_same(&resumed, &whole);
    let ended = run(folder.path(), &["status", &place.to_string_lossy()]);
    assert!(!ended.out.contains("has not ended"), "{}", ended.out);
    let all = records(&out);
    assert!(kept.iter().all(|r| all.contains(r)));
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
    let asked = Instant::now();
    let ran = common::ran(child.wait_with_output().unwrap());
    assert!(asked.elapsed() < Duration::from_secs(5), "it went on");
    assert_eq!(ran.code, 6, "{}", ran.err);
    assert!(ran.err.contains("resume"), "{}", ran.err);
    assert!(
        files(&folder.path().join("runs"))
            .iter()
            .all(|f| f.0.ends_with(".rec") || f.0.ends_with(".state")),
        "something half-written is left"
    );
}

/// One long training is not begun anew: its checkpoint is there after the interrupt, is used, and is gone at the end.
#[cfg(unix)]
#[test]
fn an_interrupted_training_goes_on_to_the_same_bytes() {
    let folder = with_spec(
        &slow()
            .replace("expect = \"agree\"", "")
            .replace("replicas = 24", "replicas = 1")
            .replace("steps = 4000", "steps = 40000")
            .replace(", \"half-rise-time\"", ""),
    );
    let whole = finished(folder.path(), "whole", &[]);
    let child = Command::new(PROGRAM)
        .args(["run", "spec.toml", "--out", "runs"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.unwrap().success());
    let ran = common::ran(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 6, "{}", ran.err);
    let out = folder.path().join("runs");
    let paused = || {
        let files = records(&out).into_iter();
        files.filter(|f| f.0.ends_with(".state")).count()
    };
    assert_eq!(paused(), 1);
    assert_same(&finished(folder.path(), "runs", &[]), &whole);
    assert_eq!(paused(), 0);
}

/// The files hold what the run measured: a network loaded from one gives the loss at the end of its training.
#[test]
fn saved_weights_are_those_of_the_last_step() {
    let folder = with_spec(&SMALL.replace(", \"half-rise-time\"", ""));
    let path = folder.path();
    let last_loss = |arguments: &[&str]| {
        let ran = run(path, arguments);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let all = common::json(&ran.out)["cells"][0]["measurements"].clone();
        let found = all.as_array().unwrap().iter();
        let loss = found.clone().find(|o| o["name"] == "train-loss").unwrap();
        loss["mean"].as_array().unwrap().last().unwrap().clone()
    };
    let one = ["--set", "measure.replicas=1", "--json"];
    // The record of the measurement is there before the weights are asked for.
    let trained = last_loss(&[&["measure", "spec.toml"][..], &one].concat());
    let again = [&["measure", "spec.toml", "--save-weights"][..], &one].concat();
    assert_eq!(last_loss(&again), trained);
    let all = files(&path.join("runs"));
    let saved: Vec<&(String, Vec<u8>)> = all
        .iter()
        .filter(|f| {
            f.0.ends_with("weights/cell-0-dataset-0-replica-0.safetensors")
        })
        .collect();
    assert_eq!(saved.len(), 1);
    std::fs::write(path.join("net.safetensors"), &saved[0].1).unwrap();
    let (head, rest) = SMALL.split_once("[training]").unwrap();
    let measure = rest
        .split_once("[measure]")
        .unwrap()
        .1
        .split_once("[[theory]]")
        .unwrap()
        .0;
    let loaded = format!("{head}[training]\nkind = \"none\"\n[measure]{measure}")
        .replace(
            "widths = [5]",
            "widths = [5]\nweights = \"net.safetensors\"",
        )
        .replace(
            "\"mode-strength\", \"train-loss\", \"half-rise-time\"",
            "\"train-loss\"",
        );
    std::fs::write(path.join("loaded.toml"), loaded).unwrap();
    let one = [
        "--set",
        "measure.points=1",
        "--set",
        "measure.replicas=1",
        "--json",
    ];
    assert_eq!(
        last_loss(&[&["measure", "loaded.toml"][..], &one].concat()),
        trained
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
fn a_diverging_stage_is_named_with_its_draw() {
    let spec = SMALL.replace(
        "[training]\nkind = \"gradient-descent\"\nlearning_rate = 0.01\nsteps = 500",
        "[[training]]\nname = \"calm\"\nkind = \"gradient-descent\"\nlearning_rate = 0.01\nsteps = 20\n\
         [[training]]\nname = \"wild\"\nkind = \"gradient-descent\"\nlearning_rate = 9.0\nsteps = 500",
    );
    let folder = with_spec(&spec);
    let ran = run(folder.path(), &["measure", "spec.toml"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    for text in ["data set 0, replica 0, stage wild", "learning_rate = 9"] {
        assert!(ran.err.contains(text), "{}", ran.err);
    }
}

#[test]
fn a_cell_that_does_not_converge_fails_alone() {
    let spec = SMALL.replace(
        "kind = \"gradient-descent\"\nlearning_rate = 0.01\nsteps = 500",
        "kind = \"gradient-flow\"\ntime = 2.0",
    );
    assert_ne!(spec, SMALL);
    let folder = with_spec(&spec);
    let sweep = "sweep={ \"training.tolerance\" = [1e-8, 1e-200] }";
    let ran = run(
        folder.path(),
        &["run", "spec.toml", "--set", sweep, "--json"],
    );
    assert_eq!(ran.code, 4, "{}", ran.err);
    for text in ["tolerance", "data set 0, replica 0", "remedy: "] {
        assert!(ran.err.contains(text), "{}", ran.err);
    }
    let document = common::json(&ran.out);
    assert_eq!(document["cells"][0]["status"], "done");
    assert_eq!(document["cells"][1]["status"], "failed");
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

#[test]
fn a_damaged_pack_is_named_and_its_records_are_recomputed() {
    // 1,002 networks without theories: more records than are kept loose.
    let many = SMALL
        .replace("replicas = 5", "replicas = 1002")
        .replace("steps = 500", "steps = 5");
    let folder = with_spec(many.split("[[theory]]").next().unwrap());
    let good = finished(folder.path(), "runs", &[]);
    let store = folder.path().join("runs/store");
    let names = || -> Vec<String> { files(&store).into_iter().map(|f| f.0).collect() };
    let packed = names();
    assert_eq!(packed.len(), 1, "one pack and no loose record");
    assert!(packed[0].ends_with(".pack"));
    let dir = run_folder(folder.path());
    let status = |text: &str| {
        let ran = run(folder.path(), &["status", &dir]);
        assert!(ran.out.contains(text), "{}", ran.out);
    };
    status("3006 of 3006 records in place");
    // Read from the pack, nothing is recomputed.
    assert_same(&finished(folder.path(), "runs", &[]), &good);
    assert_eq!(names(), packed);
    // One record in the pack is damaged: only that one is computed again.
    let path = store.join(&packed[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    status("1 damaged");
    let ran = run(folder.path(), &["run", "spec.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains(&packed[0]) && ran.err.contains("recomputed"),
        "{}",
        ran.err
    );
    assert_eq!(names().len(), 2);
    status("0 damaged");
    let tables = |f: Vec<(String, Vec<u8>)>| -> Vec<(String, Vec<u8>)> {
        f.into_iter().filter(|f| f.0.contains("/tables/")).collect()
    };
    let again = results(&folder.path().join("runs"));
    assert_same(&tables(again), &tables(good));
}

/// Runs a shell line with `$0` the program, in a folder with the small spec.
#[cfg(unix)]
fn shell(folder: &Path, line: &str) -> common::Ran {
    let output = Command::new("sh")
        .args(["-c", line, PROGRAM])
        .current_dir(folder)
        .output()
        .unwrap();
    common::ran(output)
}

/// A limit on file sizes makes every longer write fail in the middle, as a full disk does.
#[cfg(unix)]
#[test]
fn a_write_that_fails_in_the_middle_leaves_nothing_half_written() {
    let folder = with_spec(SMALL);
    let ran = shell(
        folder.path(),
        "trap '' XFSZ; ulimit -f 16; exec \"$0\" run spec.toml --threads 2",
    );
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert_eq!(ran.err.matches("error: ").count(), 1, "{}", ran.err);
    assert!(ran.err.contains("finished records are kept"), "{}", ran.err);
    let left = files(&folder.path().join("runs"));
    assert!(
        left.iter().all(|f| !f.0.contains(".tmp")),
        "a temporary file is left"
    );
    assert!(left.iter().all(|f| !f.0.ends_with("manifest.json")));
    // With room again the same command completes, and computes nothing twice.
    let kept = records(&folder.path().join("runs"));
    assert!(!kept.is_empty());
    finished(folder.path(), "runs", &[]);
    let after = records(&folder.path().join("runs"));
    assert!(kept.iter().all(|r| after.contains(r)));
}

/// A really full file system, where mounting one is permitted.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_clear_error() {
    let folder = with_spec(SMALL);
    std::fs::create_dir(folder.path().join("tiny")).unwrap();
    let mount = "mount -t tmpfs -o size=64k tmpfs tiny";
    let allowed = shell(folder.path(), &format!("unshare -rm sh -c '{mount}'"));
    if allowed.code != 0 {
        eprintln!(
            "skipped: a small file system cannot be mounted here ({})",
            allowed.err.trim()
        );
        return;
    }
    let ran = shell(
        folder.path(),
        &format!(
            "unshare -rm sh -c '{mount} && \"$0\" run spec.toml --out tiny; code=$?; find tiny -name \".tmp*\" | wc -l; exit $code' \
             \"$0\""
        ),
    );
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert!(ran.err.contains("free some space"), "{}", ran.err);
    assert_eq!(ran.err.matches("error: ").count(), 1, "{}", ran.err);
    assert_eq!(ran.out.trim(), "0", "temporary files are left");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_noticed() {
    let folder = with_spec(SMALL);
    let full = shell(folder.path(), "exec \"$0\" list > /dev/full");
    assert_eq!(full.code, 5, "{}", full.err);
    assert!(full.err.contains("stdout"), "{}", full.err);
    // Nobody listens on stderr: the exit code still tells.
    let mute = shell(folder.path(), "exec \"$0\" run nowhere.toml 2>/dev/full");
    assert_eq!(mute.code, 2);
    let closed = shell(folder.path(), "exec \"$0\" run nowhere.toml 2>&-");
    assert_eq!(closed.code, 2);
}

#[test]
fn looking_at_a_run_writes_nothing() {
    let folder = with_spec(SMALL);
    finished(folder.path(), "runs", &[]);
    let dir = run_folder(folder.path());
    let moved = folder.path().join("elsewhere");
    std::fs::create_dir(&moved).unwrap();
    std::fs::rename(folder.path().join(&dir), moved.join("copied")).unwrap();
    let before = files(folder.path());
    let ran = run(folder.path(), &["status", "elsewhere/copied"]);
    assert!(
        ran.code == 4 && ran.out.contains("26 missing"),
        "{}",
        ran.out
    );
    assert_eq!(files(folder.path()).len(), before.len());
    assert!(!moved.join("store").exists());
}

#[test]
fn two_runs_at_once_share_a_store() {
    let folder = with_spec(&slow().replace("expect = \"agree\"", ""));
    let spawn = || {
        Command::new(PROGRAM)
            .args(["run", "spec.toml", "--out", "shared", "--threads", "1"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for child in [spawn(), spawn()] {
        let ran = common::ran(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    }
    let shared = results(&folder.path().join("shared"));
    assert_same(&shared, &finished(folder.path(), "alone", &[]));
}
