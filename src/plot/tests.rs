//! The figures that specs draw, held to the laws of a drawing: well-formed, repeatable, small, inside the page.
//! With `SADDLEPOINT_GALLERY=folder` the pictures are also written there, to be looked at.

use super::*;
use std::f64::consts::PI;

/// Reproducible stand-in for measurement noise, in -1..1.
fn noise(i: usize) -> f64 {
    (12.9898 * (i as f64 + 1.0)).sin() * 43758.5453 % 1.0
}

fn grid(n: usize, last: f64) -> Vec<f64> {
    (0..n).map(|i| last * i as f64 / (n - 1) as f64).collect()
}

fn comparison() -> Figure {
    let strengths = [4.0, 2.5, 1.5, 0.8];
    let mode = |s: f64, t: f64| s / (1.0 + (s / 1e-4 - 1.0) * (-2.0 * s * t).exp());
    let fine = grid(400, 10.0);
    let coarse = grid(26, 10.0);
    let x = AxisSpec::linear("time t", "τ");
    let mut main = Panel::new("", x.clone(), AxisSpec::linear("mode strength uᵢ", "1"));
    let mut residual = Panel::residual(x);
    for (i, s) in strengths.into_iter().enumerate() {
        let label = format!("s{} = {s}", ["₁", "₂", "₃", "₄"][i]);
        let theory: Vec<f64> = fine.iter().map(|t| mode(s, *t)).collect();
        let spread =
            |sign: f64| -> Vec<f64> { fine.iter().map(|t| mode(s, t + sign * 0.12 / s)).collect() };
        let error: Vec<f64> = coarse
            .iter()
            .map(|t| 0.02 + 0.25 * mode(s, *t) * (1.0 - mode(s, *t) / s))
            .collect();
        let sigma: Vec<f64> = (0..26).map(|k| 2.4 * noise(31 * i + k)).collect();
        let measured: Vec<f64> = (0..26)
            .map(|k| mode(s, coarse[k]) + 0.5 * sigma[k] * error[k])
            .collect();
        main = main
            .with(
                Series::line(&label, fine.clone(), theory)
                    .band(spread(-1.0), spread(1.0))
                    .style(i),
            )
            .with(
                Series::points(&label, coarse.clone(), measured)
                    .error(&error)
                    .style(i),
            );
        residual = residual.with(
            Series::points("", coarse.clone(), sigma)
                .error(&[1.0; 26])
                .style(i),
        );
    }
    Figure::new(480.0, 400.0)
        .title("Deep linear network: saxe (matched) against 8 networks")
        .note("quick run")
        .with(main)
        .with(residual)
}

fn learning_curve() -> Figure {
    let samples: Vec<f64> = (0..13).map(|i| 8.0 * 2f64.powi(i)).collect();
    let fine: Vec<f64> = (0..200)
        .map(|i| 8.0 * 2f64.powf(12.0 * i as f64 / 199.0))
        .collect();
    let mut panel = Panel::new(
        "",
        AxisSpec::log("training samples P", "1"),
        AxisSpec::log("test loss ε_g", "1"),
    );
    for (i, exponent) in [0.5f64, 1.0, 1.6].into_iter().enumerate() {
        let law = |p: f64| 30.0 * p.powf(-exponent) + 1e-4;
        let theory: Vec<f64> = fine.iter().map(|p| law(*p)).collect();
        let mean: Vec<f64> = samples
            .iter()
            .enumerate()
            .map(|(k, p)| law(*p) * (1.0 + 0.15 * noise(k + 50 * i)))
            .collect();
        let error: Vec<f64> = mean
            .iter()
            .map(|m| m * if exponent > 1.5 { 1.2 } else { 0.2 })
            .collect();
        let label = format!("α = {exponent}");
        panel = panel
            .with(Series::line(&label, fine.clone(), theory).style(i))
            .with(
                Series::points(&label, samples.clone(), mean)
                    .error(&error)
                    .style(i)
                    .open(),
            );
    }
    let panel = panel.with(Series::hline(1e-4).labelled("noise floor"));
    Figure::new(400.0, 300.0).with(panel)
}

fn two_by_two() -> Figure {
    let x = grid(300, 2.0 * PI);
    let wave = |f: &dyn Fn(f64) -> f64| -> Vec<f64> { x.iter().map(|x| f(*x)).collect() };
    let axis = |label: &str, unit: &str| AxisSpec::linear(label, unit);
    let mut many = Panel::new("seven styles", axis("angle θ", "rad"), axis("signal", "mV"));
    for i in 0..7 {
        let values = wave(&|x| (x - 0.3 * i as f64).sin() + 0.2 * i as f64);
        many = many.with(Series::line(format!("curve {i}"), x.clone(), values).style(i));
    }
    let tiny = wave(&|x| 2.3e-7 * (1.0 + x.cos()));
    let gaps = wave(&|x| {
        if (2.0..3.0).contains(&x) {
            f64::NAN
        } else {
            x.tan()
        }
    });
    let markers = (0..6).fold(
        Panel::new("markers", axis("index", "1"), AxisSpec::log("η", "1/s")),
        |panel, i| {
            let xs: Vec<f64> = (0..6).map(|k| 1.0 + k as f64).collect();
            let ys: Vec<f64> = xs.iter().map(|x| 1.3 + 0.4 * i as f64 + 0.02 * x).collect();
            let series = Series::points(["filled", "open"][i % 2], xs, ys).style(i);
            panel.with(if i % 2 == 1 { series.open() } else { series })
        },
    );
    Figure::new(640.0, 480.0)
        .title("Two by two")
        .columns(2)
        .with(many)
        .with(
            Panel::new(
                "small numbers, fixed range",
                axis("angle θ", "rad").range(0.0, 6.0),
                axis("power", "W"),
            )
            .with(Series::line("P(θ)", x.clone(), tiny)),
        )
        .with(
            Panel::new(
                "gaps and clipping",
                axis("angle θ", "rad"),
                axis("tan θ", "1").range(-4.0, 4.0),
            )
            .with(Series::line("tan θ", x.clone(), gaps))
            .with(Series::text("pole at π/2", PI / 2.0 + 0.15, 3.3)),
        )
        .with(markers)
}

fn matrices() -> Figure {
    let n = 12;
    let kernel: Vec<f64> = (0..n * n)
        .map(|k| {
            let (i, j) = ((k / n) as f64, (k % n) as f64);
            (-(i - j).powi(2) / 8.0).exp() * (1.3 * (i + j)).cos()
                + if k == 77 { f64::NAN } else { 0.0 }
        })
        .collect();
    let table: Vec<f64> = (0..24).map(|k| noise(k).abs()).collect();
    let words = |list: &[&str]| -> Vec<String> { list.iter().map(|s| s.to_string()).collect() };
    let rows = words(&["canary", "robin", "salmon", "oak"]);
    let columns = words(&[
        "can move",
        "can fly",
        "has gills",
        "has roots",
        "is yellow",
        "is big",
    ]);
    Figure::new(620.0, 300.0)
        .columns(2)
        .with(
            Panel::new(
                "kernel change K − K₀",
                AxisSpec::linear("sample", "1"),
                AxisSpec::linear("sample", "1"),
            )
            .with(Series::heat_map(kernel, n).names([], [], "ΔK")),
        )
        .with(
            Panel::new(
                "features",
                AxisSpec::linear("", ""),
                AxisSpec::linear("item", ""),
            )
            .with(
                Series::heat_map(table, 6)
                    .names(rows, columns, "strength")
                    .colors(ColorMap::Sequential, None),
            ),
        )
}

fn staircase() -> Figure {
    let jumps = [2.1, 5.6, 13.0];
    let fine = grid(500, 20.0);
    let loss = |t: f64| {
        let drop = |(k, s): (usize, f64)| s / (1.0 + (3.0 * (t - jumps[k])).exp());
        0.05 + [4.0, 2.0, 1.0]
            .into_iter()
            .enumerate()
            .map(drop)
            .sum::<f64>()
    };
    let mut panel = Panel::new(
        "",
        AxisSpec::linear("accelerated time η t ln(1/α)", "1"),
        AxisSpec::linear("loss L", "1"),
    )
    .with(
        Series::steps(
            "alternating gradient flow",
            [0.0, 2.1, 5.6, 13.0, 20.0],
            [7.05, 3.05, 1.05, 0.05, 0.05],
        )
        .color(6),
    )
    .with(
        Series::line(
            "gradient descent",
            fine.clone(),
            fine.iter().map(|t| loss(*t)).collect::<Vec<_>>(),
        )
        .color(1)
        .dash(Dash::Dashed),
    );
    for (k, jump) in jumps.into_iter().enumerate() {
        panel = panel
            .with(Series::vline(jump))
            .with(Series::text(format!("t{}", ["₁", "₂", "₃"][k]), jump + 0.15, 6.4).color(7));
    }
    Figure::new(440.0, 280.0).with(panel)
}

fn gallery() -> Vec<(&'static str, Figure)> {
    vec![
        ("comparison", comparison()),
        ("learning-curve", learning_curve()),
        ("two-by-two", two_by_two()),
        ("matrices", matrices()),
        ("staircase", staircase()),
    ]
}

/// Panics unless every tag is closed in order, and returns the texts.
fn texts(svg: &str) -> Vec<String> {
    let (mut open, mut texts) = (Vec::new(), Vec::new());
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("open tag");
        let tag = &rest[start + 1..end];
        let inside = &rest[..start];
        assert!(!inside.contains('"') && !inside.contains('\''), "{inside}");
        match tag.strip_prefix('/') {
            Some(name) => {
                assert_eq!(open.pop(), Some(name.to_string()));
                if name == "text" {
                    texts.push(inside.to_string());
                }
            }
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap_or("").to_string()),
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty());
    texts
}

#[test]
fn svg_is_well_formed_small_and_repeatable() {
    for (name, figure) in gallery() {
        let svg = render_svg(&figure).unwrap();
        if let Ok(folder) = std::env::var("SADDLEPOINT_GALLERY") {
            std::fs::write(format!("{folder}/{name}.svg"), &svg).unwrap();
            std::fs::write(
                format!("{folder}/{name}.png"),
                render_png(&figure, 2.0).unwrap(),
            )
            .unwrap();
        }
        println!("{name}: {} bytes", svg.len());
        assert_eq!(svg, render_svg(&figure).unwrap());
        assert!(svg.len() < 60_000, "{name}: {}", svg.len());
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert!(texts(&svg).iter().all(|t| !t.is_empty()));
    }
}

#[test]
fn everything_stands_on_the_page() {
    let sizes = [0.75, 1.0, 1.7].into_iter();
    for (factor, (name, mut figure)) in
        sizes.flat_map(|f| gallery().into_iter().map(move |g| (f, g)))
    {
        (figure.width, figure.height) = (factor * figure.width, factor * figure.height);
        let svg = render_svg(&figure).unwrap();
        let (right, bottom) = (10.0 * figure.width, 10.0 * figure.height);
        let attribute = |tag: &str, key: &str| -> Option<f64> {
            let value = tag.split_once(&format!(" {key}=\""))?.1;
            value.split_once('"')?.0.trim_end_matches("em").parse().ok()
        };
        for line in svg.lines().filter(|l| l.starts_with("<text ")) {
            let (x, y) = (attribute(line, "x").unwrap(), attribute(line, "y").unwrap());
            let size = attribute(line, "font-size").unwrap();
            let content = line.split_once('>').unwrap().1.trim_end_matches("</text>");
            let length = text::width(content, size, line.contains("font-weight"));
            let start = match line {
                l if l.contains("\"middle\"") => -length / 2.0,
                l if l.contains("\"end\"") => -length,
                _ => 0.0,
            };
            let (x0, y0, x1, y1) = match line.contains("rotate(270") {
                false => (x + start, y, x + start + length, y + size),
                true => (x, y - start - length, x + size, y - start),
            };
            let inside = x0 >= 0.0 && y0 >= 0.0 && x1 <= right && y1 <= bottom;
            assert!(inside, "{name}: {line} {x0} {y0} {x1} {y1}");
        }
        for line in svg.lines().filter(|l| l.starts_with("<path ")) {
            let path = line.split_once(" d=\"").unwrap().1.trim_end_matches("\"/>");
            for (x, y) in vertices(path) {
                let inside = x >= 0.0 && y >= 0.0 && x <= right && y <= bottom;
                assert!(inside, "{name}: {x} {y}");
            }
        }
    }
}

/// Vertices of a path of absolute starts and relative steps.
fn vertices(path: &str) -> Vec<(f64, f64)> {
    let (mut x, mut y, mut found) = (0.0, 0.0, Vec::new());
    let commands: Vec<usize> = path
        .char_indices()
        .filter(|c| c.1.is_alphabetic())
        .map(|c| c.0)
        .collect();
    for (k, start) in commands.iter().enumerate() {
        let end = commands.get(k + 1).copied().unwrap_or(path.len());
        let numbers = path[start + 1..end].replace('-', ",-");
        let numbers: Vec<f64> = numbers
            .split(',')
            .filter(|n| !n.is_empty())
            .map(|n| n.parse().unwrap())
            .collect();
        match (&path[*start..=*start], numbers.as_slice()) {
            ("M", [a, b]) => (x, y) = (*a, *b),
            ("l", [a, b]) => (x, y) = (x + a, y + b),
            ("h", [a]) => x += a,
            ("v", [b]) => y += b,
            ("z", []) => {}
            other => panic!("{other:?}"),
        }
        found.push((x, y));
    }
    assert!(found.len() > 1);
    found
}

#[test]
fn png_is_repeatable_and_has_the_asked_size() {
    let figure = staircase();
    let png = render_png(&figure, 1.5).unwrap();
    assert_eq!(png, render_png(&figure, 1.5).unwrap());
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(png[16..20], 660u32.to_be_bytes());
    assert_eq!(png[20..24], 420u32.to_be_bytes());
    assert!(render_png(&figure, 0.0).is_err());
    assert!(render_png(&figure, f64::NAN).is_err());
    assert!(render_png(&figure, 1e9).is_err());
}

#[test]
fn logarithmic_axes_are_labelled_in_powers() {
    let texts = texts(&render_svg(&learning_curve()).unwrap());
    for label in ["10¹", "10²", "10³", "10⁴", "10⁻⁴", "10⁰"] {
        assert!(texts.contains(&label.to_string()), "{label} in {texts:?}");
    }
    assert!(texts.contains(&"training samples P".to_string()));
}

#[test]
fn a_theory_line_and_its_points_share_a_line_of_the_legend() {
    let texts = texts(&render_svg(&comparison()).unwrap());
    assert_eq!(texts.iter().filter(|t| *t == "s₁ = 4").count(), 1);
    assert!(texts.contains(&"residual [σ]".to_string()));
    assert_eq!(texts.iter().filter(|t| *t == "time t [τ]").count(), 1);
}

#[test]
fn a_legend_hides_no_data() {
    let x = grid(200, 1.0);
    let everywhere: Vec<f64> = (0..200).map(noise).collect();
    let panel = |legend| {
        Panel::new("", AxisSpec::default(), AxisSpec::default())
            .with(Series::line("dense", x.clone(), everywhere.clone()))
            .legend(legend)
    };
    let svg = |legend| render_svg(&Figure::new(300.0, 200.0).with(panel(legend))).unwrap();
    assert_eq!(svg(Legend::Auto), svg(Legend::Right));
    assert!(!svg(Legend::None).contains("dense"));
}

#[test]
fn hard_cases_draw() {
    let nan = f64::NAN;
    let log = AxisSpec::log("x & <y>", "a\"b");
    let hard = [
        Panel::new("", AxisSpec::default(), AxisSpec::default()),
        Panel::new("empty", log.clone(), log.clone()).with(Series::line("nothing", [], [])),
        Panel::new("one", log.clone(), log.clone())
            .with(Series::points("p", [2.0], [3.0]).error(&[5.0])),
        Panel::new("none fits", log.clone(), log)
            .with(Series::line("l", [-1.0, 0.0, nan], [1.0, nan, -2.0]).band([nan; 3], [1.0; 3])),
        Panel::new("huge", AxisSpec::default(), AxisSpec::default()).with(Series::line(
            "h",
            [0.0, 1.0, 2.0],
            [1e308, -1e308, f64::INFINITY],
        )),
        Panel::new("constant", AxisSpec::default(), AxisSpec::default()).with(Series::steps(
            "c",
            [1.0, 1.0],
            [1e-30, 1e-30],
        )),
        Panel::new("no cells", AxisSpec::default(), AxisSpec::default())
            .with(Series::heat_map([], 0)),
        Panel::new("zeros", AxisSpec::default(), AxisSpec::default())
            .with(Series::heat_map([0.0; 4], 2)),
        Panel::new(
            "a title that is much longer than its panel is wide ".repeat(4),
            AxisSpec::default(),
            AxisSpec::default(),
        )
        .stacked(1.0),
    ];
    let figure = hard
        .into_iter()
        .fold(Figure::new(500.0, 400.0).columns(3), Figure::with);
    let svg = render_svg(&figure).unwrap();
    assert!(texts(&svg).contains(&"x &amp; &lt;y&gt; [a&quot;b]".to_string()));
    assert!(render_png(&figure, 0.5).is_ok());
    assert!(render_svg(&Figure::new(100.0, 50.0)).is_ok());
}

#[test]
fn what_cannot_be_drawn_is_refused_by_name() {
    let refused = |series: Series, place: &str| {
        let panel = Panel::new("", AxisSpec::default(), AxisSpec::default()).with(series);
        let error = render_svg(&Figure::new(300.0, 200.0).with(panel)).unwrap_err();
        assert!(error.to_string().contains(place), "{error}");
        assert_eq!(error.exit_code(), 2);
    };
    refused(Series::line("", [1.0], [1.0, 2.0]), "panels[0].series[0]");
    refused(
        Series::points("", [1.0], [1.0]).band([0.0], []),
        "1 are needed",
    );
    refused(Series::heat_map([1.0; 5], 2), "5 values where 4");
    let range = |axis| Figure::new(300.0, 200.0).with(Panel::new("", axis, AxisSpec::default()));
    assert!(render_svg(&range(AxisSpec::log("", "").range(0.0, 1.0))).is_err());
    assert!(render_svg(&range(AxisSpec::linear("", "").range(1.0, 1.0))).is_err());
    assert!(render_svg(&Figure::new(f64::NAN, 200.0)).is_err());
    assert!(render_svg(&Figure::new(300.0, 200.0).columns(0)).is_err());
}

#[test]
fn long_noisy_lines_stay_small() {
    let n = 200_000;
    let x: Vec<f64> = (0..n).map(|i| i as f64).collect();
    let y: Vec<f64> = (0..n).map(|i| noise(i) + i as f64 * 1e-5).collect();
    let panel =
        Panel::new("", AxisSpec::default(), AxisSpec::default()).with(Series::line("", x, y));
    assert!(
        render_svg(&Figure::new(480.0, 360.0).with(panel))
            .unwrap()
            .len()
            < 60_000
    );
}

#[test]
fn a_figure_is_data() {
    let mut figure = comparison();
    let text = serde_json::to_string(&figure).unwrap();
    assert_eq!(serde_json::from_str::<Figure>(&text).unwrap(), figure);
    figure.panels[0]
        .series
        .push(Series::line("gap", [1.0, 2.0], [f64::NAN, 1.0]));
    let text = serde_json::to_string(&figure).unwrap();
    let back: Figure = serde_json::from_str(&text).unwrap();
    assert_eq!(render_svg(&back).unwrap(), render_svg(&figure).unwrap());
}

#[test]
fn csv_holds_every_number() {
    let axis = || AxisSpec::linear("u", "1");
    let figure = Figure::new(300.0, 200.0)
        .with(
            Panel::new("", axis(), axis())
                .with(
                    Series::line("a, \"b\"", [0.0, 1e-7], [0.1, f64::NAN])
                        .band([0.0, 0.1], [0.2, 0.3]),
                )
                .with(Series::vline(2.5).labelled("jump")),
        )
        .with(
            Panel::new("", axis(), axis()).with(Series::heat_map([1.0, -2e300], 2).names(
                [],
                ["p".into(), "q".into()],
                "",
            )),
        );
    let rows = [
        "panel,source,curve,kind,x,y,lower,upper,band",
        r#"u,"a, ""b""",,line,0,0.1,0,0.2,"#,
        r#"u,"a, ""b""",,line,1e-7,,0.1,0.3,"#,
        "u,jump,,vline,2.5,,,,",
        "u (2),,0,heat-map,p,1,,,",
        "u (2),,0,heat-map,q,-2e300,,,",
        "",
    ];
    assert_eq!(figure_csv(&figure), rows.join("\n"));
}
