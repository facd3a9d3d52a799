//! The entry: which file, which quantity, and which of its rows answer a question.

use super::solve::{Curve, Value};
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Experiment, Promise};
use crate::instrument::layout::{Layout, listed, point};
use crate::instrument::{Axis, Declined, Observable, find, observable};
use crate::kind::{About, Kind, nearest};
use crate::numerics::text::shown;
use crate::task::loader::numbers::Numbers;
use crate::task::loader::{Decimal, Dialect, Separator};
use crate::theory::{Asked, Info, Plan, Theory, parse_keys};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

static ABOUT: About = About {
    kind: "table",
    summary: "a curve of your own from a csv file, on the axes of the observable",
    text: include_str!("table.md"),
    revision: 1,
};

static INFO: Info = Info {
    source: "the user's file",
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let keys = parse_keys(place, table, &INFO)?;
        Ok(Arc::new(Table::open(place, keys)?))
    },
    schema: Keys::json_schema,
};

/// Keys of the entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The csv file; a relative path starts at the current directory, then in the folder that SADDLEPOINT_DATA names.
    pub file: PathBuf,
    /// Which quantity the file holds, one of those that instruments measure.
    pub observable: String,
    /// Levels of draws whose mean the curve is; default: none.
    #[serde(default)]
    pub averages_over: Vec<Level>,
    /// What stands between two cells: ",", ";", "tab" or "blank"; default: found from the text.
    #[serde(default)]
    pub separator: Option<Separator>,
    /// The decimal sign: "." or ","; default: found from the text.
    #[serde(default)]
    pub decimal: Option<Decimal>,
}

/// A level of draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Quenched data sets.
    Datasets,
    /// Initialisations and training noise on one data set.
    Replicas,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Datasets => "datasets",
            Level::Replicas => "replicas",
        }
    }
}

/// A curve from a file.
#[derive(Debug, Clone)]
pub struct Table {
    keys: Keys,
    observable: &'static Observable,
    numbers: Arc<Numbers>,
    value: usize,
    stderr: Option<usize>,
    bound: Option<usize>,
}

impl Table {
    /// Reads the file; `place` is the path of the entry in the spec.
    ///
    /// Errors: an unknown observable, everything that [`Numbers::read`] reports, no column of the values or several, a
    /// negative error, two rows of one point.
    pub fn open(place: &str, keys: Keys) -> Result<Table> {
        let observable = find(&format!("{place}.observable"), &keys.observable)?.observable();
        let dialect = Dialect {
            separator: keys.separator,
            decimal: keys.decimal,
        };
        let numbers = Numbers::read_as(&keys.file, &dialect)?;
        let file = numbers.file();
        let names = ["value", observable.name, "mean"];
        let named = names.iter().filter_map(|n| numbers.column(n));
        let value = match named.collect::<Vec<_>>()[..] {
            [value] => value,
            [] => {
                let header: Vec<&str> = numbers.header().iter().map(String::as_str).collect();
                return Err(Error::input(
                    format!("{file}: header"),
                    format!("no column is called \"value\" or \"{}\"", observable.name),
                    nearest("value", &header),
                ));
            }
            [first, second, ..] => {
                let header = numbers.header();
                return Err(Error::input(
                    format!("{file}: header"),
                    format!(
                        "both \"{}\" and \"{}\" are values",
                        header[first], header[second]
                    ),
                    "keep one of these columns",
                ));
            }
        };
        let table = Table {
            value,
            stderr: numbers.column("stderr"),
            bound: numbers.column("bound"),
            numbers: Arc::new(numbers),
            observable,
            keys,
        };
        table.check()?;
        Ok(table)
    }

    /// Errors are not negative, and no point stands in two rows.
    fn check(&self) -> Result<()> {
        let (numbers, own) = (&self.numbers, self.own());
        for column in own.iter().copied().filter(|c| *c != self.value) {
            for (k, row) in numbers.rows().iter().enumerate() {
                if row[column] < 0.0 {
                    let name = &numbers.header()[column];
                    return Err(Error::input(
                        format!(
                            "{}: line {}, column \"{name}\"",
                            numbers.file(),
                            numbers.line(k)
                        ),
                        format!("the error {} is negative", row[column]),
                        "write the size of the error, 0 or larger",
                    ));
                }
            }
        }
        let columns = (0..numbers.header().len()).filter(|c| !own.contains(c));
        let rows: Vec<usize> = (0..numbers.rows().len()).collect();
        let lattice = numbers.lattice(&columns.collect::<Vec<_>>(), &rows);
        lattice.map(drop).map_err(|(line, other)| {
            Error::input(
                format!("{}: line {line}", numbers.file()),
                format!("the point stands in line {other}, too"),
                "give every point one row, or the file a column of what differs between them",
            )
        })
    }

    /// Columns of the values and their errors.
    fn own(&self) -> Vec<usize> {
        let errors = [self.stderr, self.bound].into_iter().flatten();
        std::iter::once(self.value).chain(errors).collect()
    }

    /// The rows that answer a question, in the order of its grid; without a grid on the axes of the file.
    fn rows(
        &self,
        experiment: &Experiment,
        grid: Option<&[Axis]>,
    ) -> std::result::Result<(Vec<Axis>, Vec<usize>), Declined> {
        let numbers = &self.numbers;
        let layout = Layout::of(numbers, experiment, grid.unwrap_or_default(), &self.own())?;
        let header = numbers.header();
        if let (Some(grid), Some(&column)) = (grid, layout.rest.first()) {
            let axes = observable::names(grid);
            return Err(Declined(format!(
                "the column \"{}\" of {} is no axis of {} here ({}), and no number of the task, the learner or the training",
                shown(&header[column]),
                numbers.file(),
                self.observable.name,
                match axes.is_empty() {
                    true => "it has none".to_string(),
                    false => axes.join(", "),
                }
            )));
        }
        let columns = layout.axes.iter().flatten().chain(&layout.rest).copied();
        let columns: Vec<usize> = columns.collect();
        let names: Vec<String> = columns.iter().map(|&c| header[c].clone()).collect();
        let lattice = numbers
            .lattice(&columns, &layout.rows)
            .map_err(|(line, other)| {
                Declined(format!(
                    "{}: lines {other} and {line} are one point",
                    numbers.file()
                ))
            })?;
        let own_axes = || {
            let both = names.iter().zip(&lattice.axes);
            both.map(|(name, values)| Axis::new(name, "1", values.clone()))
                .collect()
        };
        let axes: Vec<Axis> = grid.map_or_else(own_axes, <[Axis]>::to_vec);
        // An axis of a single value may have no column.
        let has_column = |k: &usize| layout.axes.get(*k).is_none_or(Option::is_some);
        let shown: Vec<&Axis> = (0..axes.len())
            .filter(has_column)
            .map(|k| &axes[k])
            .collect();
        let points = points(&shown);
        let found: Vec<Option<usize>> = points.iter().map(|p| lattice.at(p)).collect();
        if let Some(first) = found.iter().position(Option::is_none) {
            let missing = found.iter().filter(|f| f.is_none()).count();
            let there = names.iter().zip(&lattice.axes);
            let there = there.map(|(name, values)| format!("{name} = {}", listed(values)));
            return Err(Declined(format!(
                "{} has no row for {}; {missing} of {} points of the grid are missing, and it has {}. Nothing is interpolated: give \
                 these rows, or choose measure.points and measure.spacing so that the grid is the file's",
                numbers.file(),
                point(&names, &points[first]),
                points.len(),
                there.collect::<Vec<_>>().join("; ")
            )));
        }
        Ok((axes, found.into_iter().flatten().collect()))
    }
}

/// Coordinates of all points of a grid, the last axis fastest.
fn points(axes: &[&Axis]) -> Vec<Vec<f64>> {
    axes.iter().fold(vec![Vec::new()], |points, axis| {
        let with = |p: &Vec<f64>, x: f64| p.iter().copied().chain([x]).collect::<Vec<f64>>();
        let along = |p: Vec<f64>| axis.values.iter().map(move |&x| with(&p, x));
        points.into_iter().flat_map(along).collect()
    })
}

impl Theory for Table {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn observables(&self) -> Vec<&'static str> {
        vec![self.observable.name]
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({
            "content": self.numbers.content(),
            "observable": self.observable.name,
            "averages_over": self.keys.averages_over,
        })
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let name = self.observable.name;
        let Some(place) = asked.iter().position(|a| a.name() == name) else {
            return Err(Declined(format!(
                "holds {name}; nothing of this is asked for"
            )));
        };
        let (axes, rows) = self.rows(experiment, asked[place].grid.as_deref())?;
        let of = |row: &usize| {
            let cells = &self.numbers.rows()[*row];
            Value {
                row: *row,
                mean: cells[self.value],
                stderr: self.stderr.map(|c| cells[c]),
                bound: self.bound.map_or(0.0, |c| cells[c]),
            }
        };
        let curve = Curve {
            axes,
            values: rows.iter().map(of).collect(),
            of: self.numbers.rows().len(),
        };
        let content = &self.numbers.content()[..8];
        let form = match self.numbers.form() {
            form if form.is_plain() => String::new(),
            form => format!("; {form}"),
        };
        let promise = Promise {
            averages_over: self.keys.averages_over.iter().map(|l| l.name()).collect(),
            assumptions: vec![format!(
                "the values are those of the file {} (content {content}{form})",
                self.numbers.file()
            )],
            ..Promise::of(Conditioning::None)
        };
        Ok(Plan::new(promise, asked, vec![place], curve))
    }
}
