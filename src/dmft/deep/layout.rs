//! Which derivatives of sample paths exist, by causality, and where they stand.

/// What a path is derived by: its own `r` (at earlier times for `h`, up to the present for `g`), or its own `u` (up
/// to the present).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Backward,
    Forward,
}

/// Shape of the derivatives by one field, the same for all paths.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub by: By,
    /// Samples whose rows are kept.
    pub trained: usize,
    /// Samples whose rows are formed.
    pub all: usize,
    /// Derivatives that do not vanish up to a time.
    pub widths: Vec<usize>,
    /// First number of a time in the histories of `dg` and of `phi' dh`, in units of lanes.
    pub starts: [Vec<usize>; 2],
}

impl Layout {
    /// `widths[t]` derivatives up to the time `t`; histories end before the last time.
    pub fn new(by: By, trained: usize, all: usize, widths: Vec<usize>) -> Self {
        let mut layout = Layout {
            by,
            trained,
            all,
            widths,
            starts: [vec![0], vec![0]],
        };
        for t in 0..layout.widths.len() - 1 {
            for (which, width) in [layout.widths[t], layout.forward_width(t)]
                .into_iter()
                .enumerate()
            {
                let start = layout.starts[which][t] + trained * width;
                layout.starts[which].push(start);
            }
        }
        layout
    }

    /// Derivatives of `h(t)`.
    pub fn forward_width(&self, t: usize) -> usize {
        match self.by {
            By::Forward => self.widths[t],
            By::Backward => t.checked_sub(1).map_or(0, |before| self.widths[before]),
        }
    }

    /// The last time.
    pub fn last(&self) -> usize {
        self.widths.len() - 1
    }
}
