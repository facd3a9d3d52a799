//! Tests of the whole: one program, one module per subject. `memory` stands apart, for it counts what its process allocates.

mod calibration;
mod cli;
mod common;
mod dmft;
mod errors;
mod examples;
mod figures;
mod fit;
mod front;
mod gallery;
mod golden;
mod gradients;
mod house;
mod league;
mod models;
mod own_curves;
mod percolation;
mod phenomena;
mod physics;
mod readme;
mod real_data;
mod reliable;
mod rg;
mod views;
