//! Builtins, containers and `itertools`: how values pass through them.

use std::rc::Rc;

use tree_sitter::Node;

use super::container::display_length;
use super::parameters::Arguments;
use super::scope::{Frame, State};
use super::value::{Callable, Spot, Value};
use super::{Follower, Form, Owner};
use crate::python::field::Fields;
use crate::python::package::FileId;

impl<'p> Follower<'p, '_> {
    /// A method of a container. `None` if the name is unknown or the object is not a container.
    pub(super) fn method(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        function: Node<'p>,
        object: &Value<'p>,
        name: &str,
        arguments: &Arguments<'p>,
    ) -> Option<Value<'p>> {
        let container = function.field("object")?;
        let grow = match name {
            "append" | "add" | "appendleft" | "put" => Some(Value::list_of(arguments.at(0))),
            "insert" => Some(Value::list_of(arguments.at(1))),
            "extend" | "extendleft" => Some(Value::list_of(arguments.at(0).iterated())),
            "update" => Some(arguments.at(0).without_constants()),
            _ => None,
        };
        if let Some(grow) = grow {
            if !grow.is_bottom() {
                self.mutate(frame, state, container, &|known| known.join(&grow));
            }
            return Some(Value::default());
        }
        let values = || object.values.as_deref().cloned().unwrap_or_default();
        let value = match name {
            "sort" => {
                self.key(frame, state, arguments, &object.iterated());
                Value::default()
            }
            "values" => Value::list_of(values()),
            "items" => Value::list_of(Value::tuple(vec![Value::default(), values()])),
            "get" | "pop" | "setdefault" | "popleft" | "popitem" => {
                values().join(&object.element.as_deref().cloned().unwrap_or_default()).join(&arguments.at(1))
            }
            // Not `copy.copy(items)`.
            "copy" if arguments.positional.is_empty() => object.clone(),
            "from_iterable" => Value::list_of(arguments.at(0).iterated().iterated()),
            "keys" | "remove" | "index" | "count" | "discard" | "clear" | "reverse" => Value::default(),
            _ => return None,
        };
        Some(value)
    }

    /// A builtin or library function, by its bare name.
    pub(super) fn builtin(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        name: &str,
        arguments: &Arguments<'p>,
    ) -> Option<Value<'p>> {
        let first = arguments.at(0);
        let value = match name {
            "len" => match first.item {
                Some(item) => {
                    self.notes.measure(frame, item.arities());
                    let length = |nth| item.length(nth).filter(|_| state.arities.has(nth));
                    Value { number: Some(std::array::from_fn(length)), ..Value::default() }
                }
                None => Value::default(),
            },
            "list" | "tuple" | "deque" | "copy" | "deepcopy" | "iter" | "tqdm" => first.without_constants(),
            "partial" => {
                let given: Vec<_> = arguments.positional.iter().skip(1).map(|(value, _)| value.clone()).collect();
                Value::callable(Callable::Partial(Rc::new((first, given))))
            }
            "cmp_to_key" => Value::callable(Callable::Compared(Rc::new(first))),
            "cast" => arguments.at(1),
            "set" | "frozenset" | "reversed" | "islice" | "cycle" | "compress" => Value::list_of(first.iterated()),
            // What holds for each holds for all.
            "all" | "any" => {
                let truth = first.element.as_ref().and_then(|element| element.truth);
                Value { truth, ..Value::default() }
            }
            "sorted" | "nsmallest" | "nlargest" => {
                let list = if name == "sorted" { first } else { arguments.at(1) };
                let element = list.iterated();
                self.key(frame, state, arguments, &element);
                Value::list_of(element)
            }
            "min" | "max" | "next" => {
                let element = first.iterated();
                self.key(frame, state, arguments, &element);
                element.join(&arguments.at(1).without_constants()).join(&arguments.named("default"))
            }
            "enumerate" => Value::list_of(Value::tuple(vec![Value::default(), first.iterated()])),
            "zip" | "zip_longest" => {
                self.zip_with_names(frame, arguments);
                return Some(zip(arguments));
            }
            "tee" => Value::list_of(first),
            "chain" => {
                let all =
                    arguments.positional.iter().fold(Value::default(), |all, (list, _)| all.join(&list.iterated()));
                Value::list_of(all)
            }
            "filter" | "filterfalse" | "dropwhile" | "takewhile" => {
                let element = arguments.at(1).iterated();
                self.apply(frame, state, &first, vec![element.clone()]);
                Value::list_of(element)
            }
            "map" => {
                let given: Vec<_> = arguments.positional.iter().skip(1).map(|(list, _)| list.iterated()).collect();
                let named = arguments.positional.first().filter(|(_, node)| node.kind() == "identifier");
                match named
                    .filter(|_| first.callables.is_empty())
                    .map(|(_, node)| (self.text(frame.file, *node), *node))
                {
                    // `map(list, items)`
                    Some((name, node)) if name != "map" => {
                        let positional = given.into_iter().map(|value| (value, node)).collect();
                        let arguments = Arguments { positional, ..Arguments::default() };
                        Value::list_of(self.builtin(frame, state, name, &arguments).unwrap_or_default())
                    }
                    _ => Value::list_of(self.apply(frame, state, &first, given)),
                }
            }
            "starmap" => {
                let element = arguments.at(1).iterated();
                self.apply_spread(frame, state, &first, &element, arguments);
                Value::default()
            }
            "reduce" => {
                let element = arguments.at(1).iterated();
                self.apply(frame, state, &first, vec![arguments.at(2), element])
            }
            "groupby" => {
                let element = first.iterated();
                self.key(frame, state, arguments, &element);
                self.apply(frame, state, &arguments.at(1), vec![element.clone()]);
                Value::list_of(Value::tuple(vec![Value::default(), Value::list_of(element)]))
            }
            "dict" | "OrderedDict" => {
                let pairs = first.iterated();
                let held = pairs.fields.as_deref().and_then(|fields| fields.get(1)).cloned().unwrap_or_default();
                Value::mapping(held).join(&Value { values: first.values.clone(), ..Value::default() })
            }
            "heappush" | "insort" => {
                let grow = Value::list_of(arguments.at(1));
                if let (Some((_, heap)), false) = (arguments.positional.first(), grow.is_bottom()) {
                    self.mutate(frame, state, *heap, &|known| known.join(&grow));
                }
                Value::default()
            }
            "heappop" => first.iterated(),
            "namedtuple" => self.named_tuple(frame, arguments),
            "SimpleNamespace" => {
                for (name, value) in arguments.named.iter().filter(|(_, value)| !value.is_bottom()) {
                    self.facts.add((Owner::Attribute, name), value);
                }
                Value::default()
            }
            "itemgetter" => {
                let indices = arguments.positional.iter().map(|(value, node)| {
                    let number = value.number.and_then(|number| number.into_iter().flatten().next());
                    number.map(|number| (number, Spot { file: frame.file, node: *node }))
                });
                let indices: Option<Rc<[_]>> = indices.collect();
                indices.map_or_else(Value::default, |indices| Value::callable(Callable::Getter(indices)))
            }
            _ => return None,
        };
        Some(value)
    }

    /// `zip(("size", "name", …), item)`: names for the elements of an item, from the front.
    fn zip_with_names(&mut self, frame: &mut Frame<'p>, arguments: &Arguments<'p>) {
        let counts = arguments.positional.iter().map(|(_, node)| self.written_length(frame.file, *node));
        let takes = counts.into_iter().flatten().min();
        for (value, node) in &arguments.positional {
            if let Some(item) = value.item.filter(|_| node.kind() != "list_splat") {
                self.notes.note(frame, *node, Form::Cut(takes.unwrap_or(usize::MAX)), item);
            }
        }
    }

    /// How many elements a tuple or list display has, here or as the value of a module's name.
    fn written_length(&self, file: FileId, node: Node<'p>) -> Option<usize> {
        let root = self.package.source(file).ok()?.root();
        let mut value = Some(node);
        if node.kind() == "identifier" {
            let name = self.text(file, node);
            let assigned = |statement: Node<'p>| {
                let assignment = statement.part(0).filter(|inner| inner.kind() == "assignment")?;
                let left = assignment.field("left").filter(|left| self.text(file, *left) == name);
                left.and_then(|_| assignment.field("right"))
            };
            value = root.parts().into_iter().find_map(assigned);
        }
        value.and_then(display_length).and_then(|length| usize::try_from(length).ok())
    }

    /// Follows the `key=` of a sort with an element.
    fn key(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, arguments: &Arguments<'p>, element: &Value<'p>) {
        let key = arguments.named("key");
        self.apply(frame, state, &key, vec![element.clone()]);
    }

    /// Calls what `function` may be with these values.
    fn apply(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        function: &Value<'p>,
        given: Vec<Value<'p>>,
    ) -> Value<'p> {
        let node = frame.node;
        let arguments =
            Arguments { positional: given.into_iter().map(|value| (value, node)).collect(), ..Arguments::default() };
        let function = self.resolve(frame, node, function.clone());
        let mut out = Value::default();
        for (callable, arities) in &function.callables {
            let value = self.invoke(frame, state.arities.and(*arities), callable, &arguments);
            out = out.join(&value);
        }
        out
    }

    /// `starmap(function, items)`: each item spread over the parameters.
    fn apply_spread(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        function: &Value<'p>,
        element: &Value<'p>,
        arguments: &Arguments<'p>,
    ) {
        let (Some(item), Some((_, node))) = (element.item, arguments.positional.get(1)) else { return };
        let spread = Arguments { spread: Some((item, *node)), ..Arguments::default() };
        let function = self.resolve(frame, *node, function.clone());
        for (callable, arities) in &function.callables {
            self.invoke(frame, state.arities.and(*arities), callable, &spread);
        }
    }
}

/// `zip(a, b)` gives pairs; `zip(*items)` gives the columns of the items, which are as many as an item is long.
fn zip<'p>(arguments: &Arguments<'p>) -> Value<'p> {
    // `zip(*zip(*items))` gives the items again.
    if let (Some((item, _)), true) = (arguments.spread, arguments.positional.is_empty()) {
        return Value::list_of(Value::item(item));
    }
    if let [(list, node)] = arguments.positional.as_slice()
        && node.kind() == "list_splat"
    {
        let column = list.element.as_ref().and_then(|element| element.item).map(Value::item);
        return column.unwrap_or_default();
    }
    Value::list_of(Value::tuple(arguments.positional.iter().map(|(list, _)| list.iterated()).collect()))
}
