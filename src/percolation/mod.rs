//! Percolation: lattices and graphs, cluster sweeps, closed forms, hierarchical clusters. Plain functions, usable without any spec.
//!
//! Conventions: `N` sites; `M` elements that get occupied (`M = N` for site percolation, the number of bonds for bond percolation);
//! `n` of them are occupied in the microcanonical ensemble, each with probability `p` in the canonical one. A cluster of site
//! percolation is a set of occupied sites; one of bond percolation is a set of *all* sites joined by occupied bonds (an isolated site is a
//! cluster of size 1). `n_s` is the number of clusters of size `s` per lattice site.

pub mod hierarchy;
