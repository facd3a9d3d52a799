//! Relations between two quantities: values of theories and of the measurement paired, cell by cell or over all cells.

use super::assess::measured_blocks;
use super::curve::{curve_on, own_draws};
use super::outcome::{CellOutcome, Outcome, Status, TheoryOutcome};
use crate::compare::relations::{Related, Values, joined, relate};
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, DrawIndex};
use crate::instrument::Axis;
use crate::spec::{Over, Quantity, Relate, Spec};

/// One `[[relate]]` entry, in one cell or over all.
#[derive(Debug, Clone)]
pub struct Relation {
    /// Name of the entry in tables.
    pub label: String,
    /// The entry of the spec.
    pub relate: Relate,
    /// Position of the cell in the sweep, from 0; `None`: over the cells.
    pub cell: Option<usize>,
    /// The relation with its null, or why there is none.
    pub related: std::result::Result<Related, String>,
}

/// Both quantities on the points of one cell, or why one of them is not there.
type Pairs = std::result::Result<[Values; 2], String>;

/// All entries, each cell by cell or once.
pub(super) fn relations(spec: &Spec, outcome: &Outcome) -> Result<Vec<Relation>> {
    let mut out = Vec::new();
    for entry in &spec.relate {
        let pairs = outcome.cells.iter().map(|cell| pairs(entry, cell));
        let pairs = pairs.collect::<Result<Vec<Pairs>>>()?;
        let row = |cell, related| Relation {
            label: entry.name(),
            relate: entry.clone(),
            cell,
            related,
        };
        match entry.over {
            Over::Points => {
                for (cell, pairs) in pairs.into_iter().enumerate() {
                    out.push(row(Some(cell), related(spec, entry, pairs, 0)?));
                }
            }
            Over::Cells => {
                let (pairs, left) = together(pairs);
                out.push(row(None, related(spec, entry, pairs, left)?));
            }
        }
    }
    Ok(out)
}

/// The points of all cells behind one another, with the number of blocks that some cells have more than others.
fn together(pairs: Vec<Pairs>) -> (Pairs, usize) {
    let numbered = pairs.into_iter().enumerate();
    let pairs = numbered
        .map(|(cell, pairs)| pairs.map_err(|why| format!("cell {cell}: {why}")))
        .collect::<std::result::Result<Vec<_>, String>>();
    let cells = match pairs {
        Ok(cells) => cells,
        Err(why) => return (Err(why), 0),
    };
    let (x, y): (Vec<Values>, Vec<Values>) = cells.into_iter().map(|[x, y]| (x, y)).unzip();
    let ((x, of_x), (y, of_y)) = (joined(&x), joined(&y));
    match (x, y) {
        (Some(x), Some(y)) => (Ok([x, y]), of_x.max(of_y)),
        _ => (Err("there is no cell".into()), 0),
    }
}

fn related(
    spec: &Spec,
    entry: &Relate,
    pairs: Pairs,
    left: usize,
) -> Result<std::result::Result<Related, String>> {
    let [x, y] = match pairs {
        Ok(pairs) => pairs,
        Err(why) => return Ok(Err(why)),
    };
    match relate(&*entry.relation, &x, &y, spec.seed) {
        Ok(mut related) => {
            if left > 0 {
                let note =
                    format!("{left} blocks left out: the cells have different numbers of draws");
                related.notes.push(note);
            }
            Ok(Ok(related))
        }
        Err(Error::Input { cause, .. }) => Ok(Err(cause)),
        Err(e) => Err(e),
    }
}

/// One quantity as it is found in a cell.
enum Found<'a> {
    Measured(usize),
    Of(&'a TheoryOutcome, usize),
}

fn find<'a>(quantity: &Quantity, cell: &'a CellOutcome) -> std::result::Result<Found<'a>, String> {
    match quantity {
        Quantity::Measured(name) => match cell.wanted(name) {
            Some(k) if k < cell.measured && cell.measurement.is_some() => Ok(Found::Measured(k)),
            _ => match &cell.failure {
                Some(error) => Err(format!("the measurement failed: {error}")),
                None => Err(format!("{name}: nothing was measured")),
            },
        },
        Quantity::Of(of) => {
            let entry = cell.theories.iter().find(|t| t.label == of.theory);
            let Some(entry) = entry else {
                return Err(format!("{}: no theory was solved", of.theory));
            };
            match &entry.status {
                Status::Declined(reason) => Err(format!("{} declines: {reason}", of.theory)),
                Status::Failed(error) => Err(format!("{} failed: {error}", of.theory)),
                Status::Mapped => Err(format!("{} is asked for the map alone", of.theory)),
                Status::Predicted => {
                    let k = cell.answered(entry, &of.observable);
                    let k = k.ok_or_else(|| format!("{} gives no {}", of.theory, of.observable))?;
                    Ok(Found::Of(entry, k))
                }
            }
        }
    }
}

/// Both quantities with their rows paired draw by draw.
fn pairs(entry: &Relate, cell: &CellOutcome) -> Result<Pairs> {
    let found = find(&entry.x, cell).and_then(|x| Ok([x, find(&entry.y, cell)?]));
    let found = match found {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let place = |f: &Found| match *f {
        Found::Measured(k) | Found::Of(_, k) => k,
    };
    let [x, y] = [0, 1].map(|i| cell.wanted[place(&found[i])].axes.as_slice());
    if let Some(why) = unlike(x, y) {
        return Ok(Err(why));
    }
    let draws = common_draws(cell, &found);
    let [x, y] = found;
    Ok(match (values(cell, x, &draws)?, values(cell, y, &draws)?) {
        (Some(x), Some(y)) => Ok([x, y]),
        _ => Err("one of the quantities has no values".into()),
    })
}

/// The draws that both rows stand for: the measured ones, or those of the theory that is given more of them.
fn common_draws(cell: &CellOutcome, found: &[Found; 2]) -> Vec<DrawIndex> {
    let measured = found.iter().any(|f| matches!(f, Found::Measured(_)));
    match (&cell.measurement, measured) {
        (Some(m), true) => m.draws.clone(),
        _ => {
            let of = found.iter().map(|f| match f {
                Found::Of(theory, _) => own_draws(theory),
                Found::Measured(_) => vec![],
            });
            of.max_by_key(Vec::len).unwrap_or_default()
        }
    }
}

fn values(cell: &CellOutcome, found: Found, draws: &[DrawIndex]) -> Result<Option<Values>> {
    Ok(match found {
        Found::Measured(k) => measured_blocks(cell, k)?.map(Values::exact),
        Found::Of(theory, k) => {
            let promise = theory.promise.as_ref();
            let draws = match promise.is_none_or(|p| p.conditioning == Conditioning::None) {
                true => &[],
                false => draws,
            };
            curve_on(theory, k, draws)?.map(|curve| Values {
                blocks: curve.values,
                repeats: curve.repeats,
            })
        }
    })
}

/// Why two grids cannot be paired point by point.
fn unlike(x: &[Axis], y: &[Axis]) -> Option<String> {
    let lengths = |axes: &[Axis]| axes.iter().map(|a| a.values.len()).collect::<Vec<_>>();
    if lengths(x) != lengths(y) {
        return Some(format!(
            "x has {:?} points along its axes and y has {:?}: they cannot be paired",
            lengths(x),
            lengths(y)
        ));
    }
    let differs = |(a, b): &(&Axis, &Axis)| {
        let scale = a.values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let mut both = a.values.iter().zip(&b.values);
        a.name == b.name && both.any(|(a, b)| (a - b).abs() > 1e-9 * scale)
    };
    let (axis, _) = x.iter().zip(y).find(differs)?;
    Some(format!("x and y have different values of {}", axis.name))
}
