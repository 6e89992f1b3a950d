//! Tree-sitter queries, compiled once.

use std::ops::Range;
use std::sync::OnceLock;

use streaming_iterator::StreamingIterator;
use tree_sitter::{Node, QueryCursor};

use super::source::{Source, walk};

/// With this many occurrences, walking the whole tree once is cheaper than going to each of them.
const MANY: usize = 500;

/// A query over Python trees, compiled when it is first run. Each of its patterns must match one node without children,
/// which keeps compiling and running it cheap; the caller examines what is around the node.
pub struct Query {
    text: String,
    needles: Vec<&'static str>,
    compiled: OnceLock<tree_sitter::Query>,
}

impl Query {
    /// A query from the text of `.scm` files. Whatever it matches must contain one of the `needles`: the tree is only
    /// searched where these occur.
    pub fn new(text: String, needles: Vec<&'static str>) -> Self {
        Self { text, needles, compiled: OnceLock::new() }
    }

    /// Every node that the query captures in a file, with the name it is captured under, in order of place.
    pub fn captures<'p>(&self, source: &'p Source) -> Vec<(&str, Node<'p>)> {
        let query = self.compiled.get_or_init(|| {
            // The text is built into the program, and a test compiles it.
            tree_sitter::Query::new(&tree_sitter_python::LANGUAGE.into(), &self.text).expect("the query compiles")
        });
        let names = query.capture_names();
        let mut cursor = QueryCursor::new();
        let mut found = Vec::new();
        let mut collect = |cursor: &mut QueryCursor, node: Node<'p>| {
            let mut captures = cursor.captures(query, node, source.text().as_bytes());
            while let Some((matched, at)) = captures.next() {
                let capture = matched.captures()[*at];
                found.push((names[capture.index as usize], capture.node));
            }
        };
        let ranges = self.occurrences(source.text());
        if ranges.len() <= MANY {
            let around = |range: Range<usize>| source.root().descendant_for_byte_range(range.start, range.end);
            for node in ranges.into_iter().filter_map(around) {
                collect(&mut cursor, node);
            }
        } else {
            walk(&mut source.root().walk(), |node| {
                let next = ranges.partition_point(|range| range.end <= node.start_byte());
                let meets = ranges.get(next).is_some_and(|range| range.start < node.end_byte());
                if meets && node.named_child_count() == 0 {
                    collect(&mut cursor, node);
                }
                meets
            });
        }
        found.sort_by_key(|(_, node)| node.start_byte());
        found.dedup();
        found
    }

    fn occurrences(&self, text: &str) -> Vec<Range<usize>> {
        let all = self
            .needles
            .iter()
            .flat_map(|needle| memchr::memmem::find_iter(text.as_bytes(), needle).map(|at| at..at + needle.len()));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|range| range.end);
        all
    }
}
