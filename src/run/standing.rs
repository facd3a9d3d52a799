//! Leagues: which theory is nearest to the measurement in every cell, and where along a swept key that changes.

use super::assess::{Row, RowResult, measured_blocks, theory_curve};
use super::outcome::{CellOutcome, Outcome};
use super::rows::test_set;
use crate::compare::ranking::{Contrast, Located, Ranking, locate};
use crate::compare::{TheoryCurve, Tolerance, Verdict};
use crate::error::Result;
use crate::instrument::Observable;
use crate::spec::sweep::{Settings, coordinate, partners};
use crate::spec::{Abscissa, League, Spec};

/// One league over the cells that share all keys but those of its axes.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The entry of the spec.
    pub league: League,
    /// What the theories are ranked on.
    pub observable: &'static Observable,
    /// Swept keys that the cells share.
    pub set: Settings,
    /// In the order of the sweep.
    pub contests: Vec<Contest>,
    /// Where the nearest theory changes along the league's key.
    pub changes: Vec<Change>,
    /// Where a theory's deviation passes the tolerance along the league's key.
    pub boundaries: Vec<Boundary>,
    /// The league's pairs of theories, line by line.
    pub pairs: Vec<Apart>,
}

/// One cell.
#[derive(Debug, Clone)]
pub struct Contest {
    /// Position of the cell in the sweep, from 0.
    pub cell: usize,
    /// Its coordinates on the axes of the league.
    pub at: Vec<f64>,
    /// How large a deviation may be in agreement; deviations are relative or absolute with it.
    pub tolerance: Option<Tolerance>,
    /// Number of blocks of draws that tell the theories apart; three at least.
    pub blocks: usize,
    /// Theories that stand beside the measurement, nearest first.
    pub ranked: Vec<Ranked>,
    /// Those that do not, each with the reason.
    pub others: Vec<(String, String)>,
}

/// A theory in its place.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// Label of the `[[theory]]` entry.
    pub label: String,
    /// Position of the entry in the spec, from 0.
    pub entry: usize,
    /// Deviation from the measurement at the points that all ranked theories define.
    pub deviation: f64,
    /// 95 % interval and verdict of its own comparison.
    pub interval: Option<[f64; 2]>,
    /// Verdict of its own comparison.
    pub verdict: Verdict,
    /// The nearest theory against this one; `None` for the nearest itself.
    pub behind: Option<Contrast>,
    /// What it is given of each draw.
    pub conditioning: Option<&'static str>,
    /// What it takes to an extreme.
    pub limits: Vec<String>,
    /// Time spent solving when the records were made.
    pub seconds: f64,
}

impl Contest {
    /// The nearest theory.
    pub fn best(&self) -> Option<&Ranked> {
        self.ranked.first()
    }

    /// The nearest theory and those that the draws do not tell apart from it.
    pub fn leaders(&self) -> impl Iterator<Item = &Ranked> {
        let tied = |r: &&Ranked| r.behind.is_none_or(|c| !c.told_apart);
        self.ranked.iter().filter(tied)
    }
}

/// The nearest theory changes between two neighbouring values of a key.
#[derive(Debug, Clone)]
pub struct Change {
    /// The other key of the league with its value.
    pub held: Option<(String, f64)>,
    /// Labels of the nearest theories below and above.
    pub theories: [String; 2],
    /// The two values of the key.
    pub between: [f64; 2],
    /// Whether the draws tell the two theories apart at each of them.
    pub told_apart: [bool; 2],
    /// Where both are equally near; `None` where one of them does not apply on one side.
    pub located: Option<Located>,
}

/// A theory's deviation passes the tolerance between two neighbouring values of a key.
#[derive(Debug, Clone)]
pub struct Boundary {
    /// Label of the theory.
    pub theory: String,
    /// The other key of the league with its value.
    pub held: Option<(String, f64)>,
    /// The two values of the key.
    pub between: [f64; 2],
    /// Verdicts there.
    pub verdicts: [Verdict; 2],
    /// Where the deviation is as large as the tolerance.
    pub located: Located,
}

/// Two theories along a key.
#[derive(Debug, Clone)]
pub struct Apart {
    /// Their labels.
    pub theories: [String; 2],
    /// The other key of the league with its value.
    pub held: Option<(String, f64)>,
    /// Values of the key at which the draws tell which of them is nearer, and those at which they do not.
    pub told: Vec<f64>,
    /// The others at which both stand.
    pub not_told: Vec<f64>,
}

/// The probability with which either of two equally near theories is called the nearer one.
const TAIL: f64 = 0.025;

/// All leagues of a spec.
pub(super) fn standings(spec: &Spec, outcome: &Outcome, rows: &[Row]) -> Result<Vec<Standing>> {
    let mut out = Vec::new();
    for league in &spec.leagues {
        for (set, cells) in groups(league, outcome) {
            out.extend(standing(spec, outcome, rows, league, set, &cells)?);
        }
    }
    Ok(out)
}

/// Cells that share all keys but the axes of the league and what goes along with them.
fn groups(league: &League, outcome: &Outcome) -> Vec<(Settings, Vec<usize>)> {
    let sets = || outcome.cells.iter().map(|c| &c.set);
    let follow: Vec<String> = league
        .over
        .iter()
        .flat_map(|key| partners(sets(), key))
        .collect();
    // Of keys that change together the first one names the group.
    let mut naming: Vec<String> = Vec::new();
    for (key, _) in outcome.cells.first().iter().flat_map(|c| &c.set) {
        let known = naming.iter().flat_map(|k| partners(sets(), k));
        if !league.over.contains(key)
            && !follow.contains(key)
            && !known.collect::<Vec<_>>().contains(key)
        {
            naming.push(key.clone());
        }
    }
    let mut groups: Vec<(Settings, Vec<usize>)> = Vec::new();
    for (index, cell) in outcome.cells.iter().enumerate() {
        let named = cell.set.iter().filter(|(k, _)| naming.contains(k));
        let shared: Settings = named.cloned().collect();
        match groups.iter_mut().find(|(set, _)| *set == shared) {
            Some((_, cells)) => cells.push(index),
            None => groups.push((shared, vec![index])),
        }
    }
    groups
}

/// A contest with what places between cells are found from.
struct Field {
    contest: Contest,
    ranking: Option<Ranking>,
    /// Entries of the ranking, by their positions in the spec.
    entries: Vec<usize>,
}

impl Field {
    fn place(&self, entry: usize) -> Option<usize> {
        self.entries.iter().position(|e| *e == entry)
    }

    fn verdict(&self, entry: usize) -> Option<Verdict> {
        let mut ranked = self.contest.ranked.iter();
        ranked.find(|r| r.entry == entry).map(|r| r.verdict)
    }
}

fn standing(
    spec: &Spec,
    outcome: &Outcome,
    rows: &[Row],
    league: &League,
    set: Settings,
    cells: &[usize],
) -> Result<Option<Standing>> {
    let fields = cells.iter().map(|&c| field(spec, outcome, rows, league, c));
    let fields = fields.collect::<Result<Vec<Field>>>()?;
    let named = |c: &CellOutcome| {
        let wanted = c.wanted(&league.observable)?;
        Some(c.wanted[wanted].observable)
    };
    let Some(observable) = cells.iter().find_map(|&c| named(&outcome.cells[c])) else {
        return Ok(None);
    };
    let mut standing = Standing {
        league: league.clone(),
        observable,
        set,
        contests: Vec::new(),
        changes: Vec::new(),
        boundaries: Vec::new(),
        pairs: Vec::new(),
    };
    if let Some(along) = league.direction() {
        for line in lines(league, along, &fields) {
            line.changes(&mut standing);
            line.boundaries(outcome, &mut standing);
            line.pairs(&mut standing);
        }
    }
    standing.contests = fields.into_iter().map(|f| f.contest).collect();
    Ok(Some(standing))
}

fn field(
    spec: &Spec,
    outcome: &Outcome,
    rows: &[Row],
    league: &League,
    index: usize,
) -> Result<Field> {
    let cell = &outcome.cells[index];
    let at = |key: &String| coordinate(&cell.set, key, Abscissa::Value).unwrap_or(f64::NAN);
    let mut contest = Contest {
        cell: index,
        at: league.over.iter().map(at).collect(),
        tolerance: None,
        blocks: 0,
        ranked: Vec::new(),
        others: Vec::new(),
    };
    let wanted = cell.wanted(&league.observable);
    let measured = wanted
        .map(|w| measured_blocks(cell, w))
        .transpose()?
        .flatten();
    let mut found: Vec<(usize, &Row, TheoryCurve, Tolerance)> = Vec::new();
    for (entry, theory) in cell.theories.iter().enumerate() {
        if !league.has(&theory.label) {
            continue;
        }
        let mut own = rows
            .iter()
            .filter(|r| r.cell == index && r.label == theory.label);
        let row = own.find(|r| r.observable.is_none_or(|o| o.name == league.observable));
        let reason = match row.map(|r| &r.result) {
            Some(RowResult::Compared { comparison, .. }) => {
                let curve = wanted.map(|w| theory_curve(cell, theory, w)).transpose()?;
                if let (Some(Some(mut curve)), Some(row), Some(w)) = (curve, row, wanted) {
                    let promise = theory.promise.as_ref();
                    curve.test_set = test_set(&spec.cells[index], cell, promise, w)?;
                    found.push((entry, row, curve, comparison.tolerance));
                }
                continue;
            }
            Some(RowResult::Declined(why)) => format!("declined: {why}"),
            Some(RowResult::Failed(why)) => format!("failed: {why}"),
            Some(RowResult::Unmeasured(why)) => why.clone(),
            None => format!("does not predict {}", league.observable),
        };
        contest.others.push((theory.label.clone(), reason));
    }
    // Of a cell's theories one may be compared absolutely, where it is zero: all are ranked by the tolerance of the first.
    let ranking = match (&measured, found.first()) {
        (Some(measured), Some((.., tolerance))) => {
            let curves: Vec<&TheoryCurve> = found.iter().map(|(_, _, curve, _)| curve).collect();
            Ranking::new(measured, &curves, *tolerance)?
        }
        _ => None,
    };
    if let Some((.., tolerance)) = found.first() {
        contest.tolerance = Some(*tolerance);
        contest.blocks = measured.as_ref().map_or(0, |m| m.n());
    }
    if let Some(ranking) = &ranking {
        let order = ranking.order();
        let best = order[0];
        let tail = TAIL / (order.len().max(2) - 1) as f64;
        for &k in &order {
            let (entry, row, ..) = &found[k];
            let promise = cell.theories[*entry].promise.as_ref();
            let RowResult::Compared { comparison, .. } = &row.result else {
                continue;
            };
            contest.ranked.push(Ranked {
                label: row.label.clone(),
                entry: *entry,
                deviation: ranking.deviation(k),
                interval: comparison.interval,
                verdict: comparison.verdict,
                behind: (k != best).then(|| ranking.contrast(best, k, tail)),
                conditioning: row.conditioning,
                limits: promise
                    .map_or(vec![], |p| p.limits.iter().map(|l| l.to_string()).collect()),
                seconds: row.seconds,
            });
        }
    } else {
        for (_, row, ..) in &found {
            let reason = "no point is defined by all theories".to_string();
            contest.others.push((row.label.clone(), reason));
        }
    }
    Ok(Field {
        contest,
        entries: found.iter().map(|(entry, ..)| *entry).collect(),
        ranking,
    })
}

/// Cells along the key of a league, ascending.
struct Line<'a> {
    held: Option<(String, f64)>,
    cells: Vec<(f64, &'a Field)>,
    logarithmic: bool,
}

fn lines<'a>(league: &League, along: &str, fields: &'a [Field]) -> Vec<Line<'a>> {
    let axis = league.over.iter().position(|k| k == along).unwrap_or(0);
    let other = (0..league.over.len()).find(|k| *k != axis);
    let all: Vec<f64> = fields.iter().map(|f| f.contest.at[axis]).collect();
    let logarithmic = is_geometric(&all);
    let mut out: Vec<Line> = Vec::new();
    for field in fields {
        let held = other.map(|k| (league.over[k].clone(), field.contest.at[k]));
        let cell = (field.contest.at[axis], field);
        match out.iter_mut().find(|line| line.held == held) {
            Some(line) => line.cells.push(cell),
            None => out.push(Line {
                held,
                cells: vec![cell],
                logarithmic,
            }),
        }
    }
    for line in &mut out {
        line.cells.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    out
}

/// Whether values lie more evenly on a logarithmic axis: all positive, and the logarithms of their ratios differ less than their
/// differences do; of two values, where one is at least three times the other.
pub fn is_geometric(values: &[f64]) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else {
        return false;
    };
    if least <= 0.0 || sorted.len() < 3 {
        return least > 0.0 && most >= 3.0 * least;
    }
    let uneven = |at: &dyn Fn(f64) -> f64| {
        let steps: Vec<f64> = sorted.windows(2).map(|w| at(w[1]) - at(w[0])).collect();
        let mean = steps.iter().sum::<f64>() / steps.len() as f64;
        let squares = steps.iter().map(|s| (s / mean - 1.0).powi(2));
        squares.sum::<f64>()
    };
    uneven(&f64::ln) < uneven(&|x| x)
}

impl Line<'_> {
    fn changes(&self, standing: &mut Standing) {
        for pair in self.cells.windows(2) {
            let [(from, below), (to, above)] = [&pair[0], &pair[1]];
            let best = |f: &Field| f.contest.best().map(|b| (b.entry, b.label.clone()));
            let (Some((a, label_a)), Some((b, label_b))) = (best(below), best(above)) else {
                continue;
            };
            if a == b {
                continue;
            }
            let both = |f: &Field| {
                let ranking = f.ranking.as_ref()?;
                let (a, b) = (f.place(a)?, f.place(b)?);
                let told = ranking.contrast(a, b, TAIL).told_apart;
                Some((ranking.difference(a, b), told))
            };
            let (below, above) = (both(below), both(above));
            let told = |side: &Option<_>| side.as_ref().is_some_and(|(_, told)| *told);
            let located = match (&below, &above) {
                (Some((low, _)), Some((high, _))) => {
                    locate([*from, *to], [low, high], self.logarithmic)
                }
                _ => None,
            };
            standing.changes.push(Change {
                held: self.held.clone(),
                theories: [label_a, label_b],
                between: [*from, *to],
                told_apart: [told(&below), told(&above)],
                located,
            });
        }
    }

    fn boundaries(&self, outcome: &Outcome, standing: &mut Standing) {
        for label in &standing.league.boundaries {
            let entries = outcome.cells.first().map(|c| &c.theories);
            let entry = entries.and_then(|e| e.iter().position(|t| t.label == *label));
            let Some(entry) = entry else { continue };
            for pair in self.cells.windows(2) {
                let [(from, below), (to, above)] = [&pair[0], &pair[1]];
                let excess = |f: &Field| {
                    let ranking = f.ranking.as_ref()?;
                    Some((ranking.excess(f.place(entry)?), f.verdict(entry)?))
                };
                let (Some((low, first)), Some((high, second))) = (excess(below), excess(above))
                else {
                    continue;
                };
                if let Some(located) = locate([*from, *to], [&low, &high], self.logarithmic) {
                    standing.boundaries.push(Boundary {
                        theory: label.clone(),
                        held: self.held.clone(),
                        between: [*from, *to],
                        verdicts: [first, second],
                        located,
                    });
                }
            }
        }
    }

    fn pairs(&self, standing: &mut Standing) {
        for theories in standing.league.pairs.clone() {
            let (mut told, mut not_told) = (Vec::new(), Vec::new());
            for (x, field) in &self.cells {
                let place = |label: &String| {
                    let mut ranked = field.contest.ranked.iter();
                    field.place(ranked.find(|r| r.label == *label)?.entry)
                };
                let both = (place(&theories[0]), place(&theories[1]));
                let (Some(ranking), (Some(a), Some(b))) = (&field.ranking, both) else {
                    continue;
                };
                match ranking.contrast(a, b, TAIL).told_apart {
                    true => told.push(*x),
                    false => not_told.push(*x),
                }
            }
            if told.len() + not_told.len() > 0 {
                standing.pairs.push(Apart {
                    theories,
                    held: self.held.clone(),
                    told,
                    not_told,
                });
            }
        }
    }
}
