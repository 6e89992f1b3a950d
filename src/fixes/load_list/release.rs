//! Which upstream releases a file matches, judged by how it reads load lists and not by its version number: files get
//! edited, and commits between releases carry the number of the release before.

use super::{ANY, LEGACY};
use crate::fixes::Survey;
use crate::python::Package;
use crate::python::syntax::enclosing;

/// The helper that reads items of either length in upstream's own fix.
const HELPER: &str = "unpack_load_item";

/// The releases that match this survey of a package; `None` if none does, as after a repair.
pub(super) fn release(package: &Package, survey: &Survey) -> Option<&'static str> {
    let in_helper = survey.sites.iter().filter(|site| site.state == ANY).any(|site| {
        let Ok(source) = package.source(site.file) else { return false };
        let node = source.root().descendant_for_byte_range(site.range.start, site.range.end);
        let function = node.and_then(|node| enclosing(node, &["function_definition"]));
        let name = function.and_then(|function| function.child_by_field_name("name"));
        name.is_some_and(|name| source.slice(name) == HELPER)
    });
    if in_helper {
        return Some("fixed upstream since 2.5.11");
    }
    (survey.count(LEGACY) > 0).then_some("2.5.10 or older")
}
