//! Leagues over one or two keys: a map of the nearest theory, with the limits of agreement.

use super::Drawn;
use super::scene::{BLACK, look};
use crate::compare::{Tolerance, Verdict};
use crate::plot::{Align, AxisSpec, Figure, Legend, Panel, Series, Tag};
use crate::report::standing::heading;
use crate::run::assess::{Assessment, short};
use crate::run::standing::{Boundary, Contest, Standing, is_geometric};
use crate::spec::Spec;

/// Borders of the only row of a league over one key.
const BAND: [f64; 2] = [-0.5, 0.5];

/// Ladders beyond this number are left to the table.
const MOST_LADDERS: usize = 6;

const LADDER: &str = "Deviation of every theory that stands beside the measurement, nearest first, with its 95 % interval. The line is the \
                      tolerance. Theories that decline are named in the table.";

/// The ladder of one cell.
fn rungs(standing: &Standing) -> Panel {
    let most = standing.contests.iter().map(|c| c.ranked.len()).max();
    let place = AxisSpec::linear("place", "").numbered();
    let across = place.range(0.5, most.unwrap_or(1).max(1) as f64 + 0.5);
    let mut panel = Panel::new(
        panel_title(standing),
        across,
        AxisSpec::linear("deviation", ""),
    )
    .legend(Legend::Right);
    for contest in &standing.contests {
        for (k, ranked) in contest.ranked.iter().enumerate() {
            let ends = ranked.interval.unwrap_or([ranked.deviation; 2]);
            let tag = Tag {
                source: ranked.label.clone(),
                band: "95 % interval".into(),
                ..Tag::default()
            };
            let rung = Series::points(
                ranked.label.clone(),
                vec![(k + 1) as f64],
                vec![ranked.deviation],
            );
            let rung = rung.band(vec![ends[0]], vec![ends[1]]).style(ranked.entry);
            panel = panel.with(rung.tag(tag));
        }
        if let Some(tolerance) = contest.tolerance {
            panel = panel.with(Series::hline(tolerance.value()));
        }
    }
    panel
}

/// One figure for every league: over keys a map with a panel for each of its groups of cells, else a ladder.
pub(super) fn standings(spec: &Spec, assessment: &Assessment) -> Vec<Drawn> {
    let leagues = spec.leagues.iter();
    let several = spec.leagues.len() > 1;
    let mut out = Vec::new();
    for (i, league) in leagues.enumerate() {
        let groups: Vec<&Standing> = assessment
            .leagues
            .iter()
            .filter(|s| s.league.name() == league.name() && s.league.over == league.over)
            .collect();
        if groups.is_empty() {
            continue;
        }
        let ladder = league.over.is_empty();
        if ladder && groups.len() > MOST_LADDERS {
            continue;
        }
        let columns = if groups.len() > 4 {
            3
        } else {
            groups.len().min(2)
        };
        let rows = groups.len().div_ceil(columns);
        // Room for two lines of text in every tile.
        let height = match league.over.len() {
            1 => 130.0,
            0 => 250.0,
            _ => (60.0 * Axis::of(coordinates(&groups, 1)).values.len() as f64 + 70.0).max(250.0),
        };
        let panels = groups.iter().enumerate();
        let panels = panels.map(|(k, s)| match ladder {
            true => rungs(s),
            false => panel(s, &groups, k + 1 == columns),
        });
        let mut figure = Figure::new(300.0 * columns as f64 + 170.0, height * rows as f64 + 40.0)
            .columns(columns)
            .title(match (several, &league.label) {
                (true, Some(label)) => label.clone(),
                _ => spec.title.clone(),
            });
        if spec.quick {
            figure = figure.note("quick run");
        }
        figure.panels = panels.collect();
        out.push(Drawn {
            name: match several {
                true => format!("league-{}", i + 1),
                false => "league".into(),
            },
            figure,
            caption: match ladder {
                true => LADDER.into(),
                false => caption(&groups),
            },
        });
    }
    out
}

fn caption(groups: &[&Standing]) -> String {
    let name = &groups[0].league.observable;
    let mut text = format!(
        "Which theory is nearest to the measured {name}. Every tile is one cell; its letter is the nearest theory, with those that the draws do \
         not tell apart from it in stripes beside, and its number the deviation of the nearest. In brackets: no theory is within its \
         tolerance there; with a question mark: that is open. Below: the letters of all theories that agree, nearest first."
    );
    let empty = groups.iter().flat_map(|s| &s.contests);
    let empty = empty.filter(|c| c.ranked.is_empty()).count();
    if empty > 0 {
        text.push_str(&format!(
            " White tiles: no theory stands beside the measurement, or there is none ({empty})."
        ));
    }
    if !groups[0].league.boundaries.is_empty() {
        text.push_str(
            " Lines: where the deviation of a theory passes its tolerance, by a straight line between two cells, with 95 % intervals where two keys are shown.",
        );
    }
    text
}

/// The theories that stand somewhere, by their places in the spec.
fn standing_theories(groups: &[&Standing]) -> Vec<(usize, String)> {
    let contests = groups.iter().flat_map(|s| &s.contests);
    let mut out: Vec<(usize, String)> = Vec::new();
    for ranked in contests.flat_map(|c| &c.ranked) {
        if out.iter().all(|(entry, _)| *entry != ranked.entry) {
            out.push((ranked.entry, ranked.label.clone()));
        }
    }
    out.sort();
    out
}

/// Theories that share a colour differ in its strength.
fn tone(entry: usize) -> f64 {
    match entry / BLACK % 2 {
        0 => 0.4,
        _ => 0.8,
    }
}

/// The letter of a theory: its place in the spec, the same in all figures.
fn letter(entry: usize) -> char {
    char::from(b'A' + (entry % 26) as u8)
}

fn panel(standing: &Standing, groups: &[&Standing], with_legend: bool) -> Panel {
    let places = standing_theories(groups);
    let over = &standing.league.over;
    let across = Axis::of(coordinates(groups, 0));
    let up = (over.len() > 1).then(|| Axis::of(coordinates(groups, 1)));
    let name = |key: &str| key.rsplit('.').next().unwrap_or(key).replace('_', " ");
    let vertical = match &up {
        Some(up) => up.spec(&name(&over[1])),
        None => AxisSpec::named("", vec![String::new()]),
    };
    let mut panel = Panel::new(
        panel_title(standing),
        across.spec(&name(&over[0])),
        vertical,
    );
    if with_legend {
        for (entry, label) in &places {
            let text = format!("{} {label}", letter(*entry));
            // A tile of no extent: the legend alone.
            let tile = Series::tile(text, [0.0; 2], [0.0; 2], [0.0; 2], tone(*entry));
            panel = panel.with(tile.color(look(*entry).color).untabled());
        }
    }
    for contest in &standing.contests {
        let x = across.cell(contest.at[0]);
        let y = up.as_ref().map_or(BAND, |up| up.cell(contest.at[1]));
        let level = contest.at.get(1).copied().unwrap_or(f64::NAN);
        let leaders: Vec<_> = contest.leaders().collect();
        for (k, leader) in leaders.iter().enumerate() {
            let n = leaders.len() as f64;
            // Neighbouring cells stand a little apart.
            let border = |k: usize| x[0] + 0.005 + 0.99 * k as f64 / n;
            let tag = Tag {
                source: leader.label.clone(),
                curve: match k {
                    0 => format!("nearest, deviation {}", leader.deviation),
                    _ => format!("not told apart from it, deviation {}", leader.deviation),
                },
                ..Tag::default()
            };
            let at = [contest.at[0], level];
            let sides = [border(k), border(k + 1)];
            let tile = Series::tile("", sides, y, at, tone(leader.entry));
            panel = panel.with(tile.color(look(leader.entry).color).tag(tag));
        }
        let agreeing = contest
            .ranked
            .iter()
            .filter(|r| r.verdict == Verdict::Agree);
        let agreeing: String = agreeing.map(|r| letter(r.entry)).collect();
        let lines = [words(contest), (!agreeing.is_empty()).then_some(agreeing)];
        for (k, line) in lines.into_iter().enumerate() {
            let level = y[0] + [0.72, 0.12][k];
            if let Some(text) = line {
                let middle = 0.5 * (x[0] + x[1]);
                let text = Series::text(text, middle, level).align(Align::Center);
                panel = panel.with(text.color(BLACK));
            }
        }
    }
    let axes = (&across, up.as_ref());
    for (k, label) in standing.league.boundaries.iter().enumerate() {
        let own: Vec<&Boundary> = standing
            .boundaries
            .iter()
            .filter(|b| b.theory == *label)
            .collect();
        let mut located = groups.iter().flat_map(|s| &s.boundaries);
        let drawn = located.any(|b| b.theory == *label);
        let name = match with_legend && drawn {
            true => format!("limit of {label}"),
            false => String::new(),
        };
        panel = limit(panel, standing, label, &name, &own, axes, k);
    }
    panel.legend(match with_legend {
        true => Legend::Right,
        false => Legend::None,
    })
}

/// The line where a theory passes its tolerance.
fn limit(
    mut panel: Panel,
    standing: &Standing,
    label: &str,
    name: &str,
    own: &[&Boundary],
    (across, up): (&Axis, Option<&Axis>),
    k: usize,
) -> Panel {
    let over = &standing.league.over;
    let vertical = up.is_some() && standing.league.direction() == over.last().map(String::as_str);
    let mut points: Vec<(f64, f64, Option<[f64; 2]>)> = own
        .iter()
        .map(|b| {
            let held = b.held.as_ref().map_or(f64::NAN, |(_, v)| *v);
            (held, b.located.at, b.located.interval)
        })
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    // The table has the values, the figure their places.
    let text = |x: &f64| x.to_string();
    let (held, at): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.0, p.1)).unzip();
    let along = standing.league.direction().unwrap_or_default().to_string();
    let mut cell = vec![(along, at.iter().map(text).collect())];
    if let Some((key, _)) = own.iter().find_map(|b| b.held.as_ref()) {
        cell.push((key.clone(), held.iter().map(text).collect()));
    }
    let tag = Tag {
        source: label.to_string(),
        curve: "limit of agreement".into(),
        band: "95 % interval, as places on the axis".into(),
        cell,
        ..Tag::default()
    };
    if !vertical {
        for (k_point, (level, x, _)) in points.iter().enumerate() {
            let [low, high] = up.map_or(BAND, |up| up.cell(*level));
            let x = across.place(*x);
            let line = Series::line("", vec![x, x], vec![low, high]);
            let own = tag.cell.iter();
            let own = own.map(|(key, v)| (key.clone(), vec![v[k_point].clone()]));
            let tag = Tag {
                cell: own.collect(),
                ..tag.clone()
            };
            panel = panel.with(line.style(k).color(BLACK).tag(tag));
        }
        // The legend names the line also where no panel has one of its own.
        let line = Series::line(name, vec![0.0], vec![f64::NAN]);
        return panel.with(line.style(k).color(BLACK).untabled());
    }
    let Some(up) = up else { return panel };
    let held: Vec<f64> = held.iter().map(|v| across.place(*v)).collect();
    let at: Vec<f64> = at.iter().map(|v| up.place(*v)).collect();
    let ends = |end: usize| -> Vec<f64> {
        let all = points.iter();
        all.map(|(_, at, i)| up.place(i.map_or(*at, |i| i[end])))
            .collect()
    };
    let line = Series::line(name, held.clone(), at.clone());
    let marks = Series::points(name, held, at).band(ends(0), ends(1));
    panel
        .with(line.style(k).color(BLACK).untabled())
        .with(marks.style(k).color(BLACK).tag(tag))
}

/// `A 2.1 %`, in brackets where no theory is within its tolerance.
fn words(contest: &Contest) -> Option<String> {
    let best = contest.best()?;
    let number = match best.deviation {
        x if matches!(contest.tolerance, Some(Tolerance::Absolute(_))) => short(x),
        x if x < 5e-4 => "0 %".to_string(),
        x if x < 0.0995 => format!("{:.1} %", 100.0 * x),
        x => format!("{:.0} %", 100.0 * x),
    };
    let text = format!("{} {number}", letter(best.entry));
    Some(match best.verdict {
        Verdict::Agree => text,
        Verdict::Disagree => format!("({text})"),
        Verdict::Inconclusive { .. } => format!("{text}?"),
    })
}

fn panel_title(standing: &Standing) -> String {
    match standing.set.is_empty() {
        true => String::new(),
        false => heading(standing),
    }
}

/// The cells' coordinates on one axis.
fn coordinates(groups: &[&Standing], axis: usize) -> Vec<f64> {
    let contests = groups.iter().flat_map(|s| &s.contests);
    contests.map(|c| c.at[axis]).collect()
}

/// Values of a key at even places.
struct Axis {
    values: Vec<f64>,
    geometric: bool,
}

impl Axis {
    fn of(mut values: Vec<f64>) -> Axis {
        values.sort_by(f64::total_cmp);
        values.dedup();
        Axis {
            geometric: is_geometric(&values),
            values,
        }
    }

    fn spec(&self, name: &str) -> AxisSpec {
        let names = self.values.iter().map(|v| short(*v)).collect();
        AxisSpec::named(name, names)
    }

    /// The borders of the cell of a value.
    fn cell(&self, value: f64) -> [f64; 2] {
        let at = self.place(value);
        [at - 0.5, at + 0.5]
    }

    /// Where a value stands: between two neighbours by its share of their distance, in the logarithm where the values lie so.
    fn place(&self, value: f64) -> f64 {
        let last = self.values.len().saturating_sub(1);
        let above = self.values.iter().position(|v| *v >= value).unwrap_or(last);
        if self.values.get(above) == Some(&value) || last == 0 {
            return above as f64;
        }
        let below = above.max(1) - 1;
        let on = |v: f64| if self.geometric { v.ln() } else { v };
        let (from, to) = (on(self.values[below]), on(self.values[below + 1]));
        let share = (on(value) - from) / (to - from);
        // Beyond the cells nothing is shown.
        match share.is_nan() {
            true => -0.5,
            false => (below as f64 + share).clamp(-0.5, last as f64 + 0.5),
        }
    }
}
