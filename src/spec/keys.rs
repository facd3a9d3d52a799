//! The top-level tables of a spec and their defaults.

use super::{Figure, League};
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Spacing};
use crate::instrument::Observable;
use crate::task::loader::{Decimal, Separator};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::Table;

/// The whole document. Component tables (`task`, `learner`, `training`, `[[theory]]`) are parsed by their registries.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Version of the spec language, 1.
    #[allow(dead_code)]
    pub version: u32,
    /// Title of the report and of its figures; default: the name of the file.
    #[serde(default)]
    pub title: Option<String>,
    /// Seed of every random number, 0 or larger; default: 0.
    #[serde(default)]
    pub seed: u64,
    /// `[task]`: what is learned, chosen by `kind`.
    pub task: Table,
    /// `[learner]`: what learns, chosen by `kind`; may be left out.
    #[serde(default)]
    pub learner: Option<Table>,
    /// `[training]`: how it learns, chosen by `kind`, or `[[training]]`: a list of named stages; may be left out.
    #[serde(default)]
    pub training: Option<TrainingTables>,
    /// `[measure]`: what is recorded, and on how many draws; may be left out, and theories answer what they are to tell.
    #[serde(default)]
    pub measure: Option<Measure>,
    /// `[[theory]]`: what predicts the observables, each chosen by `kind`, with `label`, `condition`,
    /// `tell`, `expect` and `assume`.
    #[serde(default)]
    pub theory: Vec<Table>,
    /// `[compare]`: how far a theory may be off and still agree.
    #[serde(default)]
    pub compare: Compare,
    /// `[[reduce]]`: swept keys removed by a fit across cells, each chosen by `kind`.
    #[serde(default)]
    pub reduce: Vec<Table>,
    /// `[[relate]]`: relations between two quantities, measured or of theories, each chosen by `kind`.
    #[serde(default)]
    pub relate: Vec<Table>,
    /// `[[fit]]`: parameters of a theory, estimated from what is measured.
    #[serde(default)]
    pub fit: Vec<Table>,
    /// `[[league]]`: which theory is nearest to the measurement, cell by cell of a sweep.
    #[serde(default)]
    pub league: Vec<League>,
    /// `[[figure]]`: the pictures; default: one per observable.
    #[serde(default)]
    pub figure: Vec<Figure>,
    /// `[sweep]`, taken out before; here to be named among the known keys.
    #[allow(dead_code)]
    #[serde(default)]
    pub sweep: Option<Table>,
    /// `[map]`, likewise.
    #[allow(dead_code)]
    #[serde(default)]
    pub map: Option<Table>,
    /// `[quick]`, likewise.
    #[allow(dead_code)]
    #[serde(default)]
    pub quick: Option<Table>,
}

impl Frame {
    /// `[measure]`; one draw and nothing recorded where there is none.
    pub fn measure(&self) -> Measure {
        self.measure.clone().unwrap_or(Measure {
            observables: vec![],
            from: None,
            datasets: None,
            replicas: Some(1),
            points: points(),
            spacing: Spacing::default(),
            times: Vec::new(),
            first: 0,
        })
    }
}

/// Keys that every `[[theory]]` has beside those of its kind.
#[allow(dead_code)]
#[derive(JsonSchema)]
pub struct EntryKeys {
    /// Which theory, see `saddlepoint list`.
    kind: String,
    /// Unique name of the entry; default: its kind. Two entries of one kind are usual.
    label: Option<String>,
    /// What the theory is given of each draw: `none`, `data` (each data set), `initial` (and the weights before training) or `trained` (and
    /// those after); each theory knows some of them, the first that its page names is the default.
    condition: Option<Conditioning>,
    /// Quantities that the theory tells beside what is measured: its own, on axes of its choice, or those of an instrument, on the grid
    /// that the instrument would have. They are drawn, tabulated and written, and compared with no measurement.
    tell: Option<Vec<String>>,
    /// The verdict that is expected: `agree` (every compared observable, in every cell) or `disagree` (at least one in every cell).
    expect: Option<Expect>,
    /// The experiment as this theory sees it: `{ "key.path" = value }` changes a key, `{ table = { ... } }` replaces a table. With other
    /// keys of the task it is given data sets of that task, of the same stream and number as the measured ones, with other keys of the
    /// learner initial parameters of that learner; trained networks are always those that are measured.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    assume: Option<Table>,
}

/// One training rule, or stages in sequence.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a table [training], or tables [[training]]"
)]
pub enum TrainingTables {
    /// `[training]`
    One(Table),
    /// `[[training]]`
    Stages(Vec<Table>),
}

impl TrainingTables {
    /// As the table of one component.
    pub fn table(self) -> Table {
        match self {
            TrainingTables::One(table) => table,
            TrainingTables::Stages(tables) => Table::from_iter([
                ("kind".to_string(), toml::Value::from("stages")),
                ("stages".to_string(), toml::Value::from(tables)),
            ]),
        }
    }
}

/// `[measure]`: what is recorded, and on how many draws.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// What is measured, see `saddlepoint list`.
    #[serde(default)]
    pub observables: Vec<Asked>,
    /// A csv file that holds the measured values of the one observable: nothing is trained or simulated. Or
    /// `{ file = "curves.csv", observable = "test-loss" }`, without `observables`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<FromFile>,
    /// Quenched data sets; default: 1, or the columns of draws of the file in `from`.
    pub datasets: Option<usize>,
    /// Initialisations per data set: 8, or 1 where nothing differs between them (a kernel or neighbours in closed form).
    pub replicas: Option<usize>,
    /// Recorded times, the start and the end included; 1: the end alone.
    #[serde(default = "points")]
    pub points: usize,
    /// Spacing of the recorded steps.
    #[serde(default)]
    pub spacing: Spacing,
    /// Recorded times beside the start and the end, increasing, in place of `points` and `spacing`; each is the time of a step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<f64>,
    /// Number of the first draw of the outermost level that is drawn more than once: data sets where there are several (or
    /// one replica alone, on a random task), else replicas. The draws of a pilot run are left out by it.
    #[serde(default)]
    pub first: usize,
}

/// `measure.from`: the file of what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a path or { file = \"curves.csv\", observable = \"NAME\" }"
)]
pub enum FromFile {
    /// The file; its observable is the one in `measure.observables`.
    Path(PathBuf),
    /// The file with its observable.
    Named(NamedFile),
}

/// `{ file = "curves.csv", observable = "test-loss" }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedFile {
    /// The csv file; a relative path starts at the current directory, then in the folder that SADDLEPOINT_DATA names.
    pub file: PathBuf,
    /// Which observable it holds.
    pub observable: String,
    /// What stands between two cells: ",", ";", "tab" or "blank"; default: found from the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<Separator>,
    /// The decimal sign: "." or ","; default: found from the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
}

/// An entry of `measure.observables`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected the name of an observable or a table with its kind and keys"
)]
pub enum Asked {
    /// Its name.
    Name(String),
    /// `{ kind = "name", key = value, ... }`, see `saddlepoint explain NAME` for the keys.
    Keyed(Keyed),
}

/// An observable with keys.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Keyed {
    /// Its name.
    pub kind: String,
    /// Its keys.
    #[serde(flatten)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub keys: Table,
}

impl Asked {
    /// Name of the observable.
    pub fn kind(&self) -> &str {
        match self {
            Asked::Name(kind) | Asked::Keyed(Keyed { kind, .. }) => kind,
        }
    }
    /// Its keys, empty without a table.
    pub fn keys(&self) -> Table {
        match self {
            Asked::Name(_) => Table::new(),
            Asked::Keyed(keyed) => keyed.keys.clone(),
        }
    }
}

fn points() -> usize {
    41
}

/// A tolerance: a number is relative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a number, { relative = x } or { absolute = x }"
)]
pub enum Tolerance {
    /// Largest L2 distance over all points relative to the L2 norm of the measurement; positive, `0.05` is 5 %.
    Relative(f64),
    /// With its metric stated.
    Named(NamedTolerance),
}

/// `{ relative = x }` or, for quantities near zero, `{ absolute = x }`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum NamedTolerance {
    /// Largest L2 distance over all points relative to the L2 norm of the measurement; positive.
    Relative(f64),
    /// Largest root mean square difference over points, in the observable's unit; positive.
    Absolute(f64),
}

impl Tolerance {
    /// # Errors
    /// `Input` for what is not positive, and for a relative tolerance above 1: within it every theory that has the sign of
    /// the measurement and is not twice as large would agree.
    pub fn check(self, place: &str) -> Result<()> {
        let (size, relative) = match self {
            Tolerance::Relative(x) | Tolerance::Named(NamedTolerance::Relative(x)) => (x, true),
            Tolerance::Named(NamedTolerance::Absolute(x)) => (x, false),
        };
        if !(size.is_finite() && size > 0.0) {
            return Err(Error::input(
                place,
                format!("{size} is not a positive number"),
                "use e.g. 0.05",
            ));
        }
        if relative && size > 1.0 {
            return Err(Error::input(
                place,
                format!("a relative tolerance of {size} is {} %", 100.0 * size),
                format!(
                    "write {} for {size} %, or {{ absolute = {size} }} in the unit of the observable",
                    size / 100.0
                ),
            ));
        }
        Ok(())
    }
}

impl From<Tolerance> for crate::compare::Tolerance {
    fn from(t: Tolerance) -> Self {
        match t {
            Tolerance::Relative(x) | Tolerance::Named(NamedTolerance::Relative(x)) => {
                crate::compare::Tolerance::Relative(x)
            }
            Tolerance::Named(NamedTolerance::Absolute(x)) => crate::compare::Tolerance::Absolute(x),
        }
    }
}

/// `[compare]`: how far a theory may be off and still agree, and with what it is compared.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// Tolerance of every observable that has none in `tolerances`; default: relative, 0.05, or what the page of the
    /// observable says (a threshold or an exponent: less). An observable that may vanish (see its page) has an absolute
    /// one, which holds where the relative one would ask for less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Tolerance>,
    /// Tolerances of single observables, which hold as they are stated. Needed as { absolute = x } where theory or
    /// measurement is 0 everywhere and the observable states no scale of its own.
    #[serde(default)]
    pub tolerances: BTreeMap<String, Tolerance>,
    /// Label of the theory with which all others are compared in place of the measurement: two theories that must
    /// agree, or a ladder of bounds; default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Compare {
    /// Label of the theory with which an entry is compared; `None`: with the measurement.
    pub fn against(&self, label: &str) -> Option<String> {
        self.reference.clone().filter(|r| r != label)
    }

    /// Tolerance of an observable: its own one here, the one for all, or its default.
    pub fn of(&self, observable: &Observable) -> crate::compare::Tolerance {
        let stated = self.tolerances.get(observable.name).copied();
        let default = crate::compare::Tolerance::Relative(observable.tolerance);
        stated.or(self.tolerance).map_or(default, Into::into)
    }
}

impl Compare {
    /// Absolute tolerance of an observable that may vanish, where nothing else is stated for it: see
    /// [`crate::compare::Tolerance::or_absolute`].
    pub fn vanishing(&self, observable: &Observable) -> Option<f64> {
        match self.tolerances.contains_key(observable.name) {
            true => None,
            false => observable.vanishing,
        }
    }
}

/// What a user expects of a theory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// Every compared observable agrees in every cell.
    Agree,
    /// At least one compared observable disagrees in every cell.
    Disagree,
}

impl Expect {
    /// The word for it, as in specs.
    pub fn name(self) -> &'static str {
        match self {
            Expect::Agree => "agree",
            Expect::Disagree => "disagree",
        }
    }
}
