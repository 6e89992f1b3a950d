//! Items: tuples that have one of several arities.

/// How many arities an item may have. All of them are followed in parallel.
pub const COUNT: usize = 2;

/// A set of arities, by their positions in [`Interest::arities`](super::Interest::arities).
///
/// Every item of one run of a program has the same arity, so a length test on one item holds for all of them. That is
/// why the program is followed for each arity on its own: a path is taken for some arities and not for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Arities(u8);

impl Arities {
    /// Every arity.
    pub const ALL: Self = Self((1 << COUNT) - 1);
    /// No arity: code that cannot be reached.
    pub const NONE: Self = Self(0);

    /// Those of the set for which `holds` is true.
    pub fn filter(self, holds: impl Fn(usize) -> bool) -> Self {
        Self((0..COUNT).filter(|nth| self.has(*nth) && holds(*nth)).fold(0, |set, nth| set | 1 << nth))
    }

    /// Is the `nth` arity in the set?
    pub fn has(self, nth: usize) -> bool {
        self.0 & (1 << nth) != 0
    }

    /// The arities in both sets.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The arities in either set.
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Is no arity left?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// How an item has changed since its source made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// How many elements it had at first.
    pub arity: i64,
    /// Elements that were added before them, or (negative) cut off there.
    pub lead: i64,
    /// Elements that were added after them, or (negative) cut off there.
    pub trail: i64,
}

impl Shape {
    /// How many elements it has.
    pub fn length(self) -> i64 {
        self.arity + self.lead + self.trail
    }

    /// Does it have the elements that it had at first, and no others?
    pub fn is_whole(self) -> bool {
        self.lead == 0 && self.trail == 0
    }
}

/// What is known of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Item {
    /// Its shape for each arity; `None` where no item of that arity gets here.
    pub shapes: [Option<Shape>; COUNT],
    /// Items of different shapes meet here, so that no single rewrite can be right for all.
    pub mixed: bool,
}

impl Item {
    /// An item as its source makes it, of those of `known` that are in `arities`.
    pub fn new(known: [i64; COUNT], arities: Arities) -> Self {
        let shape = |nth: usize| arities.has(nth).then_some(Shape { arity: known[nth], lead: 0, trail: 0 });
        Self { shapes: std::array::from_fn(shape), mixed: false }
    }

    /// Its length for the `nth` arity.
    pub fn length(&self, nth: usize) -> Option<i64> {
        self.shapes[nth].map(Shape::length)
    }

    /// The arities for which there is one.
    pub fn arities(&self) -> Arities {
        Arities::ALL.filter(|nth| self.shapes[nth].is_some())
    }

    /// The same item with `lead` more elements before and `trail` more after.
    pub fn extended(mut self, lead: i64, trail: i64) -> Self {
        for shape in self.shapes.iter_mut().flatten() {
            shape.lead += lead;
            shape.trail += trail;
        }
        self
    }

    /// The same where these elements are added now. What was cut off does not come back: an item that was cut in front
    /// and lengthened there has other elements than it had.
    pub fn lengthened(self, lead: i64, trail: i64) -> Self {
        let was_cut =
            self.shapes.iter().flatten().any(|shape| (lead > 0 && shape.lead < 0) || (trail > 0 && shape.trail < 0));
        let mut longer = self.extended(lead, trail);
        longer.mixed |= was_cut;
        longer
    }

    pub(super) fn restrict(mut self, arities: Arities) -> Option<Self> {
        for (nth, shape) in self.shapes.iter_mut().enumerate() {
            if !arities.has(nth) {
                *shape = None;
            }
        }
        (!self.arities().is_empty()).then_some(self)
    }

    /// Either item.
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
        let of = |wanted| Item::new([2, 3], Arities::ALL.filter(|nth| nth == wanted));
        let both = of(0).extended(1, 0).join(of(1));
        assert_eq!([both.length(0), both.length(1)], [Some(3), Some(3)]);
        assert!(!both.mixed);
    }
}
