//! Leagues over a sweep: a table, and what the map says in words.

use super::{Row as TextRow, Table};
use crate::compare::Verdict;
use crate::compare::ranking::Located;
use crate::run::assess::{Assessment, short};
use crate::run::standing::{Contest, Ranked, Standing};
use crate::spec::sweep::named;

/// What a standing says in whole sentences.
pub fn statements(standing: &Standing) -> Vec<String> {
    let mut out = Vec::new();
    // The table of one cell says it all.
    if standing.contests.len() == 1 {
        return out;
    }
    let over = &standing.league.over;
    let place = |contest: &Contest| -> String {
        let pairs = over.iter().zip(&contest.at);
        let parts: Vec<String> = pairs
            .map(|(k, v)| format!("{} = {}", last(k), short(*v)))
            .collect();
        parts.join(", ")
    };
    let contests = &standing.contests;
    let mut labels: Vec<(usize, &str)> = Vec::new();
    for ranked in contests.iter().flat_map(|c| &c.ranked) {
        if labels.iter().all(|(e, _)| *e != ranked.entry) {
            labels.push((ranked.entry, &ranked.label));
        }
    }
    labels.sort();
    for (entry, label) in &labels {
        let stands = |c: &&Contest| c.ranked.iter().any(|r| r.entry == *entry);
        let all = contests.iter().filter(stands).count();
        let first = |c: &&Contest| c.best().is_some_and(|b| b.entry == *entry);
        let nearest: Vec<&Contest> = contests.iter().filter(first).collect();
        let alone = nearest.iter().filter(|c| c.leaders().count() == 1).count();
        let leads = |c: &&Contest| c.leaders().any(|r| r.entry == *entry);
        let among = contests.iter().filter(leads).count();
        let agrees = |c: &&Contest| {
            let mut ranked = c.ranked.iter();
            ranked.any(|r| r.entry == *entry && r.verdict == Verdict::Agree)
        };
        let within = contests.iter().filter(agrees).count();
        out.push(format!(
            "{label}: applies in {all} of {} cells, agrees in {within}; nearest in {} (alone in {alone}), not told apart from the nearest in {}",
            contests.len(),
            nearest.len(),
            among - nearest.len(),
        ));
    }
    let none = |c: &&Contest| c.best().is_some_and(|b| b.verdict == Verdict::Disagree);
    let nobody: Vec<String> = contests.iter().filter(none).map(place).collect();
    if !nobody.is_empty() && !over.is_empty() {
        out.push(format!(
            "no theory is within its tolerance at {}",
            nobody.join("; ")
        ));
    }
    let few = |c: &&Contest| (1..3).contains(&c.blocks);
    let few = contests.iter().filter(few).count();
    if few > 0 {
        out.push(format!(
            "in {few} of {} cells there are fewer than three draws: nothing is told apart there",
            contests.len()
        ));
    }
    let key = standing.league.direction().map_or("", last);
    let held = |held: &Option<(String, f64)>| match held {
        Some((k, v)) => format!("at {} = {}: ", last(k), short(*v)),
        None => String::new(),
    };
    for b in &standing.boundaries {
        let [from, to] = b.between.map(short);
        out.push(format!(
            "{}{} passes its tolerance at {key} = {}, between {from} ({}) and {to} ({})",
            held(&b.held),
            b.theory,
            located(Some(&b.located)),
            b.verdicts[0].name(),
            b.verdicts[1].name(),
        ));
    }
    for c in &standing.changes {
        let [from, to] = c.between.map(short);
        let [below, above] = &c.theories;
        let apart = match c.told_apart {
            [true, true] => "told apart at both",
            [true, false] => "told apart at the first alone",
            [false, true] => "told apart at the second alone",
            [false, false] => "told apart at neither",
        };
        let at = match &c.located {
            Some(_) => format!("equally near at {}, ", located(c.located.as_ref())),
            None => "one of them does not apply on both sides, ".into(),
        };
        out.push(format!(
            "{}the nearest is {below} at {key} = {from} and {above} at {to}: {at}{apart}",
            held(&c.held)
        ));
    }
    for p in &standing.pairs {
        let list = |values: &[f64]| -> String {
            let texts: Vec<String> = values.iter().map(|v| short(*v)).collect();
            texts.join(", ")
        };
        let [a, b] = &p.theories;
        let found = match (p.told.is_empty(), p.not_told.is_empty()) {
            (true, _) => format!("at no {key} ({})", list(&p.not_told)),
            (_, true) => format!("at every {key} ({})", list(&p.told)),
            _ => format!("at {key} = {}, not at {}", list(&p.told), list(&p.not_told)),
        };
        out.push(format!(
            "{}the draws tell {a} from {b} {found}",
            held(&p.held)
        ));
    }
    out
}

/// The statements of all leagues, each with the name of its group of cells.
pub fn all_statements(assessment: &Assessment) -> Vec<String> {
    let mut out = Vec::new();
    let several = assessment.leagues.len() > 1;
    for standing in &assessment.leagues {
        let name = standing.league.name();
        let leagues = assessment.leagues.iter();
        let named = leagues.clone().any(|s| s.league.name() != name);
        let head = match (several, named && !standing.set.is_empty()) {
            (false, _) => String::new(),
            (true, false) => format!("{}: ", heading(standing)),
            (true, true) => format!("{name}, {}: ", heading(standing)),
        };
        let statements = statements(standing).into_iter();
        out.extend(statements.map(|s| format!("{head}{s}")));
    }
    out
}

/// A group of cells by the values of its keys, or the league's name where there is one group.
pub fn heading(standing: &Standing) -> String {
    let part = |(key, value): &(String, toml::Value)| match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Table(_) => named(value),
        other => format!("{} = {}", last(key), named(other)),
    };
    match standing.set.is_empty() {
        true => standing.league.name(),
        false => standing.set.iter().map(part).collect::<Vec<_>>().join(", "),
    }
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn located(found: Option<&Located>) -> String {
    match found {
        Some(Located {
            at,
            interval: Some([lower, upper]),
        }) => format!("{} [{}, {}]", short(*at), short(*lower), short(*upper)),
        Some(found) => format!("about {} (not resolved)", short(found.at)),
        None => "-".into(),
    }
}

/// A deviation in per cent, or as it is where the tolerance is absolute.
fn share(x: f64) -> String {
    match x {
        0.0 => "0".into(),
        x if x < 1e-4 => format!("{x:.1e}"),
        x => short(x),
    }
}

fn interval(ranked: &Ranked) -> String {
    let ends = |[lower, upper]: [f64; 2]| format!("[{}, {}]", share(lower), share(upper));
    ranked.interval.map_or("-".into(), ends)
}

/// One row per cell, or for a league without axes one row per theory: the ladder.
pub fn table(assessment: &Assessment) -> Table {
    let header = [
        "league",
        "cell",
        "place",
        "theory",
        "deviation",
        "95 % interval",
        "verdict",
        "from the nearest",
        "conditions on",
        "takes",
        "seconds",
        "others",
    ];
    let mut rows = Vec::new();
    for standing in &assessment.leagues {
        for contest in &standing.contests {
            rows.extend(of_contest(standing, contest));
        }
    }
    Table {
        header: header.map(String::from).to_vec(),
        rows,
    }
}

fn of_contest(standing: &Standing, contest: &Contest) -> Vec<TextRow> {
    let ladder = standing.league.over.is_empty();
    let shown = match ladder {
        true => contest.ranked.len(),
        false => contest.leaders().count().max(1),
    };
    let mut cell = match standing.set.is_empty() {
        true => String::new(),
        false => heading(standing),
    };
    for (key, value) in standing.league.over.iter().zip(&contest.at) {
        cell += &format!(" {}={}", last(key), short(*value));
    }
    let behind = &contest.ranked[shown.min(contest.ranked.len())..];
    let mut others: Vec<String> = behind
        .iter()
        .map(|r| format!("{} {}", r.label, share(r.deviation)))
        .collect();
    let absent = contest.others.iter();
    if !contest.others.is_empty() {
        let labels: Vec<&str> = absent.map(|(label, _)| label.as_str()).collect();
        others.push(format!("without: {}", labels.join(", ")));
    }
    let mut rows = Vec::new();
    let leaders: Vec<&Ranked> = match ladder {
        true => contest.ranked.iter().collect(),
        false => contest.leaders().collect(),
    };
    if leaders.is_empty() {
        let mut cells = vec![standing.league.name(), cell];
        cells.resize(11, "-".into());
        cells.push(others.join("; "));
        return vec![TextRow {
            cells,
            verdict: None,
        }];
    }
    for (k, ranked) in leaders.iter().enumerate() {
        let once = |text: &str| match k {
            0 => text.to_string(),
            _ => String::new(),
        };
        rows.push(TextRow {
            cells: vec![
                once(&standing.league.name()),
                once(cell.trim()),
                (k + 1).to_string(),
                ranked.label.clone(),
                share(ranked.deviation),
                interval(ranked),
                ranked.verdict.name().into(),
                match ranked.behind {
                    None => "nearest".into(),
                    Some(c) if c.told_apart => "told apart".into(),
                    Some(_) => "not told apart".into(),
                },
                ranked.conditioning.unwrap_or("-").into(),
                match ranked.limits.is_empty() {
                    true => "no limit".into(),
                    false => ranked.limits.join(", "),
                },
                format!("{:.2}", ranked.seconds),
                once(&others.join("; ")),
            ],
            verdict: super::league::color_of(ranked.verdict),
        });
    }
    rows
}
