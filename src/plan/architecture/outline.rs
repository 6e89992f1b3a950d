//! Outlines: what an architecture is made of, as text.
//!
//! ```text
//! title WAN 2.1 and 2.2                     what it is; the first of several whose conditions hold
//! kind diffusion                            or encoder, or vae
//! types F16 BF16 F32                        in which types ComfyUI computes it, likewise
//! if head.modulation !vace_patch_embedding  what a file must hold, and what it must not
//! at diffusion_model                        where the names of the file begin in the model
//! rename _norm.scale$ _norm.weight          how ComfyUI renames tensors, one after the other; `$`: at the end only
//! drop scaled_fp8                           tensors that ComfyUI ignores
//! ---
//! diffusion_model
//!   patch_embedding Conv3d weight=F32 bias=F32
//!   blocks.* - modulation
//!     norm1 LayerNorm
//!     cross_attn.k_img? Linear weight bias
//! ```
//!
//! Below the line is a module a row, in the order in which ComfyUI registers them: its name in the one above, its class
//! (`-` if it is not listed, having others below it), and its own parameters and buffers. `*` is a number that goes up
//! from zero as far as the file has it. `?` may be missing: a module is there if one of its tensors is. `=F32` is always
//! kept in that type, `#2` has that many dimensions. `~cast` and `~bias`: not made by
//! `comfy.ops`, without an attribute `bias`. `:square(other)`: made if the file lacks it, with as many rows and columns as
//! the tensor `other` has rows. `if=mlp`, `if=!mlp`: there if its neighbour `mlp` is, or is not. `as=layers` on a `*` without tensors: as many as its neighbour has.

use ::safetensors::Dtype;

/// An architecture.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// `diffusion`, `encoder` or `vae`.
    pub(super) kind: &'static str,
    titles: Vec<When<&'static str>>,
    types: Vec<When<&'static [Dtype]>>,
    /// What a file must hold.
    pub(super) conditions: Vec<Condition>,
    /// The module in which the names of the file begin.
    pub(super) at: &'static str,
    /// What ComfyUI replaces in the names, by what; `$` stands for the end.
    pub(super) renames: Vec<(&'static str, &'static str)>,
    /// Patterns of tensors that ComfyUI ignores.
    pub(super) dropped: Vec<&'static str>,
    /// The modules at the top.
    pub(super) entries: Vec<Entry>,
}

/// The orders of types that architectures have.
const TYPES: [(&str, &[Dtype]); 4] = [
    ("F16 BF16 F32", &[Dtype::F16, Dtype::BF16, Dtype::F32]),
    ("BF16 F16 F32", &[Dtype::BF16, Dtype::F16, Dtype::F32]),
    ("BF16 F32", &[Dtype::BF16, Dtype::F32]),
    ("F16 F32", &[Dtype::F16, Dtype::F32]),
];

/// Something that holds under conditions.
#[derive(Debug)]
struct When<T> {
    what: T,
    conditions: Vec<Condition>,
}

/// What a file must hold: a tensor or a module, its absence, or one dimension of a tensor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) name: &'static str,
    pub(super) expected: Expected,
}

/// What is expected of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Present,
    Absent,
    /// This dimension of the tensor has this size.
    Dimension(usize, u64),
}

/// A module.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// One part of its name; [`EVERY`] stands for numbers.
    pub(super) name: &'static str,
    /// May the file lack it?
    pub(super) optional: bool,
    /// Its class; `None` if it is not listed.
    pub(super) kind: Option<&'static str>,
    pub(super) casts: bool,
    pub(super) has_bias: bool,
    pub(super) parameters: Vec<Slot>,
    /// For numbers without tensors: as many as this neighbour of the module above has.
    pub(super) as_many_as: Option<&'static str>,
    /// Without tensors of its own: it is there if this neighbour is, or is not.
    pub(super) with: Option<(&'static str, bool)>,
    pub(super) below: Vec<Entry>,
}

/// The name of an entry that stands for numbers from zero on.
pub(super) const EVERY: &str = "*";

/// A parameter or a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) name: &'static str,
    pub(super) optional: bool,
    pub(super) fixed: Option<Dtype>,
    pub(super) rank: Option<usize>,
    /// The tensor by whose first dimension ComfyUI makes a square matrix if the file has none.
    pub(super) square_of: Option<&'static str>,
}

impl Outline {
    /// Reads an outline, or says which line is wrong.
    pub(super) fn parse(text: &'static str) -> Result<Self, String> {
        let mut outline = Self::default();
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        for line in lines.by_ref().take_while(|line| *line != "---") {
            outline.head(line).ok_or_else(|| line.to_owned())?;
        }
        let rows: Vec<Row> =
            lines.map(|line| Row::parse(line).ok_or_else(|| line.to_owned())).collect::<Result<_, _>>()?;
        outline.entries = nested(&mut rows.into_iter().peekable(), 0);
        Ok(outline)
    }

    /// The part of a text before the line; the modules are not read.
    pub(super) fn conditions_of(text: &'static str) -> Vec<Condition> {
        let head = text.lines().take_while(|line| *line != "---");
        head.filter_map(|line| line.strip_prefix("if ")).flat_map(conditions).collect()
    }

    fn head(&mut self, line: &'static str) -> Option<()> {
        let (word, rest) = line.split_once(' ')?;
        let (what, when) = rest.split_once(" if ").unwrap_or((rest, ""));
        let conditions: Vec<_> = conditions(when).collect();
        match word {
            "title" => self.titles.push(When { what, conditions }),
            "types" => {
                let what = TYPES.into_iter().find(|(name, _)| *name == what)?.1;
                self.types.push(When { what, conditions });
            }
            "if" => self.conditions.extend(self::conditions(rest)),
            "kind" => self.kind = rest,
            "at" => self.at = rest,
            "rename" => self.renames.push(rest.split_once(' ')?),
            "drop" => self.dropped.extend(rest.split(' ')),
            _ => return None,
        }
        Some(())
    }

    /// Is it of a text encoder? Those have no types to compute in: ComfyUI uses 32 bits for all of them.
    pub(super) fn is_text_encoder(&self) -> bool {
        self.kind == "encoder"
    }

    /// Is it of a VAE?
    pub(super) fn is_vae(&self) -> bool {
        self.kind == "vae"
    }

    /// Its title for the files that meet the conditions of which `holds` is true.
    pub(super) fn title(&self, holds: impl Fn(&Condition) -> bool) -> Option<&'static str> {
        self.titles.iter().find(|when| when.conditions.iter().all(&holds)).map(|when| when.what)
    }

    /// The types in which ComfyUI computes it, the preferred one first.
    pub(super) fn types(&self, holds: impl Fn(&Condition) -> bool) -> &'static [Dtype] {
        let found = self.types.iter().find(|when| when.conditions.iter().all(&holds));
        found.map_or(&[], |when| when.what)
    }
}

/// A line of the part with modules.
struct Row {
    depth: usize,
    /// The modules that its name is made of; the line describes the last.
    chain: Vec<Entry>,
}

impl Row {
    fn parse(line: &'static str) -> Option<Self> {
        let rest = line.trim_start();
        let indent = line.len() - rest.len();
        let mut words = rest.split(' ');
        let (path, optional) = optional(words.next()?);
        let mut chain: Vec<Entry> = path.split('.').map(|name| Entry { name, ..Entry::default() }).collect();
        chain.first_mut()?.optional = optional;
        let last = chain.last_mut()?;
        last.kind = words.next().filter(|kind| *kind != "-");
        last.casts = last.kind.is_some();
        last.has_bias = last.kind.is_some();
        for word in words {
            match word {
                "~cast" => last.casts = false,
                "~bias" => last.has_bias = false,
                _ => match word.split_once('=') {
                    Some(("as", neighbour)) => last.as_many_as = Some(neighbour),
                    Some(("if", neighbour)) => {
                        last.with = Some(neighbour.strip_prefix('!').map_or((neighbour, true), |name| (name, false)));
                    }
                    _ => last.parameters.push(Slot::parse(word)?),
                },
            }
        }
        (indent.is_multiple_of(2)).then_some(Self { depth: indent / 2, chain })
    }
}

impl Slot {
    fn parse(word: &'static str) -> Option<Self> {
        let (word, square_of) =
            word.split_once(":square(").map_or((word, None), |(word, of)| (word, of.strip_suffix(')')));
        let (word, fixed) = word.split_once('=').map_or((word, None), |(word, fixed)| (word, Some(fixed)));
        let fixed = match fixed {
            Some(fixed) => Some(dtype(fixed)?),
            None => None,
        };
        let (word, optional) = optional(word);
        let (word, rank) = word.split_once('#').map_or((word, None), |(word, rank)| (word, Some(rank)));
        let rank = match rank {
            Some(rank) => Some(rank.parse().ok()?),
            None => None,
        };
        Some(Self { name: word, optional, fixed, rank, square_of })
    }
}

/// The entries from this depth on.
fn nested(rows: &mut std::iter::Peekable<std::vec::IntoIter<Row>>, depth: usize) -> Vec<Entry> {
    let mut entries = Vec::new();
    while let Some(row) = rows.next_if(|row| row.depth >= depth) {
        let below = nested(rows, row.depth + 1);
        let mut chain = row.chain.into_iter().rev();
        let Some(mut entry) = chain.next() else { continue };
        entry.below = below;
        entries.push(chain.fold(entry, |below, above| Entry { below: vec![below], ..above }));
    }
    entries
}

fn conditions(text: &'static str) -> impl Iterator<Item = Condition> {
    text.split(' ').filter(|word| !word.is_empty()).map(|word| {
        let dimension = |word: &'static str| {
            let (name, rest) = word.split_once('[')?;
            let (axis, size) = rest.split_once("]=")?;
            Some(Condition { name, expected: Expected::Dimension(axis.parse().ok()?, size.parse().ok()?) })
        };
        match word.strip_prefix('!') {
            Some(name) => Condition { name, expected: Expected::Absent },
            None => dimension(word).unwrap_or(Condition { name: word, expected: Expected::Present }),
        }
    })
}

fn optional(word: &'static str) -> (&'static str, bool) {
    word.strip_suffix('?').map_or((word, false), |word| (word, true))
}

fn dtype(name: &str) -> Option<Dtype> {
    Some(match name {
        "F16" => Dtype::F16,
        "BF16" => Dtype::BF16,
        "F32" => Dtype::F32,
        "F64" => Dtype::F64,
        "I64" => Dtype::I64,
        "I32" => Dtype::I32,
        "BOOL" => Dtype::BOOL,
        _ => return None,
    })
}
