//! A percolation model ready to be swept: lattice or graph, element, and the fastest code for it.

use super::crystal::Crystal;
use super::element::Element;
use super::network::{Boundary, Network};
use super::onset::Onset;
use super::square::SquareSweeper;
use super::sweep::{Follow, Sweeper, Watch};
use crate::error::Result;
use crate::numerics::random::Stream;

/// What is swept.
#[derive(Debug)]
pub struct Model {
    element: Element,
    /// `None` where the sweep does without tables.
    network: Option<Network>,
    sides: Vec<usize>,
    sites: usize,
    elements: usize,
}

/// Sweeps of a model; the buffers are kept.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)]
pub enum AnySweeper<'a> {
    /// Any network.
    General(Sweeper<'a>),
    /// Sites of the square torus.
    Square(SquareSweeper),
}

impl Model {
    /// Sites or bonds of a crystal of `sides` cells.
    ///
    /// # Errors
    /// As for [`Network::lattice`].
    ///
    /// ```
    /// use saddlepoint::numerics::random::stream;
    /// use saddlepoint::percolation::{Boundary, Crystal, Element, Event, Follow, Model};
    /// let model = Model::lattice(&Crystal::named("hypercubic", 2)?, &[32, 32], Boundary::Torus, Element::Site)?;
    /// let mut sweeper = model.sweeper(Follow { onset: true, only_onset: true });
    /// let [n, _] = sweeper.run(&mut stream(1, "percolation", &[0]), &mut ())?.holds(Event::Any);
    /// assert!((0.45..0.75).contains(&(f64::from(n) / 1024.0)));
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn lattice(
        crystal: &Crystal,
        sides: &[usize],
        boundary: Boundary,
        element: Element,
    ) -> Result<Model> {
        Network::bytes(crystal, sides, boundary)?; // checks the sides
        if is_fast(crystal, sides, boundary, element) {
            let sites = sides.iter().product();
            return Ok(Model {
                element,
                network: None,
                sides: sides.to_vec(),
                sites,
                elements: sites,
            });
        }
        let network = Network::lattice(crystal, sides, boundary)?;
        Ok(Model {
            sides: sides.to_vec(),
            ..Model::network(network, element)
        })
    }

    /// Sites or bonds of any network.
    pub fn network(network: Network, element: Element) -> Model {
        Model {
            element,
            sides: vec![],
            sites: network.sites(),
            elements: match element {
                Element::Site => network.sites(),
                Element::Bond => network.bonds().len(),
            },
            network: Some(network),
        }
    }

    /// Bytes of the model, and of one sweeper.
    ///
    /// # Errors
    /// As for [`Network::lattice`].
    pub fn bytes(
        crystal: &Crystal,
        sides: &[usize],
        boundary: Boundary,
        element: Element,
        follow: Follow,
    ) -> Result<[u64; 2]> {
        let tables = Network::bytes(crystal, sides, boundary)?;
        let cells: u64 = sides.iter().map(|&s| s as u64).product();
        let sites = cells * crystal.basis as u64;
        let elements = match element {
            Element::Site => sites,
            Element::Bond => cells * crystal.bonds.len() as u64,
        };
        Ok(match is_fast(crystal, sides, boundary, element) {
            true => [0, SquareSweeper::bytes(sides[0], sides[1], follow)],
            false => {
                let torus = boundary == Boundary::Torus;
                [tables, Sweeper::bytes(sites, elements, torus, follow)]
            }
        })
    }

    /// Number `N` of sites.
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// Number `M` of elements.
    pub fn elements(&self) -> usize {
        self.elements
    }

    /// A sweeper with buffers of its own.
    pub fn sweeper(&self, follow: Follow) -> AnySweeper<'_> {
        match &self.network {
            Some(network) => AnySweeper::General(Sweeper::new(network, self.element, follow)),
            None => AnySweeper::Square(SquareSweeper::new(self.sides[0], self.sides[1], follow)),
        }
    }
}

impl AnySweeper<'_> {
    /// One sweep in the order drawn from `rng`; see [`Sweeper::run`].
    pub fn run(&mut self, rng: &mut Stream, watch: &mut impl Watch) -> Result<Onset> {
        match self {
            AnySweeper::General(sweeper) => sweeper.run(rng, watch),
            AnySweeper::Square(sweeper) => Ok(sweeper.run(rng, watch)),
        }
    }
}

fn is_fast(crystal: &Crystal, sides: &[usize], boundary: Boundary, element: Element) -> bool {
    crystal.is_square()
        && boundary == Boundary::Torus
        && element == Element::Site
        && SquareSweeper::fits(sides[0], sides[1])
}
