//! What a figure says is true in every panel: who drew which curve, at which coordinates; picture, caption and table say the same.

use crate::common::SMALL;
use saddlepoint::numerics::npy;
use saddlepoint::numerics::npz::Reader;
use saddlepoint::numerics::statistics::mean_stderr;
use saddlepoint::plot::{Panel, Series, Style, Tag, figure_csv};
use saddlepoint::report::figures::{self, Drawn};
use saddlepoint::run::assess::assess;
use saddlepoint::run::outcome::Outcome;
use saddlepoint::run::{Settings, execute};
use saddlepoint::spec::{Options, Spec};
use std::collections::{BTreeMap, BTreeSet};

fn spec(text: &str) -> Spec {
    Spec::parse("figures", "figures.toml", text, &Options::default()).unwrap()
}

fn drawn(text: &str) -> (Outcome, Vec<Drawn>) {
    let spec = spec(text);
    figures::check(&spec).unwrap();
    let settings = Settings {
        threads: 1,
        ..Settings::default()
    };
    let outcome = execute(&spec, &settings).unwrap();
    let assessment = assess(&spec, &outcome).unwrap();
    let figures = figures::figures(&spec, &outcome, &assessment).unwrap();
    (outcome, figures)
}

fn with(replace: &[(&str, &str)], more: &str) -> String {
    let text = replace.iter().fold(SMALL.to_string(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    format!("{text}\n{more}")
}

/// Tag, style and number of points of lines and points.
fn shown(panel: &Panel) -> Vec<(&Tag, Style, usize)> {
    fn of(series: &Series) -> Option<(&Tag, Style, usize)> {
        match series {
            Series::Line { tag, style, x, .. }
            | Series::Points { tag, style, x, .. }
            | Series::Steps { tag, style, x, .. } => Some((tag, *style, x.len())),
            _ => None,
        }
    }
    panel.series.iter().filter_map(of).collect()
}

/// Labels in the legends of all panels.
fn legend(figure: &Drawn) -> BTreeSet<String> {
    let labels = figure.figure.panels.iter().flat_map(|p| &p.series);
    labels
        .filter_map(|s| match s {
            Series::Line { label, .. } | Series::Points { label, .. } => Some(label.clone()),
            _ => None,
        })
        .filter(|l| !l.is_empty())
        .collect()
}

/// Rows of the table as maps from column to text.
fn table(figure: &Drawn) -> Vec<BTreeMap<String, String>> {
    let text = figure_csv(&figure.figure);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let row = |r: csv::StringRecord| {
        let pairs = header.iter().zip(r.iter());
        pairs.map(|(k, v)| (k.to_string(), v.to_string())).collect()
    };
    reader.records().map(|r| row(r.unwrap())).collect()
}

fn set(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|s| s.to_string()).collect()
}

const ACTIVATIONS: &str = "[sweep]\n\"learner.activation\" = [\"tanh\", \"linear\"]\n";
const LOSS: (&str, &str) = (
    "[\"mode-strength\", \"train-loss\", \"half-rise-time\"]",
    "[\"train-loss\"]",
);

/// saxe declines for tanh: neither its look nor its name goes to the theory after it.
#[test]
fn theories_keep_their_look_where_one_declines() {
    let (_, figures) = drawn(&with(&[LOSS], ACTIVATIONS));
    let figure = &figures[0];
    let mut looks: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut by_panel = Vec::new();
    for panel in figure.figure.panels.iter().filter(|p| !p.stacked) {
        let mut sources = BTreeSet::new();
        for (tag, style, points) in shown(panel) {
            if points > 0 {
                let look = format!("{} {:?}", style.color, style.dash);
                looks.entry(&tag.source).or_default().insert(look);
                sources.insert(tag.source.clone());
            }
        }
        by_panel.push(sources);
    }
    assert_eq!(by_panel[0], set(&["ntk", "networks"]));
    let all = set(&["matched", "idealised", "ntk", "networks"]);
    assert_eq!(by_panel[1], all);
    assert_eq!(legend(figure), all);
    for (source, looks) in &looks {
        assert_eq!(looks.len(), 1, "{source}: {looks:?}");
    }
    let distinct: BTreeSet<_> = looks.values().flatten().collect();
    assert_eq!(distinct.len(), all.len());
    // One theory is subtracted in both panels, the one that both have.
    let below: Vec<&Panel> = figure.figure.panels.iter().filter(|p| p.stacked).collect();
    assert_eq!(below.len(), 2);
    for panel in below {
        assert!(
            shown(panel)
                .iter()
                .all(|s| s.0.source == "networks minus ntk")
        );
    }
    assert!(
        figure.caption.contains("networks minus ntk"),
        "{}",
        figure.caption
    );
    assert!(figure.caption.contains("matched (in 1 of 2 cells)"));
    // The table: what stands under tanh comes from ntk and networks alone.
    let rows = table(figure);
    let of = |activation: &str| -> BTreeSet<String> {
        let here = rows
            .iter()
            .filter(|r| r["learner.activation"] == activation);
        here.filter(|r| r["panel"].starts_with("activation"))
            .map(|r| r["source"].clone())
            .collect()
    };
    assert_eq!(of("\"tanh\""), set(&["ntk", "networks"]));
    assert_eq!(of("\"linear\""), all);
}

#[test]
fn an_overlay_names_its_theories() {
    let figure = "[[figure]]\nobservable = \"train-loss\"\nkind = \"overlay\"\n";
    let (_, figures) = drawn(&with(&[LOSS], &format!("{ACTIVATIONS}{figure}")));
    let labels = legend(&figures[0]);
    let cells = ["activation = tanh", "activation = linear"];
    let all = [&["matched", "idealised", "ntk"][..], &cells].concat();
    assert_eq!(labels, set(&all));
    let mut dashes: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (tag, style, _) in shown(&figures[0].figure.panels[0]) {
        if ["matched", "idealised", "ntk"].contains(&tag.source.as_str()) {
            let dashes = dashes.entry(&tag.source).or_default();
            dashes.insert(format!("{:?}", style.dash));
        }
    }
    assert_eq!(dashes.len(), 3);
    let distinct: BTreeSet<_> = dashes.values().collect();
    assert_eq!(distinct.len(), 3, "{dashes:?}");
    assert!(dashes.values().all(|d| d.len() == 1));
}

/// Times of the records at 500 steps: 0, 100, ..., 500 times the learning rate.
const RATES: &str = "[sweep]\n\"training.learning_rate\" = [0.01, 0.02, 0.04]\n";

/// A value is drawn at its own time: the second cell has t = 2 at its first record, the third has no t = 1.
#[test]
fn points_of_a_sweep_are_matched_by_coordinate() {
    let figure = "[[figure]]\nobservable = \"train-loss\"\nkind = \"sweep\"\nkey = \"training.learning_rate\"\n";
    // t = 0 and t = 4 are common to all three; without a choice the last of them is drawn.
    let (_, figures) = drawn(&with(&[LOSS], &format!("{RATES}{figure}")));
    let ends: BTreeSet<String> = table(&figures[0])
        .iter()
        .filter(|r| r["source"] == "networks")
        .map(|r| r["curve"].clone())
        .collect();
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["time 4"]);
    let figure = &format!("{figure}only = [1, 5]\n");
    let (outcome, figures) = drawn(&with(&[LOSS], &format!("{RATES}{figure}")));
    let mut seen = BTreeSet::new();
    let rows = table(&figures[0]);
    for row in rows
        .iter()
        .filter(|r| r["source"] == "networks" && r["kind"] == "points")
    {
        if row["y"].is_empty() {
            continue;
        }
        let rate: f64 = row["x"].parse().unwrap();
        assert_eq!(row["training.learning_rate"].parse::<f64>().unwrap(), rate);
        let time: f64 = row["curve"].strip_prefix("time ").unwrap().parse().unwrap();
        let cell = [0.01, 0.02, 0.04].iter().position(|r| *r == rate).unwrap();
        let cell = &outcome.cells[cell];
        let times = &cell.wanted[0].axes[0].values;
        let index = times.iter().position(|t| (t - time).abs() < 1e-9).unwrap();
        let draws = &cell.measurement.as_ref().unwrap().values;
        let mean = draws.iter().map(|v| v[0][index]).sum::<f64>() / draws.len() as f64;
        let y: f64 = row["y"].parse().unwrap();
        assert!((y / mean - 1.0).abs() < 1e-12, "{y} is not {mean}");
        seen.insert((cell.set[0].1.to_string(), index));
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
    assert_eq!(
        figures[0].caption.matches("cells have this point").count(),
        0
    );
}

#[test]
fn a_sweep_says_which_cells_lack_a_point_and_is_refused_where_all_do() {
    let figure = |only: usize| {
        format!(
            "{RATES}[[figure]]\nobservable = \"train-loss\"\nkind = \"sweep\"\nkey = \"training.learning_rate\"\nonly = [{only}]\n"
        )
    };
    // Third record: t = 2 of the first cell, t = 2 of the second (its second record), none of the third.
    let (_, figures) = drawn(&with(&[LOSS], &figure(3)));
    let caption = &figures[0].caption;
    assert!(
        caption.contains("2 of 3 cells have this point"),
        "{caption}"
    );
    assert!(
        caption.contains("All values are those at time 2."),
        "{caption}"
    );
    // Second record: t = 1, of the first cell alone.
    let error = figures::check(&spec(&with(&[LOSS], &figure(2)))).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no point of train-loss in common"),
        "{error}"
    );
}

/// Every number of a picture of several modes and theories has a name, and bands say what they are.
#[test]
fn the_table_of_a_figure_names_source_and_curve() {
    let (_, figures) = drawn(SMALL);
    let rows = table(&figures[0]);
    let of = |kind: &str, residual: bool| -> BTreeSet<(String, String)> {
        let here = |r: &&BTreeMap<String, String>| {
            r["kind"] == kind && (r["panel"].starts_with("from ")) == residual
        };
        let here = rows.iter().filter(here);
        here.map(|r| (r["source"].clone(), r["curve"].clone()))
            .collect()
    };
    let pairs = |sources: &[&str]| -> BTreeSet<(String, String)> {
        let modes = ["mode 1", "mode 2"];
        let all = sources
            .iter()
            .flat_map(|s| modes.map(|m| (s.to_string(), m.to_string())));
        all.collect()
    };
    assert_eq!(of("line", false), pairs(&["matched", "idealised", "ntk"]));
    assert_eq!(of("points", false), pairs(&["networks"]));
    assert_eq!(of("points", true), pairs(&["networks minus matched"]));
    for row in &rows {
        assert_eq!(
            row["band"].is_empty(),
            row["lower"].is_empty() && row["upper"].is_empty()
        );
    }
    assert!(rows.iter().any(|r| r["band"] == "one standard error"));
}

/// With two swept keys, lines of one theory are those of one group of cells each.
#[test]
fn deviations_of_several_groups_are_not_joined() {
    let sweep =
        "[sweep]\n\"training.learning_rate\" = [0.01, 0.02]\n\"learner.init.scale\" = [0.1, 0.2]\n";
    let figure = "[[figure]]\nobservable = \"train-loss\"\nkind = \"deviation\"\nkey = \"training.learning_rate\"\n";
    let (_, figures) = drawn(&with(&[LOSS], &format!("{sweep}{figure}")));
    for (tag, _, points) in shown(&figures[0].figure.panels[0]) {
        assert_eq!(points, 2, "{tag:?}");
        let scales = tag.cell.iter().find(|(k, _)| k == "learner.init.scale");
        let distinct: BTreeSet<_> = scales.unwrap().1.iter().collect();
        assert_eq!(distinct.len(), 1);
    }
}

fn array(archive: &mut Reader, name: &str) -> (Vec<usize>, Vec<f64>) {
    let bytes = archive.entry(name).unwrap();
    let bytes = bytes.unwrap_or_else(|| panic!("no {name}"));
    let array = npy::parse(name, &bytes).unwrap();
    match array.values {
        npy::Values::Numbers(values) => (array.extent, values),
        npy::Values::Texts(_) => panic!("{name} holds texts"),
    }
}

/// Measured minus predicted, draw by draw, from the archive alone: the points below the figure.
#[test]
fn the_archive_holds_what_a_paired_residual_needs() {
    let label = ("label = \"matched\"", "label = \"saxe v1.2/b\"");
    let text = with(
        &[LOSS, label],
        "[sweep]\n\"learner.init.scale\" = [0.1, 0.2]\n",
    );
    let (outcome, figures) = drawn(&text);
    let bytes = saddlepoint::run::arrays::npz(&spec(&text), &outcome).unwrap();
    let mut archive = Reader::new(&bytes).unwrap();
    assert_eq!(
        array(&mut archive, "cell1/set/learner.init.scale"),
        (vec![], vec![0.2])
    );
    let (shape, measured) = array(&mut archive, "cell1/measured/train-loss/draws");
    assert_eq!(shape, [5, 6]);
    let theory = array(&mut archive, "cell1/saxe v1.2%2Fb/train-loss/draws");
    assert_eq!(theory.0, shape);
    let stderr = array(&mut archive, "cell1/saxe v1.2%2Fb/train-loss/stderr").1;
    let panel = figures[0]
        .figure
        .panels
        .iter()
        .rfind(|p| p.stacked)
        .unwrap();
    let Some(Series::Points { tag, y, .. }) = panel.series.last() else {
        panic!("no residuals")
    };
    assert_eq!(tag.source, "networks minus saxe v1.2/b");
    for k in 0..6 {
        let column = |all: &[f64]| -> Vec<f64> { (0..5).map(|d| all[6 * d + k]).collect() };
        let difference: Vec<f64> = column(&measured)
            .iter()
            .zip(column(&theory.1))
            .map(|(m, t)| m - t)
            .collect();
        let (mean, error) = mean_stderr(&difference);
        let t = mean / error.unwrap();
        // The figure shows the normal equivalent of t: the same sign, and nearer to 0.
        assert!(t * y[k] > 0.0 && y[k].abs() < t.abs(), "{t} {}", y[k]);
        assert!((mean_stderr(&column(&theory.1)).1.unwrap() / stderr[k] - 1.0).abs() < 1e-12);
    }
}

/// One record per cell, after training, at another time in each: the end is meant, and the caption says when it was.
#[test]
fn the_end_of_training_is_one_point_whenever_it_is() {
    let figure = "[[figure]]\nobservable = \"train-loss\"\nkind = \"sweep\"\nkey = \"training.learning_rate\"\n";
    let points = ("points = 6", "points = 1");
    let (outcome, figures) = drawn(&with(&[LOSS, points], &format!("{RATES}{figure}")));
    let rows = table(&figures[0]);
    let drawn: Vec<f64> = rows
        .iter()
        .filter(|r| r["source"] == "networks" && r["kind"] == "points")
        .map(|r| r["y"].parse().unwrap())
        .collect();
    let mean = |cell: &saddlepoint::run::outcome::CellOutcome| {
        let draws = &cell.measurement.as_ref().unwrap().values;
        draws.iter().map(|v| v[0][0]).sum::<f64>() / draws.len() as f64
    };
    for (y, cell) in drawn.iter().zip(&outcome.cells) {
        assert!((y / mean(cell) - 1.0).abs() < 1e-12);
    }
    assert_eq!(drawn.len(), 3);
    let caption = &figures[0].caption;
    assert!(
        caption.contains("Each cell has one time, from 5 to 20."),
        "{caption}"
    );
}

/// An entry lists what it assumes as it is configured: white inputs and alignment are assumptions of idealised modes alone.
#[test]
fn assumptions_are_those_of_the_entry() {
    let (outcome, _) = drawn(SMALL);
    let of = |label: &str| {
        let entry = outcome.cells[0].theories.iter().find(|t| t.label == label);
        entry.unwrap().assumptions().join("; ")
    };
    for label in ["matched", "idealised"] {
        for assumption in ["whitened inputs", "aligned"] {
            assert_eq!(
                of(label).contains(assumption),
                label == "idealised",
                "{}",
                of(label)
            );
        }
    }
    assert!(of("ntk").contains("does not move") && !of("ntk").contains("aligned"));
}

/// Two swept keys: the key of the figure alone would give two pairs of curves the same name.
#[test]
fn curves_of_an_overlay_have_names_of_their_own() {
    let sweep =
        "[sweep]\n\"training.learning_rate\" = [0.01, 0.02]\n\"learner.init.scale\" = [0.1, 0.2]\n";
    let figure = "[[figure]]\nobservable = \"train-loss\"\nkind = \"overlay\"\nkey = \"learner.init.scale\"\n";
    let (_, figures) = drawn(&with(&[LOSS], &format!("{sweep}{figure}")));
    assert_eq!(legend(&figures[0]).len(), 3 + 4);
}

/// The linearised theory says that the tangent kernel stays: by an absolute tolerance, as long as that is what it says, however far it turns.
#[test]
fn a_theory_of_zero_is_judged_where_it_fails_most() {
    let kernel = (LOSS.0, "[\"ntk-change\"]");
    let spec = spec(&with(
        &[kernel],
        "[sweep]\n\"learner.init.scale\" = [0.01, 0.1]\n",
    ));
    let outcome = execute(&spec, &Settings::default()).unwrap();
    let assessment = assess(&spec, &outcome).unwrap();
    let ntk: Vec<_> = assessment
        .rows
        .iter()
        .filter(|r| r.label == "ntk")
        .collect();
    assert_eq!(ntk.len(), 2);
    for row in ntk {
        let verdict = row.result.verdict().map(|v| v.name());
        assert_eq!(verdict, Some("disagree"), "{:?}", row.result);
    }
}

/// A theory that has one point is seen: a short level line at its own coordinate.
#[test]
fn a_line_of_one_point_is_drawn() {
    use saddlepoint::plot::{AxisSpec, Figure, render_svg};
    let figure = |x: Vec<f64>, y: Vec<f64>| {
        let axes = (
            AxisSpec::linear("t", "").range(0.0, 2.0),
            AxisSpec::linear("u", "").range(0.0, 2.0),
        );
        let panel = Panel::new("", axes.0, axes.1).with(Series::line("", x, y).color(1));
        render_svg(&Figure::new(300.0, 200.0).with(panel)).unwrap()
    };
    // Strokes of one style are one path: every stroke of it begins with a move.
    let strokes = |svg: &str| {
        let path = svg.split("<path").find(|path| path.contains("#D55E00"));
        path.map_or(0, |path| {
            path.split("/>").next().unwrap().matches('M').count()
        })
    };
    assert_eq!(strokes(&figure(vec![1.0], vec![f64::NAN])), 0);
    assert_eq!(strokes(&figure(vec![1.0], vec![1.0])), 1);
    let gap = figure(vec![0.5, 1.0, 1.5], vec![1.0, f64::NAN, 1.0]);
    assert_eq!(strokes(&gap), 2);
}

/// Colours of lines and markers go together, however many curves there are; none is white.
#[test]
fn many_curves_keep_their_colours() {
    let text = "version = 1\nseed = 1\n[task]\nkind = 'power-law-features'\nspectrum_exponent = 2.0\ntarget_exponent = 2.0\nmodes = 40\nsamples = 10\n\
                [learner]\nkind = 'kernel-ridge'\nkernel = { kind = 'linear' }\nridge = 0.1\n[training]\nkind = 'closed-form'\n\
                [measure]\nobservables = [{ kind = 'population-mode-error', modes = 5 }]\ndatasets = 2\npoints = 1\n\
                [sweep]\n'task.samples' = [10, 20]\n'learner.ridge' = [0.1, 1.0]\n[[theory]]\nkind = 'learning-curve'\n\
                [[figure]]\nobservable = 'population-mode-error'\nkind = 'sweep'\nkey = 'task.samples'\n";
    let (_, figures) = drawn(text);
    let shown = shown(&figures[0].figure.panels[0]);
    let colour = |tag: &Tag, theory: bool| {
        let same = |(t, _, n): &&(&Tag, Style, usize)| {
            *n > 0 && t.curve == tag.curve && (t.source == "learning-curve") == theory
        };
        shown.iter().find(same).map(|(_, style, _)| style.rgb())
    };
    let curves: Vec<&Tag> = shown
        .iter()
        .filter(|(t, _, n)| *n > 0 && t.source == "kernel machines")
        .map(|(t, ..)| *t)
        .collect();
    assert_eq!(curves.len(), 10);
    for tag in curves {
        assert_eq!(colour(tag, true), colour(tag, false), "{}", tag.curve);
        assert_ne!(colour(tag, true), Some((255, 255, 255)));
    }
}

/// Ends of trainings that differ by rounding to steps are one end: what was learned is drawn, not the start that all share.
#[test]
fn ends_that_differ_by_a_step_are_one_end() {
    let rates = "[sweep]\n\"training.learning_rate\" = [0.01, 0.0101]\n";
    let figure = "[[figure]]\nobservable = \"train-loss\"\nkind = \"sweep\"\nkey = \"training.learning_rate\"\n";
    let stated = [LOSS, ("steps = 500", "time = 5.0")];
    let (outcome, figures) = drawn(&with(&stated, &format!("{rates}{figure}")));
    let rows = table(&figures[0]);
    let points = rows
        .iter()
        .filter(|r| r["source"] == "networks" && r["kind"] == "points");
    let values: Vec<f64> = points.filter_map(|r| r["y"].parse().ok()).collect();
    assert_eq!(values.len(), 2);
    for (cell, value) in outcome.cells.iter().zip(values) {
        let k = cell.wanted("train-loss").unwrap();
        let blocks = saddlepoint::run::assess::measured_blocks(cell, k).unwrap();
        assert_eq!(Some(&value), blocks.unwrap().mean().last());
    }
    let caption = &figures[0].caption;
    assert!(
        caption.contains("last time of each cell, from 4.99"),
        "{caption}"
    );
}

/// Panels side by side whose curves have other names have legends of their own; of equal ones one is enough.
#[test]
fn panels_beside_have_their_own_legends() {
    let sweep = "[sweep]\n\"learner.init.scale\" = [0.1, 0.2]\n";
    let figure = |first: &str, beside: &str| {
        format!(
            "{sweep}[[figure]]\nobservable = \"{first}\"\nkind = \"sweep\"\nkey = \"learner.init.scale\"\nbeside = [\"{beside}\"]\nresiduals = false\n"
        )
    };
    let shown = |text: &str| {
        let (_, figures) = drawn(text);
        let panels = figures[0].figure.panels.iter();
        let with = panels.filter(|p| p.legend != saddlepoint::plot::Legend::None);
        with.count()
    };
    assert_eq!(shown(&with(&[], &figure("mode-strength", "train-loss"))), 2);
    assert_eq!(
        shown(&with(&[], &figure("mode-strength", "half-rise-time"))),
        1
    );
}

/// Whatever is drawn side by side: a point's colour and marker stand in the legend of its panel (or in the one legend of the figure)
/// under the name of its curve, or of what measures it where it is the only one.
#[test]
fn every_point_is_named_in_its_legend() {
    use saddlepoint::plot::Legend;
    let sweeps = [
        "\"learner.init.scale\" = [0.1, 0.2]\n",
        "\"learner.init.scale\" = [0.1, 0.2]\n\"training.learning_rate\" = [0.01, 0.02]\n",
        "\"learner.init.scale\" = [0.1, 0.2]\n\"learner.widths\" = [[4], [4, 4]]\n",
    ];
    let observables = ["mode-strength", "train-loss", "half-rise-time"];
    let mut points = 0;
    for sweep in sweeps {
        let mut text = format!("[sweep]\n{sweep}");
        for kind in ["curves", "sweep"] {
            for first in observables {
                let others: Vec<&str> = observables.into_iter().filter(|o| *o != first).collect();
                for (k, beside) in [vec![], vec![others[0]], others.clone()].iter().enumerate() {
                    text += &format!(
                        "[[figure]]\nname = \"{kind}-{first}-{k}\"\nobservable = \"{first}\"\nkind = \"{kind}\"\n\
                         key = \"learner.init.scale\"\nbeside = {beside:?}\n"
                    );
                }
            }
        }
        let (_, figures) = drawn(&with(
            &[("\"half-rise-time\"]", "\"half-rise-time\"]")],
            &text,
        ));
        for figure in &figures {
            let panels = &figure.figure.panels;
            let sample = |s: &Series| match s {
                Series::Points {
                    label,
                    style,
                    filled,
                    ..
                } if !label.is_empty() => Some((label.clone(), style.rgb(), style.marker, *filled)),
                _ => None,
            };
            let legend = |p: &Panel| p.series.iter().filter_map(sample).collect::<Vec<_>>();
            let mut head = 0;
            for (i, panel) in panels.iter().enumerate() {
                if !panel.stacked {
                    head = i;
                }
                // Of the panels of its observable, else the next one.
                let with = |p: &&Panel| p.legend != Legend::None;
                let same = |p: &&Panel| !p.stacked && p.y.label == panels[head].y.label;
                let own = panels.iter().filter(with).find(same);
                let own = own.or_else(|| panels[head..].iter().find(with));
                let entries = own.map(legend).unwrap_or_default();
                for s in &panel.series {
                    let Series::Points {
                        x,
                        style,
                        filled,
                        tag,
                        label,
                        ..
                    } = s
                    else {
                        continue;
                    };
                    if x.is_empty()
                        || !label.is_empty()
                        || style.marker == saddlepoint::plot::Marker::Diamond && !filled
                    {
                        continue;
                    }
                    let look = (style.rgb(), style.marker, *filled);
                    let named = entries.iter().any(|(name, rgb, marker, filled)| {
                        let is_its = *name == tag.curve
                            || tag.curve.is_empty() && tag.source.starts_with(name.as_str());
                        (*rgb, *marker, *filled) == look && is_its
                    });
                    points += 1;
                    assert!(
                        named,
                        "{}: {:?} {} is not in {entries:?}",
                        figure.name, look, tag.curve
                    );
                }
            }
        }
    }
    assert!(points > 100, "{points}");
}
