//! Percolation on a lattice: sites or bonds occupied at random.

use super::Task;
use super::loader::Contents;
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::numerics::text::decode;
use crate::percolation::graph::Graph;
use crate::percolation::{Boundary, Crystal, Element, Setting, Simulation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Construction, keys and conventions of the task.
pub const ABOUT: About = About {
    kind: "percolation-lattice",
    summary: "sites or bonds of a lattice occupied in random order (a simulation without a learner)",
    text: "\
One sweep occupies the M elements (sites or bonds) of a lattice one by one in random order; clusters are followed by union-find
(Newman and Ziff), so that one sweep shows the lattice at every number n of occupied elements, and by averages over the binomial
law of n at every occupation probability p. A draw (measure.datasets) is the mean over task.sweeps independent sweeps: the more
sweeps, the less is stored per sweep; at least 5 draws are needed for p-values, 20 or more are better.

Sites: clusters of occupied sites. Bonds: clusters of all sites, joined by occupied bonds.

Keys
  lattice     hypercubic (default), triangular, honeycomb, kagome, bcc, fcc, diamond, or \"edges\": any graph
  file        edges: a text file, plain or gzip, with one edge per line, two vertex numbers; # starts a comment. It enters
              every hash by its content. A graph has no size, no boundary and no wrapping
  first       edges: number of the first vertex, 0 or 1 (default 0). Where no edge touches vertex 0, first or vertices must be given:
              a file that counts from 1 would otherwise have a vertex 0 without edges
  vertices    edges: how many there are (default: as many as the largest number needs); the others have no edges. `check` and the
              report say how many these are
  dimension   of the hypercubic lattice, 1 to 13 (default 2); the others have their own
  size        cells L along every direction: at least 3 on a torus (2 would make double bonds), 2 on an open lattice
  sides       [L1, L2, ...] in place of size, for unequal sides
  element     \"site\" (default) or \"bond\"
  boundary    \"torus\" (default: clusters wrap around) or \"open\" (clusters span from face to face)
  sweeps      independent sweeps per draw (default 1), or { elements = n }: as many as occupy about n elements, so that all sizes
              of a sweep over task.size take the same time

The crystals other than hypercubic are made of primitive cells: a two-dimensional torus of L x L cells is a rhombus of 60 degrees, a
three-dimensional one a rhombohedron, and wrapping along a direction is along a primitive vector.
source: Newman & Ziff 2000, cond-mat/0005264, and 2001, cond-mat/0101295",
    revision: 1,
};

/// Registry line of `kind = "percolation-lattice"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let keys: Keys = parse_table(place, table)?;
        Ok(Arc::new(keys.task(place)?))
    },
    schema: Keys::json_schema,
};

/// Keys of `[task]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Name of the lattice.
    #[serde(default = "hypercubic")]
    lattice: String,
    /// Dimension of space.
    #[serde(default)]
    dimension: Option<usize>,
    /// Cells along every direction.
    #[serde(default)]
    size: Option<usize>,
    /// Cells along each direction.
    #[serde(default)]
    sides: Option<Vec<usize>>,
    /// Sites or bonds.
    #[serde(default = "site")]
    element: Element,
    /// Torus or open.
    #[serde(default)]
    boundary: Option<Boundary>,
    /// The edges of a graph.
    #[serde(default)]
    file: Option<PathBuf>,
    /// Vertices of a graph.
    #[serde(default)]
    vertices: Option<usize>,
    /// Number of the first vertex in the file of a graph.
    #[serde(default)]
    first: Option<u32>,
    /// Independent sweeps of a draw.
    #[serde(default)]
    sweeps: Sweeps,
}

/// Number of sweeps of a draw.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a positive integer, or { elements = n }"
)]
enum Sweeps {
    /// This many.
    Count(usize),
    /// As many as occupy about this many elements.
    Effort(Effort),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Effort {
    /// Elements occupied by all sweeps of a draw together.
    elements: f64,
}

impl Default for Sweeps {
    fn default() -> Self {
        Sweeps::Count(1)
    }
}

/// Sweeps of one draw are at most this many.
const MOST_SWEEPS: f64 = 1e9;

fn hypercubic() -> String {
    "hypercubic".into()
}

fn site() -> Element {
    Element::Site
}

/// The `lattice` that is read from a file.
const EDGES: &str = "edges";

/// Graphs by the content of their files.
static GRAPHS: Shared<Graph> = Shared::new();

/// Content and graph of a file of edges.
fn read(place: &str, keys: &Keys, file: &Path) -> Result<(String, Arc<Graph>)> {
    let wrong = |e: Error| match e {
        Error::Input {
            place: at,
            cause,
            remedy,
        } => Error::input(format!("{place}.file"), format!("{at}: {cause}"), remedy),
        e => e,
    };
    let first = keys.first.unwrap_or(0);
    if first > 1 {
        return Err(Error::input(
            format!("{place}.first"),
            format!("vertices numbered from {first} on"),
            "give 0 or 1",
        ));
    }
    let contents = Contents::read(file).map_err(wrong)?;
    let content = contents.hash();
    let vertices = keys.vertices;
    let graph = GRAPHS.get(format!("{content} {vertices:?} {first}"), || {
        let Contents { file, bytes } = contents;
        let text = decode(&file, &bytes)?;
        let graph = Graph::parse_from(&text, vertices, first).map_err(|e| match e {
            Error::Input {
                place,
                cause,
                remedy,
            } => Error::input(format!("{file}, {place}"), cause, remedy),
            e => e,
        })?;
        match graph.edges().is_empty() {
            true => Err(Error::input(file, "no edges", "write one edge per line")),
            false => Ok(graph),
        }
    });
    let graph = graph.map_err(wrong)?;
    if keys.first.is_none() && vertices.is_none() && graph.neighbours(0).is_empty() {
        return Err(Error::input(
            format!("{place}.first"),
            format!(
                "no edge of {} touches vertex 0: its vertices may be numbered from 1",
                file.display()
            ),
            format!(
                "write first = 1; or, for a vertex 0 without edges, first = 0 or vertices = {}",
                graph.vertices()
            ),
        ));
    }
    Ok((content, graph))
}

impl Keys {
    /// A key that belongs to the other kind of lattice, and what to do.
    fn misplaced(&self) -> Option<(&'static str, &'static str)> {
        let graphs = [
            ("file", self.file.is_some()),
            ("vertices", self.vertices.is_some()),
            ("first", self.first.is_some()),
        ];
        let lattices = [
            ("size", self.size.is_some()),
            ("sides", self.sides.is_some()),
            ("dimension", self.dimension.is_some()),
            ("boundary", self.boundary.is_some()),
        ];
        let (wrong, remedy) = match self.lattice == EDGES {
            true => (&lattices[..], "remove it: a graph is what its edges are"),
            false => (&graphs[..], "remove it, or write lattice = \"edges\""),
        };
        let found = wrong.iter().find(|(_, given)| *given);
        found.map(|(key, _)| (*key, remedy))
    }

    fn task(self, place: &str) -> Result<PercolationLattice> {
        if let Some((key, remedy)) = self.misplaced() {
            return Err(Error::input(
                format!("{place}.{key}"),
                format!("lattice = \"{}\" has no such key", self.lattice),
                remedy,
            ));
        }
        let (content, graph) = match (self.lattice == EDGES, &self.file) {
            (false, _) => (None, None),
            (true, Some(file)) => read(place, &self, file).map(|(c, g)| (Some(c), Some(g)))?,
            (true, None) => {
                return Err(Error::input(
                    format!("{place}.file"),
                    "the edges of the graph are missing",
                    "write file = \"PATH\"",
                ));
            }
        };
        let dimension = match (&graph, self.dimension) {
            (Some(_), _) => 0,
            (None, given) => given.unwrap_or(Crystal::usual_dimension(&self.lattice)),
        };
        let sides = match (self.size, self.sides) {
            (Some(size), None) => vec![size; dimension],
            (None, Some(sides)) => sides,
            (None, None) if graph.is_some() => Vec::new(),
            _ => {
                return Err(Error::input(
                    format!("{place}.size"),
                    "one of size and sides is needed",
                    "write size = L, or sides = [L1, L2, ...]",
                ));
            }
        };
        let mut task = PercolationLattice {
            setting: Setting {
                lattice: self.lattice,
                dimension,
                sides,
                element: self.element,
                boundary: self.boundary.unwrap_or_default(),
                sweeps: 1,
                graph,
            },
            content,
            first: self.first.unwrap_or(0),
        };
        let [_, elements] = task.setting.counts().map_err(|e| e.within(place))?;
        let elements = elements as f64;
        let sweeps = match self.sweeps {
            Sweeps::Count(n) => n as f64,
            Sweeps::Effort(effort) if effort.elements > 0.0 => (effort.elements / elements).ceil(),
            Sweeps::Effort(_) => 0.0,
        };
        if !(1.0..=MOST_SWEEPS).contains(&sweeps) {
            return Err(Error::input(
                format!("{place}.sweeps"),
                format!("{sweeps} sweeps"),
                format!("use between 1 and {MOST_SWEEPS:e} of them"),
            ));
        }
        task.setting.sweeps = sweeps as usize;
        Ok(task)
    }
}

/// A lattice whose sites or bonds are occupied at random.
#[derive(Debug, Clone, PartialEq)]
pub struct PercolationLattice {
    /// Lattice, element, boundary and number of sweeps.
    pub setting: Setting,
    /// BLAKE3 of the file of edges, in hexadecimal.
    content: Option<String>,
    /// Number of the first vertex in that file.
    first: u32,
}

impl Task for PercolationLattice {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        let s = &self.setting;
        if let Some(content) = &self.content {
            let mut table = serde_json::json!({
                "lattice": s.lattice,
                "content": content,
                "vertices": s.graph.as_ref().map(|g| g.vertices()),
                "element": s.element,
                "sweeps": s.sweeps,
            });
            // Absent where it is 0, so that records from before the key stay valid.
            if self.first > 0 {
                table["first"] = self.first.into();
            }
            return table;
        }
        serde_json::json!({
            "lattice": s.lattice,
            "dimension": s.dimension,
            "sides": s.sides,
            "element": s.element,
            "boundary": s.boundary,
            "sweeps": s.sweeps,
        })
    }

    fn sources(&self) -> Vec<(&'static str, String)> {
        let Some(graph) = &self.setting.graph else {
            return Vec::new();
        };
        let vertices = graph.vertices();
        let alone = (0..vertices as u32).filter(|&v| graph.neighbours(v).is_empty());
        let text = format!(
            "{vertices} vertices ({} without edges), {} edges, numbered from {}",
            alone.count(),
            graph.edges().len(),
            self.first
        );
        vec![("graph", text)]
    }

    fn simulation(&self) -> Option<Simulation<'_>> {
        Some(Simulation::Sweeps(&self.setting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::component;
    use crate::numerics::random::stream;
    use crate::percolation::{Need, Tally};
    use crate::task::TASKS;

    fn parse(text: &str) -> Result<Arc<dyn Task>> {
        let table = format!("kind = \"percolation-lattice\"\n{text}");
        component("task", TASKS, table.parse().unwrap())
    }

    #[test]
    fn keys_have_the_defaults_that_are_documented() {
        let square = parse("size = 8").unwrap();
        let setting = square.percolation().unwrap();
        assert_eq!((setting.dimension, &setting.sides), (2, &vec![8, 8]));
        assert_eq!(
            (setting.element, setting.boundary),
            (Element::Site, Boundary::Torus)
        );
        let fcc = parse("lattice = \"fcc\"\nsize = 4\nelement = \"bond\"").unwrap();
        assert_eq!(fcc.percolation().unwrap().counts().unwrap(), [64, 384]);
        let effort = parse("size = 8\nsweeps = { elements = 1e4 }").unwrap();
        assert_eq!(effort.percolation().unwrap().sweeps, 157);
    }

    /// The same edges in every encoding of the text are one graph; what is no text names its byte.
    #[test]
    fn a_byte_order_mark_is_no_part_of_an_edge() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edges.txt");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            parse(&format!("lattice = \"edges\"\nfile = {path:?}"))
        };
        let text = "0 1\r\n1 2\r\n2 0\r\n";
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xfe\xff", &units[..]].concat(),
        ] {
            let graph = read(&bytes).unwrap();
            let setting = graph.percolation().unwrap();
            assert_eq!(setting.counts().unwrap(), [3, 3]);
        }
        let message = read(b"0 1\n1 \xe9").unwrap_err().to_string();
        assert!(
            message.contains("line 2, byte 6: 0xe9 is not UTF-8"),
            "{message}"
        );
    }

    /// A triangle with a tail, swept as a graph: the exact numbers of enumeration apply to it, and its content is its identity.
    #[test]
    fn a_graph_is_read_from_its_edges() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            format!("lattice = 'edges'\nfile = '{}'\n", path.display())
        };
        let kite = write("kite.txt", "0 1\n1 2\n2 0\n2 3 # tail\n");
        let task = parse(&format!("{kite}element = 'bond'")).unwrap();
        let setting = task.percolation().unwrap();
        assert_eq!(setting.counts().unwrap(), [4, 4]);
        let need = Need {
            sizes: true,
            ..Need::default()
        };
        let tally = Tally::of(setting, &need, &mut stream(1, "graph", &[])).unwrap();
        assert_eq!((tally.clusters[0], tally.clusters[2]), (4.0, 2.0));
        assert_eq!((tally.largest[4], tally.squares[4]), (4.0, 16.0));
        let copy = write("copy.txt", "0 1\n1 2\n2 0\n2 3 # tail\n");
        let copy = parse(&format!("{copy}element = 'bond'")).unwrap();
        assert_eq!(copy.resolved(), task.resolved());
        assert!(!task.resolved().to_string().contains("kite"));
        let isolated = parse(&format!("{kite}vertices = 6")).unwrap();
        assert_eq!(isolated.percolation().unwrap().counts().unwrap(), [6, 6]);
        // A triangle numbered from 1: three vertices, all of them in one cluster when all bonds are occupied.
        let shifted = write("shifted.txt", "1 2\n2 3\n3 1\n");
        let triangle = parse(&format!("{shifted}element = 'bond'\nfirst = 1")).unwrap();
        assert_eq!(triangle.percolation().unwrap().counts().unwrap(), [3, 3]);
        let tally = triangle.percolation().unwrap();
        let tally = Tally::of(tally, &need, &mut stream(1, "graph", &[])).unwrap();
        assert_eq!(tally.largest[3], 3.0);
        let said = |keys: &str| parse(&format!("{shifted}{keys}")).unwrap().sources();
        let with = |alone: usize, all: usize, first: usize| {
            let text =
                format!("{all} vertices ({alone} without edges), 3 edges, numbered from {first}");
            vec![("graph", text)]
        };
        assert_eq!(said("first = 1"), with(0, 3, 1));
        assert_eq!(said("first = 0"), with(1, 4, 0));
        assert_eq!(said("vertices = 4"), with(1, 4, 0));
        let resolved = |keys: &str| parse(&format!("{shifted}{keys}")).unwrap().resolved();
        assert_ne!(
            resolved("first = 1\nvertices = 4"),
            resolved("vertices = 4")
        );
        let error = parse(&shifted).unwrap_err().to_string();
        assert!(error.starts_with("task.first: no edge of "), "{error}");
        assert!(
            error.contains("first = 1") && error.contains("vertices = 4"),
            "{error}"
        );
        let loops = write("loop.txt", "0 1\n\n2 2\n");
        let empty = write("empty.txt", "# nothing\n");
        for (text, message) in [
            (loops, "loop.txt, line 3: vertex 2 is joined to itself"),
            (empty, "empty.txt: no edges"),
            (format!("{kite}size = 4"), "task.size"),
            (format!("{kite}boundary = 'open'"), "task.boundary"),
            (format!("{kite}vertices = 3"), "kite.txt, line 4: vertex 3"),
            ("size = 4\nvertices = 9".into(), "task.vertices"),
            ("size = 4\nfirst = 1".into(), "task.first"),
            (
                format!("{kite}first = 2"),
                "task.first: vertices numbered from 2",
            ),
            (
                format!("{kite}first = 1"),
                "kite.txt, line 1: vertex 0 comes before the first one, 1",
            ),
            ("lattice = 'edges'".into(), "task.file"),
            ("size = 4\nfile = 'kite.txt'".into(), "task.file"),
            (
                "lattice = 'edges'\nfile = 'no/such'".into(),
                "task.file: no/such",
            ),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn wrong_keys_name_their_place() {
        for (text, place) in [
            ("size = 2", "task.size"),
            ("", "task.size"),
            ("size = 8\nsides = [8, 8]", "task.size"),
            ("size = 8\nsweeps = 0", "task.sweeps"),
            ("size = 8\nsweeps = { elements = -1.0 }", "task.sweeps"),
            ("size = 8\nsweeps = { elements = 1e30 }", "task.sweeps"),
            ("size = 8\nlattice = \"square\"", "task.lattice"),
            ("size = 8\ndimension = 14", "task.dimension"),
            (
                "size = 8\nlattice = \"fcc\"\ndimension = 2",
                "task.dimension",
            ),
            ("sides = [8, 8, 8]", "task.sides"),
            ("size = 100000", "task.size"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(place), "{text}: {error}");
        }
    }
}
