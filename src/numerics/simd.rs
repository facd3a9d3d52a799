//! Element-wise loops, compiled for the widest vector instructions of the processor at run time.

use pulp::{Simd, WithSimd};

/// Replaces every `a[i]` by the first value of `f(a[i])` and writes the second one to `b[i]`.
///
/// Write `f` without branches and mark it `#[inline(always)]`: only what is inlined into the loop is vectorised. Nothing is fused
/// or reordered, so the bits do not depend on the processor.
pub fn sweep<T: Copy>(a: &mut [T], b: &mut [T], f: impl Fn(T) -> (T, T)) {
    pulp::Arch::new().dispatch(Sweep { a, b, f });
}

struct Sweep<'a, T, F> {
    a: &'a mut [T],
    b: &'a mut [T],
    f: F,
}

impl<T: Copy, F: Fn(T) -> (T, T)> WithSimd for Sweep<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (a, b) in self.a.iter_mut().zip(self.b) {
            (*a, *b) = (self.f)(*a);
        }
    }
}

/// Runs `f`, compiled for the widest vector instructions of the processor.
///
/// For loops that [`sweep`] does not fit. What `f` calls must be `#[inline(always)]`, down to the loops.
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// `sum_i g(a_i, b_i)` over the shorter slice, summed in eight lanes; call it inside [`vectorised`].
#[inline(always)]
pub fn total<T: nalgebra::RealField + Copy>(a: &[T], b: &[T], g: impl Fn(T, T) -> T) -> T {
    let length = a.len().min(b.len());
    let mut lanes = [T::zero(); 8];
    let ((a, a_rest), (b, b_rest)) = (a[..length].as_chunks::<8>(), b[..length].as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..8 {
            lanes[l] += g(a[l], b[l]);
        }
    }
    for (l, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[l] += g(a, b);
    }
    lanes.iter().fold(T::zero(), |sum, &lane| sum + lane)
}

/// `a_i <- a_i b_i`
pub fn multiply<T: Copy + std::ops::MulAssign>(a: &mut [T], b: &[T]) {
    vectorised(
        #[inline(always)]
        || {
            for (a, &b) in a.iter_mut().zip(b) {
                *a *= b;
            }
        },
    )
}

/// Replaces `a[i]` by `f(a[i], x[i], y[i])`; the rules of [`sweep`] hold. Runs over the shortest slice.
pub fn update<T: Copy>(a: &mut [T], x: &[T], y: &[T], f: impl Fn(T, T, T) -> T) {
    pulp::Arch::new().dispatch(Update { a, x, y, f });
}

struct Update<'a, T, F> {
    a: &'a mut [T],
    x: &'a [T],
    y: &'a [T],
    f: F,
}

impl<T: Copy, F: Fn(T, T, T) -> T> WithSimd for Update<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((a, x), y) in self.a.iter_mut().zip(self.x).zip(self.y) {
            *a = (self.f)(*a, *x, *y);
        }
    }
}

/// A map of four numbers to two. Large closures are not inlined into the loop; a method marked `#[inline(always)]` is.
pub trait PairMap<T> {
    /// The new `(a, b)`.
    fn next(&self, a: T, b: T, x: T, y: T) -> (T, T);
}

/// Replaces `(a[i], b[i])` by `map.next(a[i], b[i], x[i], y[i])`; the rules of [`sweep`] hold. Runs over the shortest slice.
pub fn update_pair<T: Copy>(a: &mut [T], b: &mut [T], x: &[T], y: &[T], map: &impl PairMap<T>) {
    pulp::Arch::new().dispatch(UpdatePair { a, b, x, y, map });
}

struct UpdatePair<'a, T, M> {
    a: &'a mut [T],
    b: &'a mut [T],
    x: &'a [T],
    y: &'a [T],
    map: &'a M,
}

impl<T: Copy, M: PairMap<T>> WithSimd for UpdatePair<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let pairs = self.a.iter_mut().zip(self.b);
        for (((a, b), x), y) in pairs.zip(self.x).zip(self.y) {
            (*a, *b) = self.map.next(*a, *b, *x, *y);
        }
    }
}
