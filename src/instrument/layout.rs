//! Columns of a file of curves by what they are for one experiment: axes, keys that pick its rows, and all others.

use super::observable::names;
use super::{Axis, Declined};
use crate::experiment::Experiment;
use crate::kind::nearest;
use crate::numerics::text::shown;
use crate::task::loader::numbers::{Numbers, is_same};

/// So many coordinates are told one by one.
const TOLD: usize = 6;

/// What the columns of a file are for one experiment, and which rows are about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Columns of the axes, in the order of the axes; none of an axis with a single value that the file leaves out.
    pub axes: Vec<Option<usize>>,
    /// Keys of the experiment that have a column, with the experiment's values.
    pub keys: Vec<(String, f64)>,
    /// Columns that are neither.
    pub rest: Vec<usize>,
    /// Rows whose keys have the values of the experiment.
    pub rows: Vec<usize>,
}

impl Layout {
    /// Sorts the columns of a file, without those at `known`: first the axes by their names, then numbers of the experiment by
    /// their paths (`task.samples`), or the last part of a path that is the only one (`samples`).
    ///
    /// Declines for an axis of several values without a column, a name that stands for several keys, an experiment without
    /// any row.
    pub fn of(
        numbers: &Numbers,
        experiment: &Experiment,
        grid: &[Axis],
        known: &[usize],
    ) -> Result<Layout, Declined> {
        let header = numbers.header();
        let column = |(name, axis): (String, &Axis)| match numbers.column(&name) {
            None if axis.values.len() != 1 => {
                let names: Vec<&str> = header.iter().map(String::as_str).collect();
                Err(Declined(format!(
                    "{} has no column of the axis \"{name}\" ({})",
                    numbers.file(),
                    nearest(&name, &names)
                )))
            }
            found => Ok(found),
        };
        let axes = names(grid).into_iter().zip(grid).map(column);
        let axes = axes.collect::<Result<Vec<_>, _>>()?;
        let free = (0..header.len()).filter(|c| !axes.contains(&Some(*c)) && !known.contains(c));
        let (mut keys, mut rest) = (Vec::new(), Vec::new());
        let mut rows: Vec<usize> = (0..numbers.rows().len()).collect();
        for column in free {
            let name = &header[column];
            let key = experiment.number(name).map_err(|paths| {
                Declined(format!(
                    "the column \"{}\" of {} may be any of {} (write the whole path in the header)",
                    shown(name),
                    numbers.file(),
                    paths.join(", ")
                ))
            })?;
            let Some((path, value)) = key else {
                rest.push(column);
                continue;
            };
            let of_key = |row: &usize| numbers.rows()[*row][column];
            let there: Vec<f64> = rows.iter().map(of_key).collect();
            rows.retain(|row| is_same(of_key(row), value));
            if rows.is_empty() {
                return Err(Declined(format!(
                    "{} has no row with {path} = {value}; it has {}",
                    numbers.file(),
                    listed(&there)
                )));
            }
            keys.push((path, value));
        }
        Ok(Layout {
            axes,
            keys,
            rest,
            rows,
        })
    }
}

/// The first few different values, in ascending order, with their number.
pub fn listed(values: &[f64]) -> String {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let first: Vec<String> = values.iter().take(TOLD).map(f64::to_string).collect();
    match values.len() > TOLD {
        true => format!("{}, ... ({} values)", first.join(", "), values.len()),
        false => first.join(", "),
    }
}

/// `time = 0.5, mode = 2`: a point by its coordinates.
pub fn point(names: &[String], values: &[f64]) -> String {
    let both = names.iter().zip(values);
    let parts: Vec<String> = both.map(|(name, x)| format!("{name} = {x}")).collect();
    parts.join(", ")
}
