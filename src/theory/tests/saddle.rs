//! The staircase as the limit of the exact flow.

use super::*;

#[test]
fn saddle_to_saddle_is_the_limit_of_the_matched_half_rise() {
    let times = |kind: &str, options: &str, scale: f64| {
        let start = StartView::Gaussian { scale };
        let e = experiment(CLEAN, learner(&[5, 12, 4], start), 1e-4, 400_000);
        let d = draw(&e);
        let p = predict(theory(kind, options).as_ref(), &e, &["half-rise-time"], &d);
        p.answers[0].mean.clone()
    };
    // The correction to t_k is O(1) while t_k grows: differences across scales agree to better and better precision.
    let (a, b) = (1e-6, 1e-9);
    let stairs = (
        times("saddle-to-saddle", "", a),
        times("saddle-to-saddle", "", b),
    );
    let exact = (times("saxe", "", a), times("saxe", "", b));
    for k in 0..3 {
        let slope = (exact.1[k] - exact.0[k]) / (stairs.1[k] - stairs.0[k]);
        assert!((slope - 1.0).abs() < 1e-3, "{k} {slope}");
        assert!((exact.1[k] / stairs.1[k] - 1.0).abs() < 0.15);
    }
}
