//! Run-time choice of the widest vector instructions for element-wise loops.

/// Runs `f` compiled for the widest vector instructions of this processor.
///
/// Only code that is inlined into `f` profits. Nothing is fused or reordered, so the bits do not depend on the processor.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
