//! Leagues over one or two keys: a map of the nearest theory, with the limits of agreement.

use super::Drawn;
use super::scene::{BLACK, look};
use crate::compare::{Tolerance, Verdict};
use crate::plot::{Align, AxisSpec, Figure, Interval, Legend, Panel, Scale, Series, Tag, edges};
use crate::report::standing::heading;
use crate::run::assess::{Assessment, short};
use crate::run::standing::{Boundary, Contest, Standing, is_geometric};
use crate::spec::Spec;

/// Ends of a vertical axis that a league over one key does not have.
const BAND: [f64; 2] = [0.0, 1.0];

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
            " Lines: where the deviation of a theory passes its tolerance, by a straight line between two cells, with 95 % intervals.",
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
        None => AxisSpec::linear("", "").range(BAND[0], BAND[1]),
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
            let at = [across.values[0]; 2];
            let level = up.as_ref().map_or(0.5, |up| up.values[0]);
            let tile = Series::tile(text, at, [level; 2], [at[0], level], tone(*entry));
            panel = panel.with(tile.color(look(*entry).color).untabled());
        }
    }
    for contest in &standing.contests {
        let x = across.cell(contest.at[0]);
        let y = up.as_ref().map_or(BAND, |up| up.cell(contest.at[1]));
        let middle = up.as_ref().map_or(0.5, |_| contest.at[1]);
        let leaders: Vec<_> = contest.leaders().collect();
        for (k, leader) in leaders.iter().enumerate() {
            let n = leaders.len() as f64;
            // Neighbouring cells stand a little apart.
            let border = |k: usize| across.between(x, 0.005 + 0.99 * k as f64 / n);
            let tag = Tag {
                source: leader.label.clone(),
                curve: match k {
                    0 => format!("nearest, deviation {}", leader.deviation),
                    _ => format!("not told apart from it, deviation {}", leader.deviation),
                },
                ..Tag::default()
            };
            let at = [contest.at[0], middle];
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
            let level = match &up {
                Some(up) => up.between(y, [0.72, 0.12][k]),
                None => [0.55, 0.3][k],
            };
            if let Some(text) = line {
                let text = Series::text(text, contest.at[0], level).align(Align::Center);
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
    let tag = Tag {
        source: label.to_string(),
        curve: "limit of agreement".into(),
        band: "95 % interval".into(),
        ..Tag::default()
    };
    let mut points: Vec<(f64, f64, Option<[f64; 2]>)> = own
        .iter()
        .filter_map(|b| {
            let found = b.located?;
            let held = b.held.as_ref().map(|(_, v)| *v);
            Some((held.unwrap_or(0.5), found.at, found.interval))
        })
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let held: Vec<f64> = points.iter().map(|p| p.0).collect();
    let at: Vec<f64> = points.iter().map(|p| p.1).collect();
    if !vertical {
        for (level, x, _) in &points {
            let (low, high) = match up {
                Some(up) => {
                    let [low, high] = up.cell(*level);
                    (low, high)
                }
                None => (BAND[0], BAND[1]),
            };
            let line = Series::line("", vec![*x, *x], vec![low, high]);
            panel = panel.with(line.style(k).color(BLACK).tag(tag.clone()));
        }
        // The legend names the line also where no panel has one of its own.
        let line = Series::line(name, vec![across.values[0]], vec![f64::NAN]);
        return panel.with(line.style(k).color(BLACK).untabled());
    }
    let ends = |end: usize| -> Vec<f64> {
        let range = up.map_or(BAND, Axis::ends);
        let within = |v: f64| v.clamp(range[0], range[1]);
        let all = points.iter();
        all.map(|(_, at, i)| within(i.map_or(*at, |i| i[end])))
            .collect()
    };
    let error = Interval {
        lower: ends(0),
        upper: ends(1),
    };
    let line = Series::line(name, held.clone(), at.clone());
    let marks = Series::points(name, held, at).band(error.lower, error.upper);
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

/// Values of a key, and the borders of the cells around them.
struct Axis {
    values: Vec<f64>,
    scale: Scale,
    edges: Vec<f64>,
}

impl Axis {
    fn of(mut values: Vec<f64>) -> Axis {
        values.sort_by(f64::total_cmp);
        values.dedup();
        let scale = match is_geometric(&values) {
            true => Scale::Log,
            false => Scale::Linear,
        };
        Axis {
            edges: edges(&values, scale),
            values,
            scale,
        }
    }

    fn ends(&self) -> [f64; 2] {
        let first = self.edges.first().copied().unwrap_or(0.0);
        [first, self.edges.last().copied().unwrap_or(1.0)]
    }

    fn spec(&self, name: &str) -> AxisSpec {
        let [first, last] = self.ends();
        let axis = match self.scale {
            Scale::Log => AxisSpec::log(name, ""),
            Scale::Linear => AxisSpec::linear(name, ""),
        };
        axis.range(first, last)
    }

    fn cell(&self, value: f64) -> [f64; 2] {
        let k = self.values.iter().position(|v| *v == value).unwrap_or(0);
        [self.edges[k], self.edges[k + 1]]
    }

    /// A share of the way between two borders.
    fn between(&self, [from, to]: [f64; 2], share: f64) -> f64 {
        match self.scale {
            Scale::Log => (from.ln() + share * (to / from).ln()).exp(),
            Scale::Linear => from + share * (to - from),
        }
    }
}
