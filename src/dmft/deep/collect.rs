//! The product of rates with histories of derivatives, where a solve spends its time.

use super::history::LANES;
use super::layout::Layout;

/// Which history is summed.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    Gradients(&'a [f32]),
    Features(&'a [f32]),
}

/// `sum_{s<t,a} rates(mu; s,a) history(s,a)` for all samples `mu`, added to the rows of `out`, which are `stride`
/// numbers apart.
///
/// The history is that of `dg` for `dh`, and that of `phi' dh` for `dg`.
#[inline(always)]
pub(super) fn collect(
    layout: &Layout,
    t: usize,
    rates: &[f32],
    which: Rows,
    stride: usize,
    out: &mut [f32],
) {
    let trained = layout.trained;
    for s in 0..t {
        let (length, start) = match which {
            Rows::Gradients(_) => (LANES * layout.widths[s], LANES * layout.starts[0][s]),
            Rows::Features(_) => (LANES * layout.forward_width(s), LANES * layout.starts[1][s]),
        };
        let (Rows::Gradients(history) | Rows::Features(history)) = which;
        let rows = &history[start..start + trained * length];
        let own = |mu: usize| &rates[(mu * t + s) * trained..][..trained];
        let mut mu = 0;
        // Two samples at a time: a row is read once for both.
        while mu + 1 < layout.all {
            let (first, second) = out[mu * stride..].split_at_mut(stride);
            add_to_two(
                [&mut first[..length], &mut second[..length]],
                [own(mu), own(mu + 1)],
                rows,
            );
            mu += 2;
        }
        if mu < layout.all {
            add_to_one(&mut out[mu * stride..][..length], own(mu), rows);
        }
    }
}

/// `out <- out + sum_a rates_a row_a`
#[inline(always)]
fn add_to_one(out: &mut [f32], rates: &[f32], rows: &[f32]) {
    let length = out.len();
    for (&rate, row) in rates.iter().zip(rows.chunks_exact(length.max(1))) {
        for (out, row) in out.iter_mut().zip(row) {
            *out += rate * row;
        }
    }
}

/// [`add_to_one`] for two rows at once. The loops are written out: only so the compiler keeps the numbers in registers.
#[inline(always)]
fn add_to_two([x, y]: [&mut [f32]; 2], [p, q]: [&[f32]; 2], rows: &[f32]) {
    let length = x.len();
    let y = &mut y[..length];
    let row = |a: usize| &rows[a * length..(a + 1) * length];
    let mut a = 0;
    while a + 4 <= p.len() {
        let (r0, r1, r2, r3) = (row(a), row(a + 1), row(a + 2), row(a + 3));
        let (p0, p1, p2, p3) = (p[a], p[a + 1], p[a + 2], p[a + 3]);
        let (q0, q1, q2, q3) = (q[a], q[a + 1], q[a + 2], q[a + 3]);
        for i in 0..length {
            x[i] = x[i] + p0 * r0[i] + p1 * r1[i] + p2 * r2[i] + p3 * r3[i];
            y[i] = y[i] + q0 * r0[i] + q1 * r1[i] + q2 * r2[i] + q3 * r3[i];
        }
        a += 4;
    }
    while a + 2 <= p.len() {
        let (r0, r1) = (row(a), row(a + 1));
        let (p0, p1, q0, q1) = (p[a], p[a + 1], q[a], q[a + 1]);
        for i in 0..length {
            x[i] = x[i] + p0 * r0[i] + p1 * r1[i];
            y[i] = y[i] + q0 * r0[i] + q1 * r1[i];
        }
        a += 2;
    }
    if a < p.len() {
        add_to_one(x, &p[a..], row(a));
        add_to_one(y, &q[a..], row(a));
    }
}
