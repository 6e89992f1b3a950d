//! The names of a file's tensors as a tree of their parts.

use std::collections::HashMap;

use super::outline::{Condition, Expected};
use crate::plan::tensor::Tensor;

/// The most parts of a name that are read; ComfyUI's names have about fifteen.
const MOST_PARTS: usize = 40;

/// A place in the tree.
pub(super) type Place = usize;

/// The tree. Linear in the bytes of the names.
pub(super) struct Names<'t> {
    tensors: &'t [Tensor],
    nodes: Vec<Node<'t>>,
    steps: HashMap<(Place, &'t str), Place>,
}

#[derive(Default)]
struct Node<'t> {
    below: Vec<(&'t str, Place)>,
    tensor: Option<usize>,
}

impl<'t> Names<'t> {
    /// Where every name begins.
    pub(super) const ROOT: Place = 0;

    pub(super) fn new(tensors: &'t [Tensor]) -> Self {
        let mut names = Self { tensors, nodes: vec![Node::default()], steps: HashMap::new() };
        for (index, tensor) in tensors.iter().enumerate() {
            if tensor.name.bytes().filter(|&byte| byte == b'.').count() >= MOST_PARTS {
                continue;
            }
            let place = tensor.name.split('.').fold(Self::ROOT, |place, part| names.step_or_new(place, part));
            names.nodes[place].tensor = Some(index);
        }
        names
    }

    fn step_or_new(&mut self, place: Place, part: &'t str) -> Place {
        let new = self.nodes.len();
        let next = *self.steps.entry((place, part)).or_insert(new);
        if next == new {
            self.nodes.push(Node::default());
            self.nodes[place].below.push((part, next));
        }
        next
    }

    /// The place one part further.
    pub(super) fn step(&self, place: Place, part: &str) -> Option<Place> {
        self.steps.get(&(place, part)).copied()
    }

    /// The tensor of exactly this name: its index.
    pub(super) fn tensor(&self, place: Place) -> Option<usize> {
        self.nodes[place].tensor
    }

    /// The tensors one part further: their names and indices, in the order of the file.
    pub(super) fn tensors_below(&self, place: Place) -> impl Iterator<Item = (&'t str, usize)> {
        self.nodes[place].below.iter().filter_map(|&(part, next)| Some((part, self.nodes[next].tensor?)))
    }

    /// All places one part further.
    pub(super) fn below(&self, place: Place) -> impl Iterator<Item = Place> {
        self.nodes[place].below.iter().map(|&(_, next)| next)
    }

    /// The numbers among the parts that follow, in their order.
    pub(super) fn numbers(&self, place: Place) -> Vec<(usize, Place)> {
        let number = |part: &str| {
            let is_plain = part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            part.parse().ok().filter(|_| is_plain)
        };
        let below = self.nodes[place].below.iter();
        let mut numbers: Vec<_> = below.filter_map(|&(part, next)| Some((number(part)?, next))).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Does a condition hold?
    pub(super) fn holds(&self, condition: &Condition) -> bool {
        let place = condition.name.split('.').try_fold(Self::ROOT, |place, part| self.step(place, part));
        match condition.expected {
            Expected::Present => place.is_some(),
            Expected::Absent => place.is_none(),
            Expected::Dimension(axis, size) => {
                let tensor = place.and_then(|place| self.tensor(place)).map(|index| &self.tensors[index]);
                tensor.is_some_and(|tensor| tensor.shape.get(axis) == Some(&size))
            }
        }
    }
}
