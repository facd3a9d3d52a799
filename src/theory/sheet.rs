//! The arrays a theory fills in, one time at a time, on the grids that were asked for.

use super::{Answer, Asked};
use crate::instrument::Axis;

/// Values of the questions of a plan. Every observable is a block (modes, map entries, or one number) per time.
#[derive(Debug, Clone)]
pub struct Sheet<'a> {
    asked: &'a [Asked],
    values: Vec<Vec<f64>>,
}

/// Position and values of the time axis.
fn time_axis(axes: &[Axis]) -> Option<(usize, &[f64])> {
    let position = axes.iter().position(|a| a.name == "time")?;
    Some((position, &axes[position].values))
}

impl<'a> Sheet<'a> {
    /// An empty sheet: not-a-number everywhere.
    pub fn new(asked: &'a [Asked]) -> Self {
        Sheet {
            asked,
            values: asked.iter().map(|a| vec![f64::NAN; a.size()]).collect(),
        }
    }

    /// All times asked for, ascending, without repetition.
    pub fn times(&self) -> Vec<f64> {
        self.times_of(|_| true)
    }

    /// All times asked for by the observables with these names, ascending, without repetition.
    pub fn times_of(&self, which: impl Fn(&str) -> bool) -> Vec<f64> {
        let mut times: Vec<f64> = self
            .asked
            .iter()
            .filter(|a| which(a.name()))
            .filter_map(|a| time_axis(a.axes()))
            .flat_map(|(_, values)| values.iter().copied())
            .collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        times
    }

    /// Writes, for every covered observable that asks for time `t`, the block that `value(name)` returns (row-major over its other
    /// axes).
    pub fn at_time<E>(
        &mut self,
        t: f64,
        mut value: impl FnMut(&str) -> Result<Vec<f64>, E>,
    ) -> Result<(), E> {
        for (asked, values) in self.asked.iter().zip(&mut self.values) {
            let axes = asked.axes();
            let Some((position, times)) = time_axis(axes) else {
                continue;
            };
            let inner = crate::instrument::observable::size(&axes[position + 1..]);
            let mut block: Option<Vec<f64>> = None;
            for k in (0..times.len()).filter(|&k| times[k] == t) {
                let block = match &mut block {
                    Some(block) => block,
                    None => block.insert(value(asked.name())?),
                };
                for (j, v) in block.iter().enumerate() {
                    let index = (j / inner * times.len() + k) * inner + j % inner;
                    if let Some(cell) = values.get_mut(index) {
                        *cell = *v;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes an observable without a time axis.
    pub fn whole(&mut self, name: &str, values: &[f64]) {
        for (asked, kept) in self.asked.iter().zip(&mut self.values) {
            if asked.name() == name {
                for (cell, v) in kept.iter_mut().zip(values) {
                    *cell = *v;
                }
            }
        }
    }

    /// True when `name` is asked for.
    pub fn asks_for(&self, name: &str) -> bool {
        self.asked.iter().any(|a| a.name() == name)
    }

    /// The answers; `bound(name, slot, index, value)` is the numerical error of each value (0 where undefined).
    pub fn answers(&self, bound: impl Fn(&str, usize, usize, f64) -> f64) -> Vec<Answer> {
        let questions = self.asked.iter().zip(&self.values).enumerate();
        let answer = |(slot, (asked, values)): (usize, (&Asked, &Vec<f64>))| {
            let with_bound = |(k, &v): (usize, &f64)| match v.is_finite() {
                true => (v, bound(asked.name(), slot, k, v)),
                false => (v, 0.0),
            };
            Answer::on_grid(slot, asked, values.iter().enumerate().map(with_bound))
        };
        questions.map(answer).collect()
    }

    /// Value `index` of slot `slot`.
    pub fn value(&self, slot: usize, index: usize) -> f64 {
        self.values[slot][index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::{Observable, Wanted};

    #[test]
    fn blocks_land_row_major_whatever_the_place_of_the_time_axis() {
        static MODES: Observable = Observable {
            name: "mode-strength",
            label: "",
            unit: "1",
            convention: "",
            ..Observable::PLAIN
        };
        static MAP: Observable = Observable {
            name: "input-output-map",
            label: "",
            unit: "1",
            convention: "",
            ..Observable::PLAIN
        };
        let axis = |name: &str, n: usize| Axis::new(name, "1", (0..n).map(|k| k as f64).collect());
        let asked: [Asked; 2] = [
            Wanted {
                observable: &MODES,
                axes: vec![axis("mode", 2), axis("time", 3)],
            },
            Wanted {
                observable: &MAP,
                axes: vec![axis("time", 3), axis("output", 2), axis("input", 2)],
            },
        ]
        .map(Asked::from);
        let mut sheet = Sheet::new(&asked);
        assert_eq!(sheet.times(), [0.0, 1.0, 2.0]);
        for t in sheet.times() {
            sheet
                .at_time(t, |name| {
                    let n = if name == "mode-strength" { 2 } else { 4 };
                    Ok::<_, ()>((0..n).map(|j| 10.0 * j as f64 + t).collect())
                })
                .unwrap();
        }
        let p = sheet.answers(|_, _, _, _| 0.5);
        assert_eq!(p[0].mean, [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
        assert_eq!(p[1].mean[4..8], [1.0, 11.0, 21.0, 31.0]);
        assert_eq!(p[1].bound, [0.5; 12]);
    }
}
