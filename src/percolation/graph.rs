//! Undirected graphs in compressed rows, from an edge list or a text file.

use crate::error::{Error, Result};

/// Most vertices or edges of a graph: labels are 31-bit.
const MAX_COUNT: usize = i32::MAX as usize;

/// Vertices that a text may leave without edges, whatever its length.
const SPARSEST: usize = 1000;

/// For every vertex its `(neighbour, edge)` pairs, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Adjacency {
    /// Row of vertex `v`: `entries[offsets[v]..offsets[v + 1]]`.
    pub offsets: Vec<u32>,
    /// `(neighbour, edge)`.
    pub entries: Vec<(u32, u32)>,
}

impl Adjacency {
    /// Rows of `vertices` vertices, entries in the order of the edges; parallel edges are kept.
    pub fn new(vertices: usize, edges: &[(u32, u32)]) -> Self {
        let mut offsets = vec![0u32; vertices + 1];
        for &(i, j) in edges {
            offsets[i as usize + 1] += 1;
            offsets[j as usize + 1] += 1;
        }
        for v in 0..vertices {
            offsets[v + 1] += offsets[v];
        }
        let mut next = offsets.clone();
        let mut entries = vec![(0, 0); 2 * edges.len()];
        for (edge, &(i, j)) in edges.iter().enumerate() {
            for (from, to) in [(i, j), (j, i)] {
                let slot = &mut next[from as usize];
                entries[*slot as usize] = (to, edge as u32);
                *slot += 1;
            }
        }
        Adjacency { offsets, entries }
    }

    /// The row of `vertex`.
    pub fn row(&self, vertex: u32) -> &[(u32, u32)] {
        let v = vertex as usize;
        &self.entries[self.offsets[v] as usize..self.offsets[v + 1] as usize]
    }
}

/// A simple undirected graph; vertices and edges are numbered from 0, edges in the order given.
///
/// 24 bytes per edge and 4 per vertex.
///
/// ```
/// use saddlepoint::percolation::graph::Graph;
/// let path = Graph::parse("# a path\n0 1\n1 2\n", None).unwrap();
/// assert_eq!((path.vertices(), path.edges()), (3, &[(0, 1), (1, 2)][..]));
/// assert_eq!(path.neighbours(1), &[(0, 0), (2, 1)]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    edges: Vec<(u32, u32)>,
    adjacency: Adjacency,
}

impl Graph {
    /// The graph with these edges.
    ///
    /// # Errors
    /// Input error naming the first edge that is a self-loop, repeats an earlier one or leaves `0..vertices`; or for more than
    /// 2^31 - 1 vertices or edges.
    pub fn new(vertices: usize, edges: Vec<(u32, u32)>) -> Result<Self> {
        Self::checked(vertices, edges, |edge| format!("edge {edge}"))
    }

    /// A graph from text: one edge per line, two vertex numbers separated by blanks, tabs, a comma or a semicolon; `#` starts a comment.
    /// A first line of two words is a header, and left out.
    ///
    /// Without `vertices` there are as many as the largest number needs. At most 1000 + 100 times the edges: a stray large number would
    /// otherwise take memory for billions of vertices without edges.
    ///
    /// # Errors
    /// Input error naming the line, as for [`Graph::new`] (vertices numbered from 0 in the message), for anything that is
    /// not two vertex numbers, or for too many vertices.
    pub fn parse(text: &str, vertices: Option<usize>) -> Result<Self> {
        Self::parse_from(text, vertices, 0)
    }

    /// As [`Graph::parse`], of a text that numbers the vertices from `first` on; in the graph they are numbered from 0.
    pub fn parse_from(text: &str, vertices: Option<usize>, first: u32) -> Result<Self> {
        let mut edges = Vec::new();
        let mut lines = Vec::new();
        let mut has_header = false;
        for (k, line) in text.lines().enumerate() {
            let content = line.split('#').next().unwrap_or("");
            let fields: Vec<&str> = content
                .split([' ', '\t', ',', ';'])
                .map(str::trim)
                .filter(|f| !f.is_empty())
                .collect();
            if fields.is_empty() {
                continue;
            }
            let is_word = |f: &&str| f.starts_with(|c: char| c.is_alphabetic() || c == '"');
            if edges.is_empty() && !has_header && fields.len() == 2 && fields.iter().all(is_word) {
                has_header = true;
                continue;
            }
            let numbers: Vec<u32> = fields.iter().map_while(|f| f.parse().ok()).collect();
            let (&[i, j], 2) = (&numbers[..], fields.len()) else {
                return Err(Error::input(
                    format!("line {}", k + 1),
                    format!("\"{}\" is not a pair of vertex numbers", content.trim()),
                    "write two whole numbers per line, separated by blanks, a comma or a semicolon, from 0 to 2147483646 (no weights)",
                ));
            };
            let (Some(i), Some(j)) = (i.checked_sub(first), j.checked_sub(first)) else {
                return Err(Error::input(
                    format!("line {}", k + 1),
                    format!("vertex {} comes before the first one, {first}", i.min(j)),
                    format!("number the vertices from {first} on, or change the first number"),
                ));
            };
            edges.push((i, j));
            lines.push(k + 1);
        }
        let largest = edges
            .iter()
            .map(|&(i, j)| i.max(j))
            .enumerate()
            .max_by_key(|(_, v)| *v);
        let needed = largest.map_or(0, |(_, v)| v as usize + 1);
        let most = SPARSEST + 100 * edges.len();
        let (place, count) = match (vertices, largest) {
            (None, Some((edge, _))) => (format!("line {}", lines[edge]), needed),
            (given, _) => ("vertices".into(), given.unwrap_or(0)),
        };
        if count > most {
            return Err(Error::input(
                place,
                format!("{count} vertices for {} edges", edges.len()),
                format!("number vertices from 0 without gaps: at most {most} of them"),
            ));
        }
        let vertices = vertices.unwrap_or(needed);
        Self::checked(vertices, edges, |edge| format!("line {}", lines[edge]))
    }

    fn checked(
        vertices: usize,
        edges: Vec<(u32, u32)>,
        place: impl Fn(usize) -> String,
    ) -> Result<Self> {
        if vertices > MAX_COUNT || edges.len() > MAX_COUNT {
            return Err(Error::input(
                "graph",
                format!("{vertices} vertices and {} edges", edges.len()),
                "labels are 31-bit: use at most 2147483647 of each",
            ));
        }
        for (edge, &(i, j)) in edges.iter().enumerate() {
            if i == j {
                return Err(Error::input(
                    place(edge),
                    format!("vertex {i} is joined to itself"),
                    "remove the self-loop",
                ));
            }
            if i.max(j) as usize >= vertices {
                return Err(Error::input(
                    place(edge),
                    format!("vertex {} of a graph with {vertices} vertices", i.max(j)),
                    "number vertices from 0, or raise their count",
                ));
            }
        }
        let adjacency = Adjacency::new(vertices, &edges);
        if let Some((first, again)) = repeated(&adjacency, vertices) {
            let (i, j) = edges[again];
            return Err(Error::input(
                place(again),
                format!("{i} and {j} are already joined by {}", place(first)),
                "remove one of the two edges",
            ));
        }
        Ok(Graph { edges, adjacency })
    }

    /// Number of vertices.
    pub fn vertices(&self) -> usize {
        self.adjacency.offsets.len() - 1
    }

    /// End points of every edge.
    pub fn edges(&self) -> &[(u32, u32)] {
        &self.edges
    }

    /// `(neighbour, edge)` for every edge at `vertex`.
    pub fn neighbours(&self, vertex: u32) -> &[(u32, u32)] {
        self.adjacency.row(vertex)
    }
}

/// The earliest edge that repeats another one, as (that one, repeated).
fn repeated(adjacency: &Adjacency, vertices: usize) -> Option<(usize, usize)> {
    let mut seen = vec![(u32::MAX, 0u32); vertices];
    let mut found: Option<(usize, usize)> = None;
    for v in 0..vertices as u32 {
        for &(w, edge) in adjacency.row(v) {
            let (from, first) = seen[w as usize];
            if from != v {
                seen[w as usize] = (v, edge);
            } else if found.is_none_or(|(_, again)| (edge as usize) < again) {
                found = Some((first as usize, edge as usize));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_read_as_they_are_written() {
        let plain = Graph::parse("0 1\n1 2", None).unwrap();
        for text in [
            "source,target\n0,1\n1,2",
            "# a path\n\"a\";\"b\"\n0;1\n1;2 # end",
            "0\t1\n\n 1  2",
        ] {
            assert_eq!(Graph::parse(text, None).unwrap(), plain, "{text}");
        }
        assert!(Graph::parse("0 1\na b", None).is_err());
        assert!(Graph::parse("a b\nc d\n0 1", None).is_err());
    }

    #[test]
    fn rows_hold_every_edge_twice() {
        let edges = vec![(0, 1), (2, 1), (2, 0), (3, 2)];
        let graph = Graph::new(5, edges.clone()).unwrap();
        for (k, &(i, j)) in edges.iter().enumerate() {
            for (a, b) in [(i, j), (j, i)] {
                assert!(graph.neighbours(a).contains(&(b, k as u32)));
            }
        }
        let total: usize = (0..5).map(|v| graph.neighbours(v).len()).sum();
        assert_eq!((total, graph.neighbours(4).len()), (8, 0));
    }

    #[test]
    fn text_is_read_with_comments_and_commas() {
        let graph = Graph::parse("# ring\n0 1\n\n1\t2 # middle\n2, 0\n", Some(4)).unwrap();
        assert_eq!(
            (graph.vertices(), graph.edges()),
            (4, &[(0, 1), (1, 2), (2, 0)][..])
        );
        assert_eq!(Graph::parse("", None).unwrap().vertices(), 0);
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, vertices, line, cause) in [
            ("0 1\n2 2\n", None, "line 2", "itself"),
            (
                "0 1\n1 2\n#\n1 0\n",
                None,
                "line 4",
                "already joined by line 1",
            ),
            ("0 1\n1 5\n", Some(5), "line 2", "vertex 5"),
            ("0 1\n1 -2\n", None, "line 2", "1 -2"),
            ("0 1 2\n", None, "line 1", "pair"),
            ("0 1.5\n", None, "line 1", "pair"),
            ("7\n", None, "line 1", "pair"),
            (
                "0 1\n4000000000 2\n2 3",
                None,
                "line 2",
                "4000000001 vertices for 3",
            ),
            ("0 1\n", Some(1101), "vertices", "1101 vertices for 1"),
        ] {
            let error = Graph::parse(text, vertices).unwrap_err().to_string();
            assert!(error.starts_with(line) && error.contains(cause), "{error}");
        }
        let error = Graph::new(3, vec![(0, 1), (1, 0)]).unwrap_err();
        assert!(error.to_string().starts_with("edge 1"));
        assert!(Graph::new(1 << 31, vec![]).is_err());
    }
}
