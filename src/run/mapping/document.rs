//! Maps in the `--json` document, in tables and in `arrays.npz`.

use super::super::document::{LARGEST_INLINE, name_below, numbers};
use super::super::outcome::Outcome;
use super::{Mapped, Quantity};
use crate::error::{Error, Result};
use crate::numerics::npz::Writer;
use crate::spec::map::{BRANCHES, Map};
use crate::spec::{ScaleKey, Spec};
use crate::training::Loss;
use serde_json::{Map as Object, Value as Json, json};

/// The list `maps` of the document.
pub(crate) fn maps(spec: &Spec, outcome: &Outcome) -> Vec<Json> {
    let Some(map) = &spec.map else { return vec![] };
    let maps = outcome.maps.iter();
    maps.map(|m| mapped(map, m, spec.loss())).collect()
}

fn mapped(map: &Map, m: &Mapped, loss: Option<Loss>) -> Json {
    let axis = |a: &crate::spec::map::MapAxis| {
        let log = a.scale == ScaleKey::Log;
        json!({ "key": a.key, "scale": if log { "log" } else { "linear" }, "values": a.values })
    };
    let set = map.charts[m.chart].set.iter();
    let set: Object<String, Json> = set.map(|(k, v)| (k.clone(), json!(v))).collect();
    let points = m.quantities.first().map_or(0, Quantity::points);
    json!({
        "set": set,
        "theory": m.label,
        "kind": m.kind,
        "conditioning": m.notes.conditioning.first(),
        "assumptions": m.notes.assumptions,
        "limits": m.notes.limits,
        "axes": map.axes.iter().map(axis).collect::<Vec<_>>(),
        "observables": m.quantities.iter().map(|q| quantity(map, m, q, loss)).collect::<Vec<_>>(),
        "solver": {
            "methods": m.notes.methods,
            "solves": m.notes.solves,
            "iterations": m.notes.iterations,
            "residual": m.notes.residual,
        },
        "warnings": m.notes.warning_texts(points),
    })
}

fn quantity(map: &Map, m: &Mapped, q: &Quantity, loss: Option<Loss>) -> Json {
    let o = q.observable;
    let mut out = json!({
        "name": o.name,
        "label": o.label,
        "unit": o.unit,
        "convention": o.stated(loss),
        "shape": shape(map, q),
        "points": q.points(),
        "declined": q.gaps.declined,
        "failed": q.gaps.failed,
        "mean": numbers(&q.mean),
        "bound": numbers(&q.bound),
        "stderr": q.stderr.as_ref().map(|s| numbers(s)),
    });
    if q.mean.len() > LARGEST_INLINE {
        for part in ["mean", "bound", "stderr"] {
            out[part] = Json::Null;
        }
        let array = array_name(m.chart, &[&m.label, o.name, "mean"]);
        out["array"] = json!(format!("arrays.npz#{array}"));
    }
    if let Some(text) = q.gaps.text(q.points()) {
        out["reason"] = json!(format!("null where there is no value: {text}"));
    }
    out
}

fn shape(map: &Map, q: &Quantity) -> Vec<usize> {
    let mut shape: Vec<usize> = map.axes.iter().map(|a| a.values.len()).collect();
    if q.branches == BRANCHES {
        shape.push(BRANCHES);
    }
    shape
}

/// `mapN/PART/PART`.
fn array_name(chart: usize, parts: &[&str]) -> String {
    name_below(format!("map{chart}"), parts)
}

/// Adds to `arrays.npz`, for chart N of the map: `mapN/axis/KEY`, and `mapN/LABEL/QUANTITY/{mean,bound,stderr}` with
/// the first key outermost.
pub(crate) fn arrays(spec: &Spec, outcome: &Outcome, npz: &mut Writer) -> Result<()> {
    let Some(map) = &spec.map else { return Ok(()) };
    let mut chart = None;
    for m in &outcome.maps {
        if chart.replace(m.chart) != Some(m.chart) {
            for a in &map.axes {
                npz.add(&array_name(m.chart, &["axis", &a.key]), &[a.x.len()], &a.x)?;
            }
        }
        for q in &m.quantities {
            let name = |part: &str| array_name(m.chart, &[&m.label, q.observable.name, part]);
            npz.add(&name("mean"), &shape(map, q), &q.mean)?;
            npz.add(&name("bound"), &shape(map, q), &q.bound)?;
            if let Some(stderr) = &q.stderr {
                npz.add(&name("stderr"), &shape(map, q), stderr)?;
            }
        }
    }
    Ok(())
}

/// `map-QUANTITY.csv` with one row per theory, point and branch; an empty value where there is none.
pub(crate) fn tables(spec: &Spec, outcome: &Outcome) -> Result<Vec<(String, Vec<u8>)>> {
    let Some(map) = &spec.map else {
        return Ok(vec![]);
    };
    let failed = |e: &dyn std::fmt::Display| Error::bug("csv", e.to_string());
    let mut out = Vec::new();
    for name in &map.of {
        let mut w = csv::Writer::from_writer(Vec::new());
        let others = map.charts.first().into_iter().flat_map(|c| &c.set);
        let mut header: Vec<String> = others.map(|(k, _)| k.clone()).collect();
        header.extend(map.axes.iter().map(|a| a.key.clone()));
        header.extend(["source", "branch", "value", "bound", "stderr"].map(String::from));
        w.write_record(&header).map_err(|e| failed(&e))?;
        for m in &outcome.maps {
            let found = m.quantities.iter().find(|q| q.observable.name == *name);
            let set = map.charts[m.chart].set.iter();
            let set: Vec<String> = set.map(|(_, v)| v.to_string()).collect();
            for (q, k) in found
                .iter()
                .flat_map(|q| (0..q.mean.len()).map(move |k| (q, k)))
            {
                let (point, branch) = (k / q.branches, k % q.branches);
                if branch > 0 && q.mean[k].is_nan() {
                    continue;
                }
                let mut row = set.clone();
                row.extend(at(map, point).map(|(_, v)| v.to_string()));
                row.extend([m.label.clone(), (branch + 1).to_string(), text(q.mean[k])]);
                row.push(text(q.bound[k]));
                row.push(q.stderr.as_ref().map_or(String::new(), |s| text(s[k])));
                w.write_record(&row).map_err(|e| failed(&e))?;
            }
        }
        let bytes = w.into_inner().map_err(|e| failed(&e))?;
        out.push((format!("map-{name}.csv"), bytes));
    }
    Ok(out)
}

/// The keys with their values at a point.
fn at(map: &Map, point: usize) -> impl Iterator<Item = (&str, &toml::Value)> {
    let last = map.length().max(1);
    let of = move |k: usize| match k + 1 == map.axes.len() {
        true => point % last,
        false => point / last,
    };
    let axes = map.axes.iter().enumerate();
    axes.map(move |(k, a)| (a.key.as_str(), &a.values[of(k)]))
}

fn text(x: f64) -> String {
    match x.is_finite() {
        true => format!("{x}"),
        false => String::new(),
    }
}
