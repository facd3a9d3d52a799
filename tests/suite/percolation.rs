//! Simulations without a learner through the program: exact values, refusals, any number of threads.

use crate::common::{files, results, run, with_spec};

const TORUS: &str = r#"
version = 1
task = { kind = "percolation-lattice", size = 3, sweeps = 200 }
theory = [{ kind = "percolation-enumeration", expect = "agree" }]
[measure]
observables = [
    { kind = "wrapping-x", p = [0.3, 0.5, 0.59274605] },
    { kind = "wrapping-any", p = [0.3, 0.5, 0.59274605] },
    { kind = "wrapping-all", p = [0.5, 0.59274605] },
    { kind = "wrapping-only-x", p = [0.5, 0.59274605] },
    { kind = "wrapping-cross", p = [0.5, 0.59274605] },
    "largest-cluster",
    { kind = "mean-cluster-size", p = [0.3, 0.5, 0.59274605] },
    "cluster-number",
    "susceptibility",
    "percolation-threshold",
]
datasets = 40
"#;

/// Every observable that can be enumerated agrees with its enumeration, and the exact numbers are those of the reference table.
#[test]
fn a_small_torus_agrees_with_its_enumeration() {
    let folder = with_spec(TORUS);
    let ran = run(folder.path(), &["run", "spec.toml", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    for value in ["0.341796875", "0.494140625", "0.189453125"] {
        assert!(ran.out.contains(value), "{value} is not printed");
    }
    assert!(ran.out.matches("\"agree\"").count() >= 8, "{}", ran.out);
}

/// Two triangles joined by an edge: 2^6 configurations of sites, 2^7 of bonds.
#[test]
fn a_graph_agrees_with_its_enumeration() {
    let at = "p = [0.2, 0.5, 0.8]";
    let folder = with_spec(&format!(
        r#"
version = 1
task = {{ kind = "percolation-lattice", lattice = "edges", file = "graph.txt", sweeps = 200 }}
theory = [{{ kind = "percolation-enumeration", expect = "agree" }}]
sweep = {{ "task.element" = ["site", "bond"] }}
[measure]
observables = [{{ kind = "mean-cluster-size", {at} }}, {{ kind = "largest-cluster", {at} }}, {{ kind = "cluster-number", {at} }}]
datasets = 20
"#
    ));
    let edges = "0 1\n1 2\n2 0\n2 3\n3 4\n4 5\n5 3\n";
    std::fs::write(folder.path().join("graph.txt"), edges).unwrap();
    let ran = run(folder.path(), &["run", "spec.toml", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
}

/// A cap of 100 sites at the threshold, and graphs of 20,000 vertices below theirs: every weight, the mean size, what is cut off.
#[test]
fn trees_and_random_graphs_agree_with_their_laws() {
    for (task, theory) in [
        (
            "p = \"threshold\", cap = 100, clusters = 4000",
            "bethe-lattice",
        ),
        (
            "source = \"erdos-renyi\", degree = 0.5, vertices = 20000",
            "erdos-renyi",
        ),
    ] {
        let folder = with_spec(&format!(
            r#"
version = 1
task = {{ kind = "percolation-tree", {task} }}
theory = [{{ kind = "{theory}", expect = "agree" }}]
compare = {{ tolerances = {{ infinite-share = {{ absolute = 0.01 }} }} }}
[measure]
observables = ["cluster-weight", "mean-cluster-size", "infinite-share"]
datasets = 20
"#
        ));
        let ran = run(folder.path(), &["run", "spec.toml", "--json"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let numbers = |threads: &str| {
        let folder = with_spec(TORUS);
        let ran = run(folder.path(), &["run", "spec.toml", "--threads", threads]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        let found = results(&folder.path().join("runs"));
        assert!(found.len() > 12);
        found
    };
    assert_eq!(numbers("1"), numbers("2"));
}

fn refused(task: &str, observable: &str, extra: &[&str], code: i32, says: &[&str]) {
    let spec = format!(
        "version = 1\ntask = {{ kind = \"percolation-lattice\", {task} }}\n[measure]\nobservables = [{observable}]\ndatasets = 2\n"
    );
    let folder = with_spec(&spec);
    let mut arguments = vec!["run", "spec.toml"];
    arguments.extend(extra);
    let ran = run(folder.path(), &arguments);
    assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    for text in says {
        assert!(ran.err.contains(text), "\"{text}\" is not in:\n{}", ran.err);
    }
    assert_eq!(files(folder.path()).len(), 1, "files were written");
}

#[test]
fn impossible_simulations_are_refused_before_anything_is_written() {
    let plain = "\"largest-cluster\"";
    refused("size = 2", plain, &[], 2, &["task.size", "double bonds"]);
    refused("size = 70000", plain, &[], 2, &["task.size", "2147483647"]);
    refused("size = 20000", plain, &[], 5, &["GiB", "--max-memory"]);
    refused(
        "size = 8",
        "{ kind = \"largest-cluster\", p = [0.5, 1.5] }",
        &[],
        2,
        &["1.5 is not between 0 and 1"],
    );
    refused(
        "size = 8",
        "{ kind = \"largest-cluster\", p = [] }",
        &[],
        2,
        &["empty"],
    );
    refused(
        "size = 8",
        "{ kind = \"wrapping-x\", p = { from = 0.6, to = 0.5, count = 3 } }",
        &[],
        2,
        &["from"],
    );
    refused(
        "size = 8, boundary = \"open\"",
        "\"wrapping-x\"",
        &[],
        2,
        &["torus"],
    );
    refused("size = 8", "\"spanning-x\"", &[], 2, &["open"]);
    refused("size = 8", "\"train-loss\"", &[], 2, &["needs a learner"]);
    refused(
        "size = 8",
        "{ kind = \"percolation-threshold\", event = \"only\" }",
        &[],
        2,
        &["monotone"],
    );
    refused("size = 8, latice = \"fcc\"", plain, &[], 2, &["lattice"]);
    let learner = [
        "--set",
        "learner={ kind = \"nearest\" }",
        "--set",
        "training={ kind = \"closed-form\" }",
    ];
    refused(
        "size = 8",
        plain,
        &learner,
        2,
        &["no samples to learn from"],
    );
}

/// What a collapse cannot be made of is one error of the spec, before anything runs.
#[test]
fn collapses_without_curves_are_refused() {
    let spec = |observable: &str, sizes: &str, extra: &str| {
        format!(
            "version = 1\ntask = {{ kind = \"percolation-lattice\", size = 4, sweeps = 2 }}\n[measure]\nobservables = [{observable}]\n\
             [sweep]\n\"task.size\" = {sizes}\n[[reduce]]\nkind = \"collapse\"\nkey = \"task.size\"\nobservable = \"wrapping-x\"\n{extra}"
        )
    };
    let curve = "{ kind = \"wrapping-x\", p = { from = 0.5, to = 0.7, count = 9 } }";
    let scaled = "{ kind = \"wrapping-x\", p = { scaled = [-1.0, 1.0], count = 9 } }";
    let point = "{ kind = \"wrapping-x\", p = \"threshold\" }";
    for (observable, sizes, extra, says) in [
        (scaled, "[4, 5, 6]", "", "made with the known point"),
        (
            point,
            "[4, 5, 6]",
            "",
            "has 1 points for a common curve of degree 7",
        ),
        (curve, "[4, 5]", "", "3 or more values"),
        (
            curve,
            "[4, 5, 6]",
            "degree = 20",
            "20 is not between 1 and 12",
        ),
        (
            curve,
            "[4, 5, 6]",
            "abscissa = \"inverse\"",
            "finds the power of the key itself",
        ),
        (curve, "[4, 5, 6]", "correction = 1.0", "belongs to kind"),
    ] {
        let folder = with_spec(&spec(observable, sizes, extra));
        let ran = run(folder.path(), &["check", "spec.toml"]);
        assert_eq!(ran.code, 2, "{says}: {}", ran.out);
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
}
