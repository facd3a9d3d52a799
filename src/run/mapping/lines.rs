//! One line of a map: its key in the store, its solves one after the other, and its record.

use super::super::engine::Engine;
use super::super::gather::is_local;
use super::super::identity::solved;
use super::super::solving::solve_unit;
use super::super::store::Record;
use super::{Gaps, Notes, Quantity, once};
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, DrawIndex, Experiment};
use crate::instrument::{INSTRUMENTS, Observable};
use crate::numerics::{content, interrupt};
use crate::spec::Map;
use crate::spec::map::{BRANCHES, Line, Posed, Template, at_end, several};
use crate::theory::{Plan, Prediction};
use serde_json::{Value as Json, json};

/// What a line gives.
#[derive(Debug, Clone)]
pub(crate) struct OnLine {
    pub quantities: Vec<Quantity>,
    pub notes: Notes,
    pub seconds: f64,
}

/// A point with its plan, or the reason why there is none.
pub(super) type Point = std::result::Result<(Posed, Plan), String>;

/// A row of the map, or the reason why no experiment is in it.
pub(super) type Row = std::result::Result<Template, String>;

/// What a wrong input says of a point; an error of another kind ends the run.
pub(super) fn as_reason<T>(made: Result<T>) -> Result<std::result::Result<T, String>> {
    match made {
        Ok(made) => Ok(Ok(made)),
        Err(Error::Input { place, cause, .. }) => Ok(Err(format!("{place}: {cause}"))),
        Err(e) => Err(e),
    }
}

pub(super) fn point(map: &Map, row: &Row, line: &Line, column: usize) -> Result<Point> {
    let posed = match row {
        Ok(row) => as_reason(map.point(row, line, column))?,
        Err(reason) => Err(reason.clone()),
    };
    let posed = match posed {
        Ok(posed) => posed,
        Err(reason) => return Ok(Err(reason)),
    };
    if let (true, Some((_, reason))) = (posed.entry.asked.is_empty(), posed.lacking.first()) {
        return Ok(Err(reason.clone()));
    }
    let entry = &posed.entry;
    Ok(match entry.theory.plan(&entry.experiment, &entry.asked) {
        Err(declined) => Err(declined.to_string()),
        Ok(plan) if plan.promise().conditioning == Conditioning::Trained => Err(format!(
            "{} is given trained weights, and a map trains no network: condition = \"none\" or another one",
            entry.label
        )),
        Ok(plan) => Ok((posed, plan)),
    })
}

/// The draw that a theory is given: the first one.
fn first_draw(plan: &Plan, experiment: &Experiment) -> Option<DrawIndex> {
    let first = experiment.first_draw();
    match plan.promise().conditioning {
        Conditioning::None => None,
        Conditioning::Data => Some(DrawIndex {
            replica: 0,
            ..first
        }),
        _ => Some(first),
    }
}

/// Key of the line's record: those of its solves, or why there are none.
pub(crate) fn key(map: &Map, line: &Line) -> Result<Json> {
    let row = as_reason(map.row(line))?;
    let of_point = |column: usize| {
        interrupt::check()?;
        Ok(match point(map, &row, line, column)? {
            Err(reason) => json!({ "declined": reason }),
            Ok((posed, plan)) => {
                let draw = first_draw(&plan, &posed.experiment);
                let solve = solved(&posed.experiment, &posed.entry, &plan, draw);
                json!([content::of(&solve), posed.lacking])
            }
        })
    };
    let points = (0..map.length()).map(of_point);
    let of: Vec<&str> = quantities(map, line).iter().map(|q| q.name).collect();
    Ok(json!({
        "unit": "map",
        "of": of,
        "points": points.collect::<Result<Vec<Json>>>()?,
    }))
}

/// The quantities of a line's theory.
fn quantities(map: &Map, line: &Line) -> Vec<&'static Observable> {
    let info = map.info(line);
    let named = map.quantities(&map.charts[line.chart], line.theory);
    let find = |name: &str| {
        let own = info.own.iter().copied().find(|o| o.name == name);
        let measured = || INSTRUMENTS.iter().map(|i| i.observable());
        own.or_else(|| measured().find(|o| o.name == name))
    };
    named.filter_map(|(_, name)| find(name)).collect()
}

/// The line from the store, or solved.
pub(super) fn solve(engine: &Engine, map: &Map, line: &Line) -> Result<OnLine> {
    let mut computed = false;
    let record = engine.stored(&key(map, line)?, || {
        computed = true;
        compute(engine, map, line)
    })?;
    if !computed {
        engine.advance(map.length() as u64);
    }
    read(&record, &quantities(map, line))
        .ok_or_else(|| Error::bug("store", "a record of a map is incomplete"))
}

fn compute(engine: &Engine, map: &Map, line: &Line) -> Result<Record> {
    let row = as_reason(map.row(line))?;
    let own = map.info(line).own;
    let told = |o: &Observable| own.iter().any(|own| own.name == o.name);
    let (observables, length) = (quantities(map, line), map.length());
    let empty = |observable: &&'static Observable| {
        let branches = if told(observable) { BRANCHES } else { 1 };
        let nothing = vec![f64::NAN; length * branches];
        Quantity {
            observable,
            branches,
            mean: nothing.clone(),
            bound: nothing,
            stderr: None,
            gaps: Gaps::default(),
        }
    };
    let mut filling = Filling {
        map,
        line,
        quantities: observables.iter().map(empty).collect(),
        notes: Notes::default(),
    };
    for column in 0..length {
        interrupt::check()?;
        match point(map, &row, line, column)? {
            Err(reason) => filling.gap(false, &reason),
            Ok((posed, plan)) => filling.solve(engine, column, &posed, &plan)?,
        }
        engine.advance(1);
    }
    Ok(filling.record())
}

/// A line while it is solved.
struct Filling<'a> {
    map: &'a Map,
    line: &'a Line,
    quantities: Vec<Quantity>,
    notes: Notes,
}

impl Filling<'_> {
    /// No quantity has a value at a point.
    fn gap(&mut self, failed: bool, reason: &str) {
        for q in &mut self.quantities {
            q.gaps.add(failed, reason);
        }
    }

    fn solve(&mut self, engine: &Engine, column: usize, posed: &Posed, plan: &Plan) -> Result<()> {
        let (experiment, entry) = (&posed.experiment, &posed.entry);
        let draw = first_draw(plan, experiment);
        let promise = plan.promise();
        once(&mut self.notes.conditioning, promise.conditioning.name());
        for text in &promise.assumptions {
            once(&mut self.notes.assumptions, text);
        }
        for text in promise.limit_texts() {
            once(&mut self.notes.limits, &text);
        }
        let cx = engine
            .context()
            .solving(entry.experiment.seed, draw, |_| {});
        let trains = |_| Err(Error::bug("map", "a map trains no network"));
        match solve_unit(plan, &entry.experiment, draw, &cx, trains) {
            Ok(prediction) => self.place(column, posed, plan, &prediction),
            Err(Error::Declined { reason }) => {
                self.gap(false, &reason);
                Ok(())
            }
            Err(e) if is_local(&e) => {
                self.gap(true, &e.to_string());
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    /// The values of a point, at the last recorded time.
    fn place(
        &mut self,
        column: usize,
        posed: &Posed,
        plan: &Plan,
        prediction: &Prediction,
    ) -> Result<()> {
        let solver = &prediction.solver;
        once(&mut self.notes.methods, &solver.method);
        self.notes.solves += 1;
        self.notes.iterations = self.notes.iterations.max(solver.iterations);
        self.notes.residual = self.notes.residual.max(solver.residual);
        for warning in &prediction.warnings {
            self.notes.warn(warning, 1);
        }
        let known = self
            .map
            .quantities(&self.map.charts[self.line.chart], self.line.theory);
        let known: Vec<usize> = known.map(|(place, _)| place).collect();
        for (q, place) in self.quantities.iter_mut().zip(known) {
            let asks = |asked: usize| posed.places[plan.answers()[asked]];
            let answer = prediction.answers.iter().find(|a| asks(a.asked) == place);
            let lacking = posed.lacking.iter().find(|(p, _)| *p == place);
            let Some(answer) = answer else {
                let untold = format!("{} does not tell it here", posed.entry.label);
                q.gaps.add(false, lacking.map_or(&untold, |(_, why)| why));
                continue;
            };
            let values = at_end(&answer.axes, &answer.mean);
            if values.len() > q.branches {
                return Err(several(place, q.observable.name, &answer.axes));
            }
            if let Err(e) = q.observable.check(&posed.entry.label, &answer.mean) {
                q.gaps.add(true, &e.to_string());
                continue;
            }
            if values.iter().all(|v| v.is_nan()) {
                q.gaps
                    .add(false, q.observable.undefined.unwrap_or("it has no value"));
                continue;
            }
            let from = column * q.branches;
            let to = from + values.len();
            q.mean[from..to].copy_from_slice(&values);
            q.bound[from..to].copy_from_slice(&at_end(&answer.axes, &answer.bound));
            if let Some(stderr) = answer.stderr() {
                let all = q.stderr.get_or_insert_with(|| vec![f64::NAN; q.mean.len()]);
                all[from..to].copy_from_slice(&at_end(&answer.axes, &stderr));
            }
        }
        Ok(())
    }

    fn record(self) -> Record {
        let mut arrays = Vec::new();
        for (k, q) in self.quantities.iter().enumerate() {
            arrays.push((format!("mean:{k}"), q.mean.clone()));
            arrays.push((format!("bound:{k}"), q.bound.clone()));
            if let Some(stderr) = &q.stderr {
                arrays.push((format!("stderr:{k}"), stderr.clone()));
            }
        }
        let branches: Vec<usize> = self.quantities.iter().map(|q| q.branches).collect();
        let gaps: Vec<&Gaps> = self.quantities.iter().map(|q| &q.gaps).collect();
        Record {
            meta: json!({ "branches": branches, "gaps": gaps, "notes": self.notes }),
            arrays,
        }
    }
}

fn read(record: &Record, observables: &[&'static Observable]) -> Option<OnLine> {
    let meta = |key: &str| record.meta[key].clone();
    let branches: Vec<usize> = serde_json::from_value(meta("branches")).ok()?;
    let gaps: Vec<Gaps> = serde_json::from_value(meta("gaps")).ok()?;
    let quantity = |(k, observable): (usize, &&'static Observable)| {
        let array = |name: &str| record.array(&format!("{name}:{k}")).map(<[f64]>::to_vec);
        Some(Quantity {
            observable,
            branches: *branches.get(k)?,
            mean: array("mean")?,
            bound: array("bound")?,
            stderr: array("stderr"),
            gaps: gaps.get(k)?.clone(),
        })
    };
    Some(OnLine {
        quantities: observables
            .iter()
            .enumerate()
            .map(quantity)
            .collect::<Option<_>>()?,
        notes: serde_json::from_value(meta("notes")).ok()?,
        seconds: record.meta["seconds"].as_f64().unwrap_or(0.0),
    })
}
