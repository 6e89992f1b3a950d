//! What the names of the node's loaders are made of: the name of the class that they wrap, and what they do to it.

/// What the names of the loaders of `DisTorch2` end in.
const DISTORCH2: &str = "DisTorch2MultiGPU";
/// What those of all others end in, the longer ones first.
const OTHERS: [&str; 2] = ["DisTorchMultiGPU", MULTI_GPU];
/// What the names of all loaders of the node end in.
const MULTI_GPU: &str = "MultiGPU";

/// Is this the name of a loader of the node?
pub fn is_own(name: &str) -> bool {
    name.ends_with(MULTI_GPU)
}

/// The name of the class that a loader of the node wraps; the name of another class itself.
pub fn base(name: &str) -> &str {
    [DISTORCH2].into_iter().chain(OTHERS).find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// The `DisTorch2` class of a loader; None if it is one.
pub fn distorch2(name: &str) -> Option<String> {
    (!name.ends_with(DISTORCH2)).then(|| format!("{}{DISTORCH2}", base(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_made_of_that_of_the_wrapped_class() {
        for name in ["UNETLoader", "UNETLoaderMultiGPU", "UNETLoaderDisTorchMultiGPU"] {
            assert_eq!((base(name), distorch2(name).as_deref()), ("UNETLoader", Some("UNETLoaderDisTorch2MultiGPU")));
        }
        assert_eq!(base("UNETLoaderDisTorch2MultiGPU"), "UNETLoader");
        assert_eq!(distorch2("UNETLoaderDisTorch2MultiGPU"), None);
    }
}
