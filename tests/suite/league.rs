//! `[[league]]`: theories ranked over the cells of a sweep, through a spec.

use saddlepoint::compare::Verdict;
use saddlepoint::run::assess::{RowResult, assess};
use saddlepoint::run::standing::{Contest, Standing};
use saddlepoint::run::{Settings, execute};
use saddlepoint::spec::{Options, Spec};

/// Linear networks of 64 units from lazy to rich: the lazy kernel, dynamical mean-field theory and the exact flow.
const RICHNESS: &str = "version = 1\nseed = 5\n\
    [task]\nkind = 'linear-teacher'\nsingular_values = [1.0]\ninput_dim = 4\noutput_dim = 1\nsamples = 8\nnoise = 0.2\nwhitened = true\n\
    test_samples = 12\n\
    [learner]\nkind = 'mlp'\nwidths = [64]\nactivation = 'linear'\nparametrization = 'mean-field'\nrichness = 1.0\n\
    [training]\nkind = 'gradient-descent'\nlearning_rate = 0.05\nsteps = 60\n\
    [measure]\nobservables = ['predictor-mean']\nreplicas = 30\npoints = 2\n\
    [sweep]\n'learner.richness' = [0.25, 0.5, 1.0, 2.0]\n\
    [[theory]]\nkind = 'ntk'\nlabel = 'lazy'\ncondition = 'data'\n\
    [[theory]]\nkind = 'dmft'\nlabel = 'rich'\n\
    [[theory]]\nkind = 'saxe'\nlabel = 'flow'\n\
    [[theory]]\nkind = 'nngp'\nlabel = 'posterior'\n";

fn spec(text: &str) -> Spec {
    Spec::parse("league", "league.toml", text, &Options::default()).unwrap()
}

/// Cell, theory, and two numbers.
type Compared = (usize, String, [f64; 2]);

/// Leagues, and of every compared row the cell, the theory, the deviation and the numerical bound.
fn standings(text: &str) -> (Vec<Standing>, Vec<Compared>) {
    let spec = spec(text);
    let outcome = execute(&spec, &Settings::default()).unwrap();
    let assessment = assess(&spec, &outcome).unwrap();
    let deviations = assessment.rows.iter().filter_map(|row| match &row.result {
        RowResult::Compared { comparison, .. } => {
            let numbers = [comparison.deviation, comparison.bound];
            Some((row.cell, row.label.clone(), numbers))
        }
        _ => None,
    });
    let deviations = deviations.collect();
    (assessment.leagues, deviations)
}

/// The ranking is that of the rows of the league table, every theory stands once, and who declines is named with the reason.
#[test]
fn theories_are_ranked_by_their_deviation() {
    let league = "[[league]]\nobservable = 'predictor-mean'\nover = ['learner.richness']\nboundaries = ['lazy']\npairs = [['lazy', 'rich']]\n";
    let (found, deviations) = standings(&format!("{RICHNESS}{league}"));
    assert_eq!(found.len(), 1);
    let standing = &found[0];
    assert_eq!(standing.contests.len(), 4);
    for contest in &standing.contests {
        assert_eq!(contest.ranked.len(), 3);
        for ranked in &contest.ranked {
            let row = deviations
                .iter()
                .find(|(cell, label, _)| *cell == contest.cell && *label == ranked.label);
            // The row takes the numerical bound off.
            let [deviation, bound] = row.unwrap().2;
            let without = (ranked.deviation - bound).max(0.0);
            assert!((without - deviation).abs() < 1e-12, "{}", ranked.label);
        }
        let squares: Vec<f64> = contest.ranked.iter().map(|r| r.deviation).collect();
        assert!(squares.windows(2).all(|w| w[0] <= w[1]));
        assert!(contest.ranked[0].behind.is_none());
        assert!(
            contest.ranked[1..]
                .iter()
                .all(|r| r.behind.unwrap().difference <= 0.0)
        );
        let [(label, why)] = &contest.others[..] else {
            panic!("{:?}", contest.others);
        };
        assert!(label == "posterior" && why.contains("declined"), "{why}");
    }
    // The exact flow holds at every richness, the lazy kernel only while features stand still.
    let verdict = |contest: &Contest, label: &str| {
        let mut ranked = contest.ranked.iter();
        ranked.find(|r| r.label == label).unwrap().verdict
    };
    let off = |contest: &Contest, label: &str| {
        let mut ranked = contest.ranked.iter();
        ranked.find(|r| r.label == label).unwrap().deviation
    };
    assert!(off(&standing.contests[0], "lazy") < 0.05);
    assert!(off(&standing.contests[3], "lazy") > 0.15);
    let flow = |c: &Contest| verdict(c, "flow") == Verdict::Agree;
    assert!(standing.contests.iter().all(flow));
    assert_eq!(verdict(&standing.contests[3], "lazy"), Verdict::Disagree);
    let [boundary] = &standing.boundaries[..] else {
        panic!("{:?}", standing.boundaries);
    };
    let at = boundary.located;
    let [lower, upper] = at.interval.unwrap();
    assert!(boundary.between[0] <= at.at && at.at <= boundary.between[1]);
    assert!(lower < at.at && at.at < upper);
    let pair = &standing.pairs[0];
    assert!(pair.told.contains(&2.0), "{pair:?}");
    assert_eq!(pair.told.len() + pair.not_told.len(), 4);
}

/// The same theory entered twice is nowhere told from itself, and no change is located.
#[test]
fn a_theory_is_not_told_from_itself() {
    let twin = "[[theory]]\nkind = 'dmft'\nlabel = 'twin'\n\
                [[league]]\nobservable = 'predictor-mean'\nover = ['learner.richness']\ntheories = ['rich', 'twin']\n\
                pairs = [['rich', 'twin']]\n";
    let (found, _) = standings(&format!("{RICHNESS}{twin}"));
    let standing = &found[0];
    for contest in &standing.contests {
        assert_eq!(contest.leaders().count(), 2);
        let behind = contest.ranked[1].behind.unwrap();
        assert!(behind.difference == 0.0 && !behind.told_apart);
    }
    assert!(standing.changes.is_empty() && standing.pairs[0].told.is_empty());
}

/// Without axes every cell is a ladder of its own; keys that change together name a group once.
#[test]
fn groups_are_named_by_the_keys_that_make_them() {
    let ladder = "[[league]]\nobservable = 'predictor-mean'\n";
    let (found, _) = standings(&format!("{RICHNESS}{ladder}"));
    assert_eq!(found.len(), 4);
    assert!(
        found
            .iter()
            .all(|s| s.contests.len() == 1 && s.set.len() == 1)
    );
    let zipped = RICHNESS.replace(
        "'learner.richness' = [0.25, 0.5, 1.0, 2.0]",
        "'learner.richness' = [0.5, 1.0]\nzip = [{ 'training.steps' = [30, 60], 'measure.replicas' = [10, 8] }]",
    );
    let league = "[[league]]\nobservable = 'predictor-mean'\nover = ['learner.richness']\n";
    let (found, _) = standings(&format!("{zipped}{league}"));
    assert_eq!(found.len(), 2);
    for standing in &found {
        let keys: Vec<&str> = standing.set.iter().map(|(k, _)| k.as_str()).collect();
        assert_eq!(keys, ["training.steps"]);
        assert_eq!(standing.contests.len(), 2);
    }
}

#[test]
fn wrong_leagues_name_their_key() {
    for (league, says) in [
        ("observable = 'predictor'", "league[0].observable"),
        (
            "observable = 'predictor-mean'\nover = ['learner.width']",
            "league[0].over[0]",
        ),
        (
            "observable = 'predictor-mean'\nover = ['learner.richness', 'learner.richness']",
            "named twice",
        ),
        (
            "observable = 'predictor-mean'\ntheories = ['lazy']",
            "1 of the theories",
        ),
        (
            "observable = 'predictor-mean'\ntheories = ['lazi', 'rich']",
            "league[0].theories[0]",
        ),
        (
            "observable = 'predictor-mean'\nboundaries = ['lazy']",
            "no key along which",
        ),
        (
            "observable = 'predictor-mean'\npairs = [['lazy', 'rich']]",
            "no key along which",
        ),
        (
            "observable = 'predictor-mean'\nover = ['learner.richness']\ntheories = ['rich', 'flow']\nboundaries = ['lazy']",
            "league[0].boundaries[0]",
        ),
        (
            "observable = 'predictor-mean'\nover = ['learner.richness']\npairs = [['rich', 'rich']]",
            "a theory beside itself",
        ),
        (
            "observable = 'predictor-mean'\nover = ['learner.richness']\nalong = 'task.samples'",
            "league[0].along",
        ),
    ] {
        let text = format!("{RICHNESS}[[league]]\n{league}\n");
        let error = Spec::parse("league", "league.toml", &text, &Options::default());
        let error = error.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(says), "{league}: {error}");
    }
    let beside = format!(
        "{RICHNESS}[[league]]\nobservable = 'predictor-mean'\n[compare]\nreference = 'rich'\n"
    );
    let error = Spec::parse("league", "league.toml", &beside, &Options::default());
    let error = error.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("compare.reference"), "{error}");
}

/// The nearest theories of every cell, the limit with its interval and the figure stand in what a run writes.
#[test]
fn a_run_writes_its_league() {
    let league = "[[league]]\nobservable = 'predictor-mean'\nover = ['learner.richness']\nboundaries = ['lazy']\n";
    let spec = spec(&format!("{RICHNESS}{league}"));
    let outcome = execute(&spec, &Settings::default()).unwrap();
    let assessment = assess(&spec, &outcome).unwrap();
    let document =
        saddlepoint::run::document::document("run", &spec, &outcome, &assessment).unwrap();
    let written = &document["leagues"][0];
    assert_eq!(written["cells"].as_array().unwrap().len(), 4);
    assert_eq!(written["cells"][3]["others"][0]["theory"], "posterior");
    let at = &written["boundaries"][0]["located"];
    assert!(at["interval"][0].as_f64() < at["at"].as_f64());
    let drawn = saddlepoint::report::figures::figures(&spec, &outcome, &assessment).unwrap();
    let figure = drawn.iter().find(|d| d.name == "league").unwrap();
    let csv = saddlepoint::plot::figure_csv(&figure.figure);
    // Every cell has its nearest theory, and the limit its interval.
    assert_eq!(csv.matches("nearest, deviation").count(), 4);
    assert!(csv.contains("limit of agreement"));
    let words = saddlepoint::report::standing::all_statements(&assessment).join("\n");
    assert!(
        words.contains("lazy passes its tolerance at richness"),
        "{words}"
    );
}
