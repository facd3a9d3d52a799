//! Winding vectors on a torus, packed into one integer.

use super::crystal::MAX_DIMENSION;

/// A vector of `Z^d` as the integer `sum_k w_k B^k`: sums of vectors are sums of integers, zero is 0.
///
/// The base is `B = 2^floor(63/d)`, at most `2^31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    dimension: usize,
    bits: u32,
}

/// A packed vector.
pub type Winding = i64;

impl Packing {
    /// The packing for vectors of `dimension` components.
    pub fn new(dimension: usize) -> Self {
        let bits = (63 / dimension.max(1)).min(31) as u32;
        Packing { dimension, bits }
    }

    /// Number of components.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Packs a vector of small components.
    ///
    /// ```
    /// use saddlepoint::percolation::winding::Packing;
    /// let p = Packing::new(3);
    /// let w = p.pack(&[1, -2, 0]) - p.pack(&[0, 1, 4]);
    /// assert_eq!(p.unpack(w)[..3], [1, -3, -4]);
    /// ```
    pub fn pack(&self, vector: &[i8]) -> Winding {
        let digits = vector.iter().enumerate();
        digits
            .map(|(k, &w)| i64::from(w) << (self.bits * k as u32))
            .sum()
    }

    /// The components; those beyond the dimension are 0.
    pub fn unpack(&self, mut packed: Winding) -> [i64; MAX_DIMENSION] {
        let mut vector = [0; MAX_DIMENSION];
        for digit in &mut vector[..self.dimension] {
            let shift = 64 - self.bits;
            *digit = packed << shift >> shift;
            packed = (packed - *digit) >> self.bits;
        }
        vector
    }

    /// Whether a component is so large that sums of several such vectors may spill into the next one.
    pub fn near_overflow(&self, packed: Winding) -> bool {
        let quarter = 1i64 << (self.bits - 2);
        self.unpack(packed).iter().any(|w| w.abs() >= quarter)
    }
}

/// Subgroup of `Z^d` spanned by the windings of one cluster, as an echelon basis over the rationals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    rows: Vec<[i64; MAX_DIMENSION]>,
}

impl Span {
    /// Adds a vector; true when the rank grows.
    pub fn add(&mut self, mut vector: [i64; MAX_DIMENSION]) -> bool {
        for row in &self.rows {
            let Some(pivot) = row.iter().position(|&r| r != 0) else {
                continue;
            };
            let (a, b) = (row[pivot], vector[pivot]);
            if b != 0 {
                for (v, r) in vector.iter_mut().zip(row) {
                    *v = *v * a - r * b;
                }
                reduce(&mut vector);
            }
        }
        let grows = vector.iter().any(|&v| v != 0);
        if grows {
            self.rows.push(vector);
        }
        grows
    }

    /// Adds all vectors of another one.
    pub fn join(&mut self, other: &Span) {
        for row in &other.rows {
            self.add(*row);
        }
    }

    /// Number of independent windings.
    pub fn rank(&self) -> usize {
        self.rows.len()
    }
}

/// Divides by the greatest common divisor of the components.
fn reduce(vector: &mut [i64; MAX_DIMENSION]) {
    let gcd = vector.iter().fold(0i64, |a, &b| {
        let (mut a, mut b) = (a.abs(), b.abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    });
    if gcd > 1 {
        vector.iter_mut().for_each(|v| *v /= gcd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packing_is_a_homomorphism(d in 1usize..=13, a in prop::array::uniform13(-3i8..=3), b in prop::array::uniform13(-3i8..=3)) {
            let p = Packing::new(d);
            let sum = p.unpack(p.pack(&a[..d]) + p.pack(&b[..d]));
            for k in 0..d {
                prop_assert_eq!(sum[k], i64::from(a[k]) + i64::from(b[k]));
            }
            prop_assert_eq!(p.pack(&a[..d]) == 0, a[..d].iter().all(|&v| v == 0));
        }
    }

    #[test]
    fn the_rank_counts_independent_windings() {
        let v = |a: i64, b: i64, c: i64| {
            let mut v = [0; MAX_DIMENSION];
            v[..3].copy_from_slice(&[a, b, c]);
            v
        };
        let mut span = Span::default();
        assert!(span.add(v(1, 1, 0)) && !span.add(v(-2, -2, 0)) && !span.add(v(0, 0, 0)));
        assert!(span.add(v(1, -1, 0)) && !span.add(v(0, 5, 0)));
        assert!(span.add(v(3, 4, -2)) && span.rank() == 3);
        let mut other = Span::default();
        other.add(v(1, 0, 0));
        other.join(&span);
        assert_eq!(other.rank(), 3);
    }

    #[test]
    fn digits_near_the_base_are_noticed() {
        let p = Packing::new(13); // 4 bits: digits -8 ... 7
        let mut three = [0i8; 13];
        three[5] = 3;
        assert!(!p.near_overflow(p.pack(&three)));
        three[5] = 4;
        assert!(p.near_overflow(p.pack(&three)));
    }
}
