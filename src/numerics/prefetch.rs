//! Asking for memory before it is needed.

/// Asks the cache for `items[index]`; without effect where the processor has no such instruction, or beyond the end.
#[inline(always)]
pub fn prefetch<T>(items: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if index < items.len() {
        // SAFETY: the address lies inside the slice, and a prefetch reads nothing.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch(items.as_ptr().add(index).cast(), _MM_HINT_T0);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, index);
}
