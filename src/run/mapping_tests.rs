//! Maps: their points, gaps, branches, records, places of measured cells, and what is refused.

use super::assess::{assess, exit_code};
use super::mapping::{Mapped, Quantity};
use super::{Outcome, Settings, Side, Status, estimate, execute, identity};
use crate::plot::{Series, figure_csv};
use crate::report::figures::figures;
use crate::spec::{Options, Spec};
use std::path::Path;

/// Clusters of the Bethe lattice, whose theory sums up to the cap.
const TREE: &str = r#"
version = 1
seed = 5
[task]
kind = "percolation-tree"
source = "bethe"
coordination = 3
p = 0.3
clusters = 200
cap = 50
[[theory]]
kind = "bethe-lattice"
label = "exact"
"#;

const MAP: &str = r#"
[map]
"task.p" = { from = 0.1, to = 0.7, points = 4 }
"task.coordination" = { from = 3, to = 5, points = 9 }
of = ["mean-cluster-size", "infinite-share"]
"#;

/// Three layers that a theory tells, and losses over time.
const NETWORKS: &str = r#"
version = 1
seed = 3
[task]
kind = "linear-teacher"
singular_values = [2.0, 1.0]
input_dim = 4
output_dim = 3
samples = 20
[learner]
kind = "mlp"
widths = [20]
init = { kind = "gaussian", scale = 0.1 }
[training]
kind = "gradient-descent"
learning_rate = 0.01
steps = 100
[measure]
observables = ["train-loss"]
replicas = 1
points = 5
"#;

fn parse(text: &str) -> Result<Spec, String> {
    let spec = Spec::parse("map", "map.toml", text, &Options::default());
    spec.map_err(|e| e.to_string())
}

fn run(spec: &Spec, side: Side, threads: usize, out: Option<&Path>) -> Outcome {
    let settings = Settings {
        side,
        threads,
        out: out.map(Into::into),
        ..Settings::default()
    };
    execute(spec, &settings).unwrap()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn quantity<'a>(maps: &'a [Mapped], label: &str, name: &str) -> &'a Quantity {
    let map = maps.iter().find(|m| m.label == label).unwrap();
    let mut quantities = map.quantities.iter();
    quantities.find(|q| q.observable.name == name).unwrap()
}

/// The values of a theory in the cells of a sweep, at the end of each curve.
fn swept(spec: &Spec, label: &str, name: &str) -> (Vec<f64>, Vec<f64>) {
    let outcome = run(spec, Side::Theory, 2, None);
    let of_cell = |cell: &super::CellOutcome| {
        let theory = cell.theories.iter().find(|t| t.label == label).unwrap();
        let wanted = cell.answered(theory, name).unwrap();
        let (_, prediction) = &theory.predictions[0];
        let answer = prediction.answers.iter().find(|a| a.asked == wanted);
        let answer = answer.unwrap();
        (*answer.mean.last().unwrap(), *answer.bound.last().unwrap())
    };
    outcome.cells.iter().map(of_cell).unzip()
}

#[test]
fn a_point_is_the_value_of_a_run_at_that_cell_bit_for_bit() {
    let maps = run(
        &parse(&format!("{TREE}{MAP}")).unwrap(),
        Side::Theory,
        2,
        None,
    )
    .maps;
    let measure = "[measure]\nobservables = [\"mean-cluster-size\", \"infinite-share\"]\n";
    // Rounded to whole numbers in both.
    let sweep = MAP.replace("[map]", "[sweep]");
    let sweep = sweep.lines().filter(|l| !l.starts_with("of"));
    let text = format!("{TREE}{measure}{}", sweep.collect::<Vec<_>>().join("\n"));
    let spec = parse(&text).unwrap();
    assert_eq!(spec.cells.len(), 12);
    for name in ["mean-cluster-size", "infinite-share"] {
        let q = quantity(&maps, "exact", name);
        assert_eq!((q.points(), q.branches), (12, 1));
        let (mean, bound) = swept(&spec, "exact", name);
        assert_eq!(bits(&q.mean), bits(&mean), "{name}");
        assert_eq!(bits(&q.bound), bits(&bound), "{name}");
    }
}

#[test]
fn an_observable_over_time_is_taken_at_its_end_for_the_first_draw() {
    for condition in ["none", "initial"] {
        let saxe = format!("[[theory]]\nkind = \"saxe\"\ncondition = \"{condition}\"\n");
        let keys = "\"learner.init.scale\" = [0.05, 0.1, 0.2]\n";
        let map = format!("{NETWORKS}{saxe}[map]\n{keys}of = [\"train-loss\"]\n");
        let maps = run(&parse(&map).unwrap(), Side::Theory, 2, None).maps;
        let sweep = parse(&format!("{NETWORKS}{saxe}[sweep]\n{keys}")).unwrap();
        let q = quantity(&maps, "saxe", "train-loss");
        assert_eq!(bits(&q.mean), bits(&swept(&sweep, "saxe", "train-loss").0));
        assert_eq!(maps[0].notes.conditioning, [condition]);
    }
    // A theory that is given the data has the first data set.
    let head = NETWORKS.split("[training]").next().unwrap();
    let theory = "[[theory]]\nkind = \"signal-propagation\"\ncondition = \"data\"\ntell = [\"layer-variance\"]\n";
    let keys = "\"task.samples\" = { from = 5, to = 9, points = 3 }\n";
    let map = format!("{head}{theory}[map]\n{keys}of = [\"layer-variance\"]\n");
    let maps = run(&parse(&map).unwrap(), Side::Theory, 2, None).maps;
    let sweep = parse(&format!("{head}{theory}[sweep]\n{keys}")).unwrap();
    let q = quantity(&maps, "signal-propagation", "layer-variance");
    let (mean, _) = swept(&sweep, "signal-propagation", "layer-variance");
    assert_eq!(bits(&q.mean), bits(&mean));
    assert_ne!(mean[0], mean[1]);
    assert_eq!(maps[0].notes.conditioning, ["data"]);
}

#[test]
fn points_without_a_value_are_counted_with_their_first_reason() {
    let theories = "[[theory]]\nkind = \"erdos-renyi\"\n";
    let map = MAP.replace("to = 0.7", "to = 1.3");
    let spec = parse(&format!("{TREE}{theories}{map}")).unwrap();
    let outcome = run(&spec, Side::Theory, 2, None);
    // p = 0.1, 0.5, 0.9 and 1.3, which is no probability.
    let q = quantity(&outcome.maps, "exact", "infinite-share");
    assert_eq!((q.gaps.declined, q.gaps.failed), (3, 0));
    let text = q.gaps.text(q.points()).unwrap();
    assert!(
        text.starts_with("declined at 3 of 12 points: task.p: "),
        "{text}"
    );
    assert!(q.mean[..9].iter().all(|v| v.is_finite()));
    assert!(q.mean[9..].iter().all(|v| v.is_nan()));
    let q = quantity(&outcome.maps, "erdos-renyi", "infinite-share");
    assert_eq!(q.gaps.declined, 12);
    // What is no number is null in the document, with the reason.
    let found = assess(&spec, &outcome).unwrap();
    assert_eq!(exit_code(&spec, &outcome, &found), 0);
    let document = super::document::document("predict", &spec, &outcome, &found).unwrap();
    let told = &document["maps"][0]["observables"][1];
    assert!(told["mean"][11].is_null() && told["mean"][0].is_number());
    assert_eq!(told["shape"], serde_json::json!([4, 3]));
    assert!(told["reason"].as_str().unwrap().contains("3 of 12 points"));
    assert_eq!(document["cells"][0]["theories"][0]["status"], "mapped");
}

#[test]
fn a_line_is_a_record_and_what_stands_is_not_solved_again() {
    let folder = tempfile::tempdir().unwrap();
    let spec = parse(&format!("{TREE}{MAP}")).unwrap();
    let first = run(&spec, Side::Theory, 2, Some(folder.path()));
    assert_eq!(first.records.len(), 4);
    assert_eq!(identity::records(&spec, Side::Theory), first.records);
    let again = run(&spec, Side::Theory, 1, Some(folder.path()));
    // The seconds stand in the records.
    assert_eq!(
        first.maps[0].seconds.to_bits(),
        again.maps[0].seconds.to_bits()
    );
    assert_eq!(first.records, again.records);
    // Another line is solved alone, and draws, labels and figures enter no key.
    let text = format!("{TREE}{MAP}[measure]\nobservables = [\"infinite-share\"]\ndatasets = 3\n");
    let text = text.replace("\"exact\"", "\"another\"");
    let text = text.replace("{ from = 0.1, to = 0.7, points = 4 }", "[0.1, 0.65]");
    let more = run(&parse(&text).unwrap(), Side::Theory, 2, Some(folder.path()));
    let known = more.records.iter().filter(|r| first.records.contains(r));
    assert_eq!(known.count(), 1);
    assert!(run(&spec, Side::Networks, 1, None).maps.is_empty());
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let theory = "[[theory]]\nkind = \"saxe\"\ncondition = \"initial\"\n";
    let map = "[map]\n\"training.steps\" = { from = 10, to = 100, points = 6, scale = \"log\" }\n\
               \"learner.init.scale\" = { from = 0.1, to = 1.0, points = 5, scale = \"log\" }\nof = [\"train-loss\"]\n";
    let spec = parse(&format!("{NETWORKS}{theory}{map}")).unwrap();
    let values = |threads: usize| {
        let maps = run(&spec, Side::Theory, threads, None).maps;
        let q = &maps[0].quantities[0];
        assert!(q.mean.iter().all(|v| v.is_finite()));
        (bits(&q.mean), bits(&q.bound), maps[0].notes.clone())
    };
    assert_eq!(values(1), values(3));
}

#[test]
fn a_quantity_that_is_told_has_up_to_four_branches() {
    let theory = "[[theory]]\nkind = \"signal-propagation\"\n";
    let map = "[map]\n\"learner.init.scale\" = [0.1, 0.2]\nof = [\"layer-variance\"]\n";
    let of = |widths: &str| {
        let head = NETWORKS.split("[training]").next().unwrap();
        let text = format!("{head}{theory}{map}").replace("widths = [20]", widths);
        let spec = parse(&text).unwrap();
        let settings = Settings {
            threads: 1,
            ..Settings::default()
        };
        execute(&spec, &settings).map(|o| o.maps[0].quantities[0].clone())
    };
    // q_1 = 4 s^2/4 of an input of length 1 with weights of deviation s.
    let one = of("widths = [20]").unwrap();
    assert_eq!((one.branches, one.mean.len()), (1, 2));
    let three = of("widths = [20, 20, 20]").unwrap();
    assert_eq!((three.branches, three.mean.len()), (4, 8));
    assert_eq!(three.branch(0), one.mean);
    assert!(three.branch(2).iter().all(|v| v.is_finite()));
    assert!(three.branch(3).iter().all(|v| v.is_nan()));
    assert_eq!(three.gaps.declined, 0);
    let five = of("widths = [20, 20, 20, 20, 20]").unwrap_err();
    assert!(
        five.to_string().starts_with("map.of[0]: layer-variance"),
        "{five}"
    );
}

#[test]
fn swept_keys_place_measured_points_or_make_maps_of_their_own() {
    let sweep = "[sweep]\n\"task.p\" = [0.2, 0.4]\n\"task.element\" = [\"bond\", \"site\"]\n";
    let measure = "[measure]\nobservables = [\"mean-cluster-size\"]\ndatasets = 2\n";
    let figure = "[[figure]]\nkind = \"map\"\nobservable = \"mean-cluster-size\"\nscale = \"log\"\ncontours = [2.0]\n\
                  transitions = [{ of = \"infinite-share\", level = 0.5, label = \"half\" }]\n";
    let spec = parse(&format!("{TREE}{measure}{sweep}{MAP}{figure}")).unwrap();
    let map = spec.map.as_ref().unwrap();
    assert_eq!(map.charts.len(), 2);
    assert_eq!(map.axes[1].x, [3.0, 4.0, 5.0]);
    for cell in &spec.cells {
        let chart = usize::from(cell.set[1].1.as_str() == Some("site"));
        let p = cell.set[0].1.as_float().unwrap();
        // The other key is that of the spec.
        assert_eq!(map.place(&map.charts[chart], &cell.set), Some(vec![p, 3.0]));
        assert_eq!(map.place(&map.charts[1 - chart], &cell.set), None);
    }
    let outcome = run(&spec, Side::Both, 2, None);
    assert_eq!(outcome.maps.len(), 2);
    assert!(matches!(
        outcome.cells[0].theories[0].status,
        Status::Predicted
    ));
    let found = assess(&spec, &outcome).unwrap();
    let drawn = figures(&spec, &outcome, &found).unwrap();
    let [figure] = &drawn[..] else {
        panic!("{} figures", drawn.len());
    };
    assert_eq!(figure.name, "mean-cluster-size-map");
    let panels = &figure.figure.panels;
    assert_eq!(panels.len(), 2);
    for panel in panels {
        let beads = panel.series.iter().find_map(|s| match s {
            Series::Beads { x, y, values, .. } if !x.is_empty() => Some((x, y, values)),
            _ => None,
        });
        let (x, y, values) = beads.unwrap();
        assert_eq!(
            (x.as_slice(), y.as_slice()),
            (&[0.2, 0.4][..], &[3.0, 3.0][..])
        );
        assert!(values.iter().all(|v| *v > 0.5));
    }
    // Every number that is drawn stands in the table, once.
    let csv = figure_csv(&figure.figure);
    let rows = |kind: &str| {
        csv.lines()
            .filter(|l| l.contains(&format!(",{kind},")))
            .count()
    };
    assert_eq!((rows("field"), rows("beads")), (24, 4));
    assert!(rows("line") > 4);
    let tables = super::tables::tables(&spec, &outcome, &found).unwrap();
    let (_, table) = tables
        .iter()
        .find(|t| t.0 == "map-infinite-share.csv")
        .unwrap();
    let table = String::from_utf8(table.clone()).unwrap();
    assert_eq!(table.lines().count(), 1 + 24);
    let header = "task.element,task.p,task.coordination,source,branch,value,bound,stderr";
    assert_eq!(table.lines().next(), Some(header));
}

#[test]
fn the_estimate_lists_the_map_and_quick_makes_it_coarse() {
    let text = format!("{TREE}{MAP}[quick]\n\"map.task.p.points\" = 2\n");
    let found = estimate(&parse(&text).unwrap(), 1, u64::MAX).unwrap();
    let [map] = &found.maps[..] else {
        panic!("{} maps", found.maps.len());
    };
    assert_eq!((map.points, map.lines), (12, 4));
    assert!((map.seconds - 12.0 * 1e-7 * 50.0).abs() < 1e-12);
    assert!(map.declined.is_none());
    let quick = Options {
        quick: true,
        ..Options::default()
    };
    let quick = Spec::parse("map", "map.toml", &text, &quick).unwrap();
    assert_eq!(quick.map.as_ref().unwrap().axes[0].x, [0.1, 0.7]);
    assert_ne!(quick.hash, parse(&text).unwrap().hash);
}

#[test]
fn what_is_no_map_is_refused_by_its_place() {
    let of = "of = [\"infinite-share\"]\n";
    let refused = |map: &str| parse(&format!("{TREE}[map]\n{map}")).err().unwrap();
    for (map, place) in [
        ("\"task.p\" = [0.1]\n".to_string(), "map.of"),
        (of.to_string(), "map: 0 keys"),
        (
            "\"task.p\" = [0.1]\nof = [\"infinite-shore\"]\n".to_string(),
            "map.of[0]: unknown name",
        ),
        (
            "\"task.p\" = [0.1]\nof = [\"cluster-weight\"]\n".to_string(),
            "map.of[0]: cluster-weight is more",
        ),
        (
            format!("\"task.p\" = [0.1, 0.2, 0.1]\n{of}"),
            "map.task.p: the value 0.1 stands",
        ),
        (
            format!("\"task.element\" = [\"bond\"]\n{of}"),
            "map.task.element: \"bond\" is no number",
        ),
        (
            format!("\"tusk.p\" = [0.1]\n{of}"),
            "map.tusk.p: unknown name",
        ),
        (
            format!("\"compare.tolerance\" = [0.1]\n{of}"),
            "map.compare.tolerance",
        ),
        (format!("\"task.q\" = [0.1]\n{of}"), "task.q"),
        (format!("\"task.p\" = [1.5]\n{of}"), "map.task.p: with 1.5"),
        (
            format!("\"task.p\" = [0.1]\ntask.p = [0.2]\n{of}"),
            "map.task.p: \"task.p\" is mapped twice",
        ),
        (
            format!("\"task.p\" = [0.1]\n\"task.cap\" = [9]\n\"task.clusters\" = [9]\n{of}"),
            "map: 3 keys",
        ),
        (format!("zip = [{{ \"task.p\" = [0.1] }}]\n{of}"), "map.zip"),
    ] {
        let message = refused(&map);
        assert!(message.contains(place), "{map}: {message}");
        assert!(message.contains("remedy: "), "{message}");
    }
    let figure = "[[figure]]\nkind = \"map\"\nobservable = \"infinite-share\"\n";
    let message = parse(&format!("{TREE}{figure}")).err().unwrap();
    assert!(message.contains("there is no [map]"), "{message}");
    let message = parse(&format!(
        "{TREE}{MAP}{figure}transitions = [{{ of = \"x\", level = 1.0 }}]\n"
    ));
    assert!(
        message
            .err()
            .unwrap()
            .contains("figure[0].transitions[0].of")
    );
}
