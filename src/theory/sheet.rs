//! The arrays a theory fills in, one time at a time, on the grids that were asked for.

use super::Predicted;
use crate::instrument::{Axis, Wanted};

/// Values of the covered observables. Every observable is a block (modes, map entries, or one number) per time.
#[derive(Debug, Clone)]
pub struct Sheet<'a> {
    wanted: &'a [Wanted],
    covers: &'a [usize],
    values: Vec<Vec<f64>>,
}

/// Position and values of the time axis.
fn time_axis(axes: &[Axis]) -> Option<(usize, &[f64])> {
    let position = axes.iter().position(|a| a.name == "time")?;
    Some((position, &axes[position].values))
}

impl<'a> Sheet<'a> {
    /// An empty sheet (not-a-number everywhere) for the observables `wanted[i]`, `i` in `covers`.
    pub fn new(wanted: &'a [Wanted], covers: &'a [usize]) -> Self {
        let values = covers
            .iter()
            .map(|&i| vec![f64::NAN; wanted[i].size()])
            .collect();
        Sheet {
            wanted,
            covers,
            values,
        }
    }

    /// All times asked for, ascending, without repetition.
    pub fn times(&self) -> Vec<f64> {
        self.times_of(|_| true)
    }

    /// All times asked for by the observables with these names, ascending, without repetition.
    pub fn times_of(&self, which: impl Fn(&str) -> bool) -> Vec<f64> {
        let mut times: Vec<f64> = self
            .covers
            .iter()
            .filter(|&&i| which(self.wanted[i].observable.name))
            .filter_map(|&i| time_axis(&self.wanted[i].axes))
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
        for (slot, &i) in self.covers.iter().enumerate() {
            let wanted = &self.wanted[i];
            let Some((position, times)) = time_axis(&wanted.axes) else {
                continue;
            };
            let inner = crate::instrument::observable::size(&wanted.axes[position + 1..]);
            let mut block: Option<Vec<f64>> = None;
            for k in (0..times.len()).filter(|&k| times[k] == t) {
                let block = match &mut block {
                    Some(block) => block,
                    None => block.insert(value(wanted.observable.name)?),
                };
                for (j, v) in block.iter().enumerate() {
                    let index = (j / inner * times.len() + k) * inner + j % inner;
                    if let Some(cell) = self.values[slot].get_mut(index) {
                        *cell = *v;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes an observable without a time axis.
    pub fn whole(&mut self, name: &str, values: &[f64]) {
        for (slot, &i) in self.covers.iter().enumerate() {
            if self.wanted[i].observable.name == name {
                for (cell, v) in self.values[slot].iter_mut().zip(values) {
                    *cell = *v;
                }
            }
        }
    }

    /// True when `name` is among the covered observables.
    pub fn asks_for(&self, name: &str) -> bool {
        self.covers
            .iter()
            .any(|&i| self.wanted[i].observable.name == name)
    }

    /// The predictions; `bound(name, slot, index, value)` is the numerical error of each value (0 where undefined).
    pub fn predictions(&self, bound: impl Fn(&str, usize, usize, f64) -> f64) -> Vec<Predicted> {
        self.covers
            .iter()
            .enumerate()
            .map(|(slot, &wanted)| {
                let name = self.wanted[wanted].observable.name;
                let mean = self.values[slot].clone();
                let bound = mean
                    .iter()
                    .enumerate()
                    .map(|(k, &v)| match v.is_finite() {
                        true => bound(name, slot, k, v),
                        false => 0.0,
                    })
                    .collect();
                Predicted {
                    wanted,
                    mean,
                    bound,
                    stderr: None,
                }
            })
            .collect()
    }

    /// Value `index` of slot `slot`.
    pub fn value(&self, slot: usize, index: usize) -> f64 {
        self.values[slot][index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::Observable;

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
        let wanted = [
            Wanted {
                observable: &MODES,
                axes: vec![axis("mode", 2), axis("time", 3)],
            },
            Wanted {
                observable: &MAP,
                axes: vec![axis("time", 3), axis("output", 2), axis("input", 2)],
            },
        ];
        let covers = [0, 1];
        let mut sheet = Sheet::new(&wanted, &covers);
        assert_eq!(sheet.times(), [0.0, 1.0, 2.0]);
        for t in sheet.times() {
            sheet
                .at_time(t, |name| {
                    let n = if name == "mode-strength" { 2 } else { 4 };
                    Ok::<_, ()>((0..n).map(|j| 10.0 * j as f64 + t).collect())
                })
                .unwrap();
        }
        let p = sheet.predictions(|_, _, _, _| 0.5);
        assert_eq!(p[0].mean, [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
        assert_eq!(p[1].mean[4..8], [1.0, 11.0, 21.0, 31.0]);
        assert_eq!(p[1].bound, [0.5; 12]);
    }
}
