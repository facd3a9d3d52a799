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
