//! Asking for memory before it is needed.

use std::mem::MaybeUninit;

/// Asks the cache for `items[index]`, which need not exist; without effect where the processor has no such instruction.
#[inline(always)]
pub fn prefetch<T>(items: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and never faults, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch(items.as_ptr().wrapping_add(index).cast(), _MM_HINT_T0);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, index);
}

/// Asks the system for pages of 2 MiB under memory not yet written to, so that fewer addresses have to be translated; without effect where it
/// has none, or where the memory is less than two of them.
pub fn large_pages<T>(room: &mut [MaybeUninit<T>]) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 1 << 12;
        const MADV_HUGEPAGE: std::ffi::c_int = 14;
        unsafe extern "C" {
            fn madvise(
                start: *mut std::ffi::c_void,
                bytes: usize,
                advice: std::ffi::c_int,
            ) -> std::ffi::c_int;
        }
        let start = room.as_mut_ptr();
        let skipped = start.addr().next_multiple_of(PAGE) - start.addr();
        let bytes = std::mem::size_of_val(room).saturating_sub(skipped) / PAGE * PAGE;
        if bytes < 2 << 21 {
            return;
        }
        // SAFETY: whole pages inside the slice; the advice changes none of their contents. That it may be refused does not matter.
        let _ = unsafe {
            madvise(
                start.wrapping_byte_add(skipped).cast(),
                bytes,
                MADV_HUGEPAGE,
            )
        };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = room;
}
