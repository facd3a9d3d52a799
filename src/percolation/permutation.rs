//! Uniformly random orders.

use crate::numerics::prefetch::large_pages;
use crate::numerics::random::Stream;
use rand::Rng;

/// Above this length the elements are dealt to piles that fit into the cache before each pile is shuffled.
const LONG: usize = 1 << 17;
/// Number of piles: one random byte per element.
const PILES: usize = 256;

/// A uniformly random integer below `bound > 0` (Lemire 2019, arXiv 1805.10941: a product in place of a division, without bias).
#[inline]
pub fn below(rng: &mut Stream, bound: u32) -> u32 {
    let mut product = u64::from(rng.next_u32()) * u64::from(bound);
    if (product as u32) < bound {
        let excess = bound.wrapping_neg() % bound;
        while (product as u32) < excess {
            product = u64::from(rng.next_u32()) * u64::from(bound);
        }
    }
    (product >> 32) as u32
}

/// Shuffles in place (Fisher and Yates).
pub fn shuffle(items: &mut [u32], rng: &mut Stream) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(rng, i as u32 + 1) as usize);
    }
}

/// A uniformly random order of `0 .. n`.
///
/// Long ones are dealt to 256 piles by independent random bytes; the piles are shuffled one by one and laid on top of each other
/// (Rao 1961, Sandelius 1962): uniform, and without a cache miss per element.
pub fn permutation(n: usize, rng: &mut Stream, order: &mut Vec<u32>) {
    permutation_of(n, rng, order, 0..n as u32);
}

/// A uniformly random order of the `n` elements of `names`.
pub fn permutation_of(
    n: usize,
    rng: &mut Stream,
    order: &mut Vec<u32>,
    names: impl Iterator<Item = u32> + Clone,
) {
    if n <= LONG {
        order.resize(n, 0);
        for (slot, name) in order.iter_mut().zip(names) {
            *slot = name;
        }
        return shuffle(order, rng);
    }
    // A pile holds n/256 on average; sixteen standard deviations more are never needed, and if they are, all is dealt again, which
    // keeps the order uniform because it does not depend on the sizes of the piles.
    let mean = n as f64 / PILES as f64;
    // An odd number of cache lines apart, so that the piles do not compete for the same part of the cache.
    let room = ((mean + 16.0 * mean.sqrt()) as usize / 32 * 2 + 1) * 16;
    if order.capacity() < PILES * room {
        order.clear();
        order.reserve_exact(PILES * room);
        large_pages(order.spare_capacity_mut());
    }
    order.resize(PILES * room, 0);
    let sizes = loop {
        if let Some(sizes) = deal(n, rng, order, room, names.clone()) {
            break sizes;
        }
    };
    let mut end = 0;
    for (pile, size) in sizes.into_iter().enumerate() {
        let start = pile * room;
        shuffle(&mut order[start..start + size], rng);
        order.copy_within(start..start + size, end);
        end += size;
    }
    order.truncate(n);
}

fn deal(
    n: usize,
    rng: &mut Stream,
    piles: &mut [u32],
    room: usize,
    mut names: impl Iterator<Item = u32>,
) -> Option<[usize; PILES]> {
    let mut next: [usize; PILES] = std::array::from_fn(|pile| pile * room);
    for start in (0..n).step_by(8) {
        let dice = rng.next_u64().to_le_bytes();
        for (pile, name) in dice.into_iter().zip(names.by_ref().take(n - start)) {
            let slot = &mut next[pile as usize];
            if *slot == (pile as usize + 1) * room {
                return None;
            }
            piles[*slot] = name;
            *slot += 1;
        }
    }
    Some(std::array::from_fn(|pile| next[pile] - pile * room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;

    #[test]
    fn every_order_of_four_is_equally_likely() {
        let mut rng = stream(1, "permutation", &[]);
        let (mut counts, mut order) = ([0u32; 256], Vec::new());
        let repeats = 24 * 2000;
        for _ in 0..repeats {
            permutation(4, &mut rng, &mut order);
            let key = order.iter().fold(0, |k, &i| 4 * k + i);
            counts[key as usize] += 1;
        }
        let seen: Vec<u32> = counts.into_iter().filter(|&c| c > 0).collect();
        assert_eq!(seen.len(), 24);
        // chi^2 with 23 degrees of freedom: 49.7 is its 0.999 quantile.
        let chi2: f64 = seen
            .iter()
            .map(|&c| (f64::from(c) - 2000.0).powi(2) / 2000.0)
            .sum();
        assert!(chi2 < 49.7, "{chi2}");
    }

    /// Long orders hold everything once, and where an element stands does not depend on its number.
    #[test]
    fn long_orders_are_uniform_too() {
        let n = LONG + 12345;
        let mut rng = stream(2, "permutation", &[]);
        let mut order = Vec::new();
        permutation(n, &mut rng, &mut order);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(i, &v)| i == v as usize));
        // Sixteen ranges of positions against sixteen ranges of elements: 225 degrees of freedom, 0.999 quantile 295.
        let mut table = [[0f64; 16]; 16];
        for (position, &element) in order.iter().enumerate() {
            table[position * 16 / n][element as usize * 16 / n] += 1.0;
        }
        let expected = n as f64 / 256.0;
        let chi2: f64 = table
            .as_flattened()
            .iter()
            .map(|c| (c - expected).powi(2) / expected)
            .sum();
        assert!(chi2 < 295.0 && chi2 > 165.0, "{chi2}");
        // Serial correlation within the piles: neighbours in the order, 1/sqrt(n) = 0.0026.
        let mean = (n as f64 - 1.0) / 2.0;
        let product: f64 = order
            .windows(2)
            .map(|w| (f64::from(w[0]) - mean) * (f64::from(w[1]) - mean))
            .sum();
        let variance = (n as f64).powi(2) / 12.0;
        assert!((product / variance / n as f64).abs() < 0.01);
    }

    #[test]
    fn bounded_integers_are_uniform() {
        let mut rng = stream(3, "permutation", &[]);
        let mut counts = [0f64; 7];
        for _ in 0..70_000 {
            counts[below(&mut rng, 7) as usize] += 1.0;
        }
        // chi^2 with 6 degrees of freedom: 22.5 is its 0.999 quantile.
        let chi2: f64 = counts.iter().map(|c| (c - 1e4).powi(2) / 1e4).sum();
        assert!(chi2 < 22.5, "{chi2}");
    }
}
