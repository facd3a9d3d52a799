//! A critical configuration with its clusters in colour, and the one crossing probability that is exact for every size.
//!
//! Bonds are open with probability 1/2 on (L+1) x L sites of the open square lattice. The lattice is its own dual:
//! either a cluster of open bonds crosses it, or a path of closed dual bonds cuts it across, and the two are equally
//! likely. The picture is written to the file named on the command line.
//!
//!     cargo run --release --example cluster_picture -- clusters.png

#[path = "teach/mod.rs"]
mod teach;

use saddlepoint::Result;
use saddlepoint::numerics::random::stream;
use saddlepoint::percolation::{Boundary, Element, Event, Need, Setting, Tally};
use saddlepoint::plot::{AxisSpec, ColorMap, Figure, Panel, Series, Tag, render_png};

fn main() -> Result<()> {
    let path = std::env::args().skip(1).find(|a| a != "--quick");
    let (size, sweeps) = teach::pick((16, 4000), (64, 20_000));
    let setting = Setting {
        lattice: "hypercubic".into(),
        dimension: 2,
        sides: vec![size + 1, size],
        element: Element::Bond,
        boundary: Boundary::Open,
        graph: None,
        sweeps,
    };
    if let Some(path) = path {
        let sizes = setting.configuration(0.5, &mut stream(1, "picture", &[]))?;
        let map = Series::HeatMap {
            values: sizes.iter().map(|&s| f64::from(s).log10()).collect(),
            columns: size + 1,
            row_labels: vec![],
            column_labels: vec![],
            bar_label: "log₁₀ cluster size s".into(),
            map: ColorMap::Sequential,
            range: None,
            tag: Tag::default(),
        };
        let (x, y) = (AxisSpec::linear("site", ""), AxisSpec::linear("row", ""));
        let panel = Panel::new("bonds on the square lattice, p = 1/2", x, y).with(map);
        let png = render_png(&Figure::new(400.0, 350.0).with(panel), 2.0)?;
        match std::fs::write(&path, png) {
            Ok(()) => println!("written: {path}"),
            Err(e) => println!("{path} was not written: {e}"),
        }
    }
    let need = Need {
        onset: true,
        ..Need::default()
    };
    let tally = Tally::of(&setting, &need, &mut stream(1, "crossing", &[]))?;
    let value = tally.probability(Event::X, 0.5)?;
    // A sweep gives the binomial probability of being past its onset: less scatter than a coin, which this bounds.
    let coin = (0.25 / sweeps as f64).sqrt();
    let what = format!("{} x {size} sites are crossed", size + 1);
    teach::agree(&what, (value, coin), 0.5)
}
