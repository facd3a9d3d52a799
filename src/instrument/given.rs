//! Measurements of the user's own: the values of an observable from a csv file, one column per draw.

use super::layout::{Layout, listed, point};
use super::observable::names;
use super::{Axis, Chosen, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::About;
use crate::numerics::text;
use crate::task::Dataset;
use crate::task::loader::numbers::{Lattice, Numbers};
use crate::task::loader::{Dialect, Form};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;

/// Names of columns that are rather a mean or an error than a draw.
const NO_DRAWS: [&str; 5] = ["value", "mean", "stderr", "std", "bound"];

/// An instrument whose values stand in a file. It has name, unit and convention of the instrument that would measure them, and
/// the points of the file as its grid; nothing is trained or simulated for it.
#[derive(Clone)]
pub struct Given {
    instrument: Chosen,
    numbers: Arc<Numbers>,
}

/// What the columns and rows of the file are for one experiment.
struct Reading {
    axes: Vec<Axis>,
    layout: Layout,
    lattice: Lattice,
}

impl Given {
    /// Reads the values of this instrument from a csv file.
    ///
    /// Errors: those of [`Numbers::read`].
    pub fn open(instrument: Chosen, path: &Path) -> Result<Given> {
        Given::open_as(instrument, path, &Dialect::default())
    }

    /// As [`Given::open`], with a separator or a decimal sign that is stated.
    ///
    /// Errors: those of [`Numbers::read_as`].
    pub fn open_as(instrument: Chosen, path: &Path, dialect: &Dialect) -> Result<Given> {
        Ok(Given {
            instrument,
            numbers: Arc::new(Numbers::read_as(path, dialect)?),
        })
    }

    /// How the file was read.
    pub fn form(&self) -> &Form {
        self.numbers.form()
    }

    /// Names of the columns that are draws, in the order of the file.
    ///
    /// Declines as [`Instrument::axes`].
    pub fn draws(&self, experiment: &Experiment) -> std::result::Result<Vec<&str>, Declined> {
        let columns = self.reading(experiment)?.layout.rest;
        let name = |c: usize| self.numbers.header()[c].as_str();
        Ok(columns.into_iter().map(name).collect())
    }

    /// The path of the file, for messages.
    pub fn file(&self) -> &str {
        self.numbers.file()
    }

    /// BLAKE3 of the file's content.
    pub fn content(&self) -> &str {
        self.numbers.content()
    }

    /// Which rows and columns of the file are read for an experiment: with the content, all that its values depend on.
    pub fn identity(&self, experiment: &Experiment) -> Json {
        let reading = self.reading(experiment);
        json!(reading.ok().map(|r| json!([r.axes, r.layout.keys])))
    }

    /// Values of draw number `draw` (from 0) on the file's grid.
    ///
    /// Errors: an experiment that the file does not suit, a draw that it does not have.
    pub fn read(&self, experiment: &Experiment, draw: usize) -> Result<Vec<f64>> {
        let unread = |cause: String| Error::bug("measure.from", cause);
        let reading = self.reading(experiment).map_err(|d| unread(d.0))?;
        let column = reading.layout.rest.get(draw).copied();
        let column = column.ok_or_else(|| unread(format!("there is no draw {draw}")))?;
        let rows = reading.lattice.rows();
        Ok(rows.map(|row| self.numbers.rows()[row][column]).collect())
    }

    fn reading(&self, experiment: &Experiment) -> std::result::Result<Reading, Declined> {
        let numbers = &self.numbers;
        let own = self.instrument.axes(experiment)?;
        let layout = Layout::of(numbers, experiment, &own, &[])?;
        if layout.rest.is_empty() {
            return Err(Declined(format!(
                "{} has no column of a draw beside axes and keys: {}",
                numbers.file(),
                text::names(numbers.header(), "draw1")
            )));
        }
        let no_draw = |c: &&usize| {
            let name = numbers.header()[**c].as_str();
            NO_DRAWS.contains(&name) || name.parse::<f64>().is_ok()
        };
        if let Some(&c) = layout.rest.iter().find(no_draw) {
            return Err(Declined(format!(
                "the column \"{}\" of {} is no name of a draw: the first line names the columns, those of the draws for example \
                 draw1, draw2, ...; errors come from the scatter of the draws",
                text::shown(&numbers.header()[c]),
                numbers.file()
            )));
        }
        let columns: Vec<usize> = layout.axes.iter().flatten().copied().collect();
        let lattice = numbers.lattice(&columns, &layout.rows);
        let lattice = lattice.map_err(|(line, other)| {
            Declined(format!(
                "line {line} of {} is the point of line {other} (a column named like a key of the spec, such as task.samples, tells \
                 the cells of a sweep apart)",
                numbers.file()
            ))
        })?;
        if let Some(gap) = lattice.gap() {
            let shown: Vec<String> = columns
                .iter()
                .map(|&c| numbers.header()[c].clone())
                .collect();
            let there = shown.iter().zip(&lattice.axes);
            let there = there.map(|(name, values)| format!("{name} = {}", listed(values)));
            return Err(Declined(format!(
                "{} has no row for {}, though it has {}: its points must fill a grid",
                numbers.file(),
                point(&shown, &gap),
                there.collect::<Vec<_>>().join("; ")
            )));
        }
        let mut values = lattice.axes.iter();
        let axis = |(own, column): (&Axis, &Option<usize>)| match column {
            Some(_) => Axis {
                values: values.next().cloned().unwrap_or_default(),
                ..own.clone()
            },
            None => own.clone(),
        };
        let axes = own.iter().zip(&layout.axes).map(axis).collect();
        Ok(Reading {
            axes,
            layout,
            lattice,
        })
    }

    /// Names of the axes of the observable, for messages.
    pub fn axis_names(&self, experiment: &Experiment) -> Vec<String> {
        let axes = self.instrument.axes(experiment);
        axes.map_or(Vec::new(), |axes| names(&axes))
    }
}

impl Instrument for Given {
    fn about(&self) -> &'static About {
        self.instrument.about()
    }
    fn observable(&self) -> &'static Observable {
        self.instrument.observable()
    }
    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        Ok(self.reading(experiment)?.axes)
    }
    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(Error::bug("measure.from", "a file was to watch a network"))
    }
    fn resolved(&self) -> Json {
        self.instrument.resolved()
    }
    fn given(&self) -> Option<&Given> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Draws;
    use crate::instrument::testing::{experiment, linear};
    use crate::task::LinearTeacher;

    fn given(text: &str) -> Given {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.csv");
        std::fs::write(&path, text).unwrap();
        let modes = Chosen::new("", "mode-strength", toml::Table::new()).unwrap();
        Given::open(modes, &path).unwrap()
    }

    fn setting(input_dim: usize) -> Experiment {
        let task = LinearTeacher::new(vec![2.0, 1.0], input_dim, 3);
        Experiment {
            draws: Draws {
                points: 7,
                ..Draws::default()
            },
            ..experiment(task, linear(&[5], &[1.0, 1.0]), 100)
        }
    }

    const TWO: &str = "time,mode,task.input_dim,a,b\n1,1,4,11,21\n0,1,4,10,20\n0,2,4,12,22\n1,2,4,13,23\n0,1,6,9,8\n";

    #[test]
    fn columns_are_draws_on_the_grid_of_the_file() {
        let (file, e) = (given(TWO), setting(4));
        let own = Chosen::new("", "mode-strength", toml::Table::new()).unwrap();
        let own = own.axes(&e).unwrap();
        let axes = file.axes(&e).unwrap();
        assert_eq!(file.draws(&e).unwrap(), ["a", "b"]);
        for (axis, own) in axes.iter().zip(&own) {
            assert_eq!((&axis.name, &axis.unit), (&own.name, &own.unit));
        }
        // Row-major in the instrument's order of axes, which the file does not keep.
        assert_eq!(own[0].name, "mode");
        assert_eq!(
            (&axes[0].values[..], &axes[1].values[..]),
            (&[1.0, 2.0][..], &[0.0, 1.0][..])
        );
        assert_eq!(file.read(&e, 0).unwrap(), [10.0, 11.0, 12.0, 13.0]);
        assert_eq!(file.read(&e, 1).unwrap(), [20.0, 21.0, 22.0, 23.0]);
        assert!(file.read(&e, 2).is_err());
        // Another cell has other rows, and records of its own.
        assert_eq!(file.read(&setting(6), 1).unwrap(), [8.0]);
        assert_ne!(file.identity(&e), file.identity(&setting(6)));
    }

    #[test]
    fn what_is_no_grid_of_draws_is_named() {
        for (text, wanted) in [
            ("time,a\n0,1\n", "no column of the axis \"mode\""),
            ("time,mode\n0,1\n", "no column of a draw"),
            (
                "time,mode,a\n0,1,5\n1,1,5\n0,2,5\n",
                "no row for mode = 2, time = 1",
            ),
            ("time,mode,a\n0,1,5\n0,1,5\n", "line 3 of"),
            (
                "time,mode,input_dim,a\n0,1,8,5\n0,1,9,5\n",
                "no row with task.input_dim = 4; it has 8, 9",
            ),
        ] {
            let reason = given(text).axes(&setting(4)).unwrap_err().to_string();
            assert!(reason.contains(wanted), "{reason}");
        }
    }
}
