//! Node classes with `define_schema`, ComfyUI's newer form: their inputs as the older form has them.

use std::rc::Rc;

use super::call::Arguments;
use super::evaluate::Evaluator;
use super::value::{Class, Dict, Made, Value};

/// Types whose names in the newer form differ from those of the older one by more than case.
const NAMES: [(&str, &str); 4] =
    [("ControlNet", "CONTROL_NET"), ("ClipVision", "CLIP_VISION"), ("Int", "INT"), ("Combo", "COMBO")];

impl<'t> Evaluator<'t> {
    /// The result of a class's `INPUT_TYPES`.
    pub(super) fn input_types(&self, class: &Rc<Class<'t>>) -> Option<Value<'t>> {
        let this = Value::Class(Rc::clone(class));
        match self.member(class, "INPUT_TYPES", &this, 0) {
            Some(function @ Value::Function(_)) => Some(self.call(&function, Arguments::default())),
            _ => self.schema(class).map(|schema| older(&schema)),
        }
    }

    /// The id of a class in the newer form.
    pub(super) fn node_id(&self, class: &Rc<Class<'t>>) -> Option<String> {
        self.schema(class).and_then(|schema| Some(named(&schema, "node_id")?.as_text()?.to_owned()))
    }

    /// The types of its outputs.
    pub(super) fn outputs(&self, class: &Rc<Class<'t>>) -> Vec<String> {
        let outputs = self.schema(class).and_then(|schema| named(&schema, "outputs"));
        let Some(Value::List(outputs)) = outputs else { return Vec::new() };
        let outputs = outputs.items.borrow();
        outputs
            .iter()
            .filter_map(|output| if let Value::Made(made) = output { kind(&made.callee) } else { None })
            .collect()
    }

    fn schema(&self, class: &Rc<Class<'t>>) -> Option<Rc<Made<'t>>> {
        let this = Value::Class(Rc::clone(class));
        let Some(function @ Value::Function(_)) = self.member(class, "define_schema", &this, 0) else { return None };
        match self.call(&function, Arguments::default()) {
            Value::Made(made) if made.callee.ends_with("Schema") => Some(made),
            _ => None,
        }
    }
}

fn older<'t>(schema: &Made<'t>) -> Value<'t> {
    let Some(Value::List(inputs)) = named(schema, "inputs") else { return Value::Unknown };
    if !inputs.is_closed() {
        return Value::Unknown;
    }
    let [required, optional] = [Dict::default(), Dict::default()];
    for input in inputs.items.borrow().iter() {
        let Value::Made(made) = input else { return Value::Unknown };
        let (Some(kind), Some(name)) = (kind(&made.callee), argument(made, 0, "id")) else { return Value::Unknown };
        let Some(name) = name.as_text().map(str::to_owned) else { return Value::Unknown };
        let options = Dict::default();
        made.named.iter().for_each(|(key, value)| options.set(key, value.clone()));
        let is_optional = options.get("optional").is_some_and(|optional| optional.truth() == Some(true));
        let group = if is_optional { &optional } else { &required };
        group.set(&name, Value::list(vec![Value::text(&kind), Value::Dict(Rc::new(options))]));
    }
    let types = Dict::default();
    types.set("required", Value::Dict(Rc::new(required)));
    types.set("optional", Value::Dict(Rc::new(optional)));
    Value::Dict(Rc::new(types))
}

/// The type of `io.Combo.Input` or `io.Model.Output`, as the older form names it.
fn kind(callee: &str) -> Option<String> {
    let name = callee.rsplit('.').nth(1)?;
    let known = NAMES.iter().find(|(newer, _)| *newer == name).map(|(_, older)| (*older).to_owned());
    Some(known.unwrap_or_else(|| name.to_ascii_uppercase()))
}

fn named<'t>(made: &Made<'t>, name: &str) -> Option<Value<'t>> {
    made.named.iter().find(|(known, _)| &**known == name).map(|(_, value)| value.clone())
}

fn argument<'t>(made: &Made<'t>, position: usize, name: &str) -> Option<Value<'t>> {
    made.arguments.get(position).cloned().or_else(|| named(made, name))
}
