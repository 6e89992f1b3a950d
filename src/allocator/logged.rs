//! The string that a node logs, as its fields.

/// The fields of `expert#compute;gigabytes;donors`; those that are missing are empty. A string that a user wrote is one too,
/// of which the node reads what is before the `#`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged<'t> {
    /// The expert part.
    pub expert: &'t str,
    /// The device that computes.
    pub compute: &'t str,
    gigabytes: &'t str,
    /// The devices that lend memory, with commas.
    pub donors: &'t str,
}

impl<'t> Logged<'t> {
    /// Any text has these fields.
    pub fn of(text: &'t str) -> Self {
        let (expert, rest) = text.split_once('#').unwrap_or((text, ""));
        let mut fields = rest.split(';');
        let mut next = || fields.next().unwrap_or_default();
        Self { expert, compute: next(), gigabytes: next(), donors: next() }
    }

    /// The virtual VRAM in GB, if it is a number.
    pub fn virtual_vram_gb(&self) -> Option<f64> {
        self.gigabytes.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_empty() {
        let whole = Logged::of("cuda:0,4gb#cuda:1;2.5;cpu,cuda:0");
        assert_eq!((whole.expert, whole.compute, whole.donors), ("cuda:0,4gb", "cuda:1", "cpu,cuda:0"));
        assert_eq!(whole.virtual_vram_gb(), Some(2.5));
        let short = Logged::of("cuda:0,4gb");
        assert_eq!((short.expert, short.compute, short.donors, short.virtual_vram_gb()), ("cuda:0,4gb", "", "", None));
        assert_eq!(Logged::of("#cuda:0; 4 ;").virtual_vram_gb(), Some(4.0));
        assert_eq!(Logged::of("").expert, "");
    }
}
