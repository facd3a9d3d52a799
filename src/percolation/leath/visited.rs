//! A set of packed sites that is small for small clusters: open addressing, four times as large whenever half full.

/// No packed site has all bits set.
const EMPTY: u64 = u64::MAX;

/// Slots of an empty set.
const SMALLEST: usize = 64;

/// Multiplier of Fibonacci hashing, `2^64` over the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Packed sites.
#[derive(Debug)]
pub(super) struct Visited {
    pub(super) slots: Vec<u64>,
    shift: u32,
    count: usize,
}

impl Visited {
    pub(super) fn new() -> Visited {
        Visited {
            slots: vec![EMPTY; SMALLEST],
            shift: 64 - SMALLEST.trailing_zeros(),
            count: 0,
        }
    }

    /// Memory for so many sites, both tables of the last enlargement.
    pub(super) fn bytes(sites: u64) -> u64 {
        let mut slots = SMALLEST as u64;
        while slots < 2 * sites {
            slots *= 4;
        }
        8 * (slots + slots / 4)
    }

    /// Small again: the memory is kept.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.slots.resize(SMALLEST, EMPTY);
        self.shift = 64 - SMALLEST.trailing_zeros();
        self.count = 0;
    }

    /// The slot of a site, or the empty one where it belongs.
    fn slot(&self, site: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (site.wrapping_mul(GOLDEN) >> self.shift) as usize;
        while self.slots[slot] != EMPTY && self.slots[slot] != site {
            slot = (slot + 1) & mask;
        }
        slot
    }

    pub(super) fn contains(&self, site: u64) -> bool {
        self.slots[self.slot(site)] == site
    }

    /// Whether the site is new.
    pub(super) fn insert(&mut self, site: u64) -> bool {
        let slot = self.slot(site);
        if self.slots[slot] == site {
            return false;
        }
        self.slots[slot] = site;
        self.count += 1;
        if 2 * self.count > self.slots.len() {
            self.enlarge();
        }
        true
    }

    fn enlarge(&mut self) {
        let old: Vec<u64> = self.slots.iter().copied().filter(|&s| s != EMPTY).collect();
        let larger = 4 * self.slots.len();
        self.slots.clear();
        self.slots.resize(larger, EMPTY);
        self.shift = 64 - larger.trailing_zeros();
        for site in old {
            let slot = self.slot(site);
            self.slots[slot] = site;
        }
    }
}
