//! Renormalisation in real space: percolation on cells of b x b sites, which become one site of a coarser lattice.
//!
//! A cell counts as occupied where its occupied sites connect top and bottom. Its probability R(p) is a polynomial in
//! the occupation p of a site; the fixed point p* = R(p*) estimates the threshold, and nu = ln b/ln R'(p*) the
//! exponent of the correlation length. Exact on the square lattice: p_c = 0.592746, nu = 4/3.
//!
//!     cargo run --release --example real_space_rg

#[path = "teach/mod.rs"]
mod teach;

use saddlepoint::numerics::root::brent;

/// Numbers of configurations of `side * side` sites that connect top and bottom, by the number of occupied sites.
fn spanning(side: usize) -> Vec<f64> {
    let sites = side * side;
    let row = (1u32 << side) - 1;
    // Masks that keep a shift along a row from running over its ends.
    let column = |c: usize| (0..side).fold(0u32, |m, r| m | 1 << (r * side + c));
    let (not_first, not_last) = (!column(0), !column(side - 1));
    let mut counts = vec![0.0; sites + 1];
    for occupied in 0..1u32 << sites {
        let mut reached = occupied & row;
        loop {
            let sideways = (reached << 1 & not_first) | (reached >> 1 & not_last);
            let next = occupied & (reached | sideways | reached << side | reached >> side);
            if next == reached {
                break;
            }
            reached = next;
        }
        if reached >> (sites - side) != 0 {
            counts[occupied.count_ones() as usize] += 1.0;
        }
    }
    counts
}

/// R(p) and R'(p).
fn recursion(counts: &[f64], p: f64) -> (f64, f64) {
    let sites = (counts.len() - 1) as i32;
    let (mut value, mut slope) = (0.0, 0.0);
    for (k, count) in counts.iter().enumerate().skip(1) {
        let (k, q) = (k as i32, 1.0 - p);
        let weight = count * p.powi(k - 1) * q.powi(sites - k);
        value += weight * p;
        slope += weight * f64::from(k);
        if k < sites {
            slope -= count * p.powi(k) * f64::from(sites - k) * q.powi(sites - k - 1);
        }
    }
    (value, slope)
}

fn main() -> saddlepoint::Result<()> {
    println!("site percolation on the square lattice, cells of b x b sites");
    println!("  b    p*        R'(p*)    nu = ln b/ln R'");
    let mut first = f64::NAN;
    for side in 2..=teach::pick(4, 5) {
        let counts = spanning(side);
        let fixed = brent(|p| recursion(&counts, p).0 - p, 0.3, 0.9, 1e-15)?.x;
        let slope = recursion(&counts, fixed).1;
        let nu = (side as f64).ln() / slope.ln();
        println!("  {side}    {fixed:.6}  {slope:.6}  {nu:.6}");
        if side == 2 {
            first = fixed;
        }
    }
    println!("  exact 0.592746            1.333333");
    println!(
        "Larger cells come nearer slowly: a cell has one length, the lattice near p_c has all of them."
    );
    // R = 2 p^2 - p^4 on the 2 x 2 cell: p* = (sqrt 5 - 1)/2.
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    teach::check("p* of the 2 x 2 cell", first, golden, 1e-14, "rounding")
}
