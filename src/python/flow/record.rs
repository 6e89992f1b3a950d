//! Records: tuples whose length differs from one world to another.

/// How many record lengths are told apart.
pub const WORLDS: usize = 2;

/// The lengths that a record has had. Every record of one run of a program has the same one, so a length test on one
/// record says something of all: each length is a *world* in which the program is followed.
pub const LENGTHS: [i64; WORLDS] = [4, 5];

/// A set of worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Worlds(u8);

impl Worlds {
    /// Every world.
    pub const ALL: Self = Self((1 << WORLDS) - 1);
    /// No world: code that cannot be reached.
    pub const NONE: Self = Self(0);

    /// The worlds for which `holds` is true.
    pub fn filter(self, holds: impl Fn(usize) -> bool) -> Self {
        Self((0..WORLDS).filter(|world| self.has(*world) && holds(*world)).fold(0, |set, world| set | 1 << world))
    }

    /// Is `world` in the set?
    pub fn has(self, world: usize) -> bool {
        self.0 & (1 << world) != 0
    }

    /// The worlds in both sets.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The worlds in either set.
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Is no world left?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// How a record was lengthened on its way: elements put before it and behind it (negative: cut off).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Elements before the record's own.
    pub lead: i64,
    /// Elements behind them.
    pub trail: i64,
}

/// A record, by world: its shape there, or nothing if no such record gets here in that world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Record {
    /// The shape in each world.
    pub shapes: [Option<Shape>; WORLDS],
    /// Records of different shapes meet here, so that no one rewrite can be right for all.
    pub mixed: bool,
}

impl Record {
    /// A record as its source made it, in `worlds`.
    pub fn new(worlds: Worlds) -> Self {
        let shape = |world| worlds.has(world).then_some(Shape { lead: 0, trail: 0 });
        Self { shapes: std::array::from_fn(shape), mixed: false }
    }

    /// Its length in `world`.
    pub fn length(&self, world: usize) -> Option<i64> {
        self.shapes[world].map(|shape| LENGTHS[world] + shape.lead + shape.trail)
    }

    /// The worlds in which there is one.
    pub fn worlds(&self) -> Worlds {
        Worlds::ALL.filter(|world| self.shapes[world].is_some())
    }

    /// The same record with `lead` more elements before and `trail` more behind.
    pub fn extended(mut self, lead: i64, trail: i64) -> Self {
        for shape in self.shapes.iter_mut().flatten() {
            shape.lead += lead;
            shape.trail += trail;
        }
        self
    }

    /// The same for elements that are put there now. What was cut off does not come back: a record that was cut in front
    /// and lengthened there has other elements than it had.
    pub fn lengthened(self, lead: i64, trail: i64) -> Self {
        let was_cut =
            self.shapes.iter().flatten().any(|shape| (lead > 0 && shape.lead < 0) || (trail > 0 && shape.trail < 0));
        let mut longer = self.extended(lead, trail);
        longer.mixed |= was_cut;
        longer
    }

    pub(super) fn restrict(mut self, worlds: Worlds) -> Option<Self> {
        for (world, shape) in self.shapes.iter_mut().enumerate() {
            if !worlds.has(world) {
                *shape = None;
            }
        }
        (!self.worlds().is_empty()).then_some(self)
    }

    /// Either record.
    pub fn join(mut self, other: Self) -> Self {
        self.mixed |= other.mixed;
        for (mine, theirs) in self.shapes.iter_mut().zip(other.shapes) {
            match (&mine, theirs) {
                (Some(a), Some(b)) if *a != b => self.mixed = true,
                (None, _) => *mine = theirs,
                _ => {}
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_test_evens_out_the_shapes() {
        let short = Record::new(Worlds::ALL.filter(|world| LENGTHS[world] == 4)).extended(1, 0);
        let long = Record::new(Worlds::ALL.filter(|world| LENGTHS[world] == 5));
        let both = short.join(long);
        assert_eq!([both.length(0), both.length(1)], [Some(5), Some(5)]);
        assert!(!both.mixed);
    }
}
