//! load-list: items are read by what their fields mean, whatever their number.
//!
//! ```text
//! before  for size, name, module, params in loading:       total = sum(item[0] for item in loading)
//! after   for *_, size, name, module, params in loading:   total = sum(item[-4] for item in loading)
//! ```
//!
//! `_load_list()` returned 4 fields and now returns more, all of them in front; so counting from the end is right for
//! any number, and means for 4 fields just what it meant before. With offload accounting the size is the first field
//! instead: `a, *_, b, c, d` and `item[0]`.

mod release;
mod roles;
mod undo;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use tree_sitter::Node;

use self::roles::Field;
use super::spare::{is_read, spare_name};
use super::{About, Accounting, Contract, Definition, Fix, Reading, Site, Standing, State, Status, Subject, Survey};
use crate::python::field::Fields as _;
use crate::python::flow::value::{LENGTHS, Number, Record, WORLDS, Worlds};
use crate::python::flow::{Form, Seeds, Takes, Use, is_star};
use crate::python::{Edit, Package, Source};

/// The fix.
pub const LOAD_LIST: Fix = Fix::new(&LoadList);

/// A site that is right for items of 4 fields only.
pub const LEGACY: State =
    State { name: "legacy", meaning: "for 4 fields only", standing: Standing::Repairable, arities: Some(&[4]) };

/// A site that is right for items of 5 fields only.
pub const FIVE_ONLY: State =
    State { name: "five-only", meaning: "for 5 fields only", standing: Standing::InOrder, arities: Some(&[5]) };

/// A site that is right whatever the number of fields.
pub const ANY: State =
    State { name: "any", meaning: "for any number of fields", standing: Standing::InOrder, arities: Some(&LENGTHS) };

static ABOUT: About = About {
    id: "load-list",
    rule_name: "LoadList",
    title: "Read load-list items of any number of fields",
    problem: "A load-list item is read for one number of fields only",
    description: "ComfyUI puts new fields in front of the items of a load list. Code that unpacks four fields stops with \
                  \"too many values to unpack\", and code that counts from the front reads another field without any \
                  error.",
    help: "Count from the end: `for *_, size, name, module, params in load_list`, `item[-4]`. `distorch-fix apply` does \
           so, and runs the result before it is written.",
    repair: "Read items of any number of fields",
    absent: "nothing was found that reads a load list",
    states: &[LEGACY, FIVE_ONLY, ANY],
    is_one_repair: false,
    reads_items: true,
    is_in_allocation: false,
    query: include_str!("../../../patches/load-list.scm"),
    needles: &[super::SOURCE_NAME],
};

struct LoadList;

impl Definition for LoadList {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn seed(&self, source: &Source, capture: &str, node: Node<'_>, seeds: &mut Seeds) {
        if capture == "load-list.method" {
            seeds.sources.extend(source_expression(source, node).map(|node| node.id()));
        }
    }

    fn survey(&self, subject: &Subject<'_>, accounting: Accounting) -> Survey {
        survey(subject, accounting)
    }

    fn verdict(&self, survey: &Survey) -> String {
        verdict(survey)
    }

    fn undo(&self, source: &Source, sites: &[&Site]) -> Vec<Edit> {
        undo::undo(source, sites)
    }

    fn bind(&self, survey: &Survey, is_left: bool, contract: &mut Contract) {
        contract.arities = match survey {
            _ if is_left => &[4],
            _ if survey.count(FIVE_ONLY) > 0 => &[5],
            _ => &[4, 5],
        };
        // A repair of code that is never run chooses nothing.
        let mut used = survey.sites.iter().filter(|site| site.unused.is_none());
        contract.counts_as_asked = used.any(|site| !site.edits.is_empty());
    }

    fn release(&self, package: &Package, survey: &Survey) -> Option<&'static str> {
        release::release(package, survey)
    }
}

/// The fields that every item has had, so far, at its end.
const FIELDS: i64 = LENGTHS[0];

fn survey(subject: &Subject<'_>, accounting: Accounting) -> Survey {
    let judge = Judge::new(subject, accounting);
    let mut sites = Vec::new();
    let mut stuck = !subject.flow.gave_up.is_empty();
    for used in &subject.flow.uses {
        if let Some(site) = judge.site(used) {
            // What other code does with items may be right. What this code does, and cannot be repaired, is not.
            stuck |= site.state == State::OPAQUE && !matches!(used.form, Form::Escape | Form::Search);
            sites.push(site);
        }
    }
    for spot in &subject.flow.gave_up {
        sites.push(Site::new(*spot, State::OPAQUE, "too deep, or too much, to be followed"));
    }
    let note = judge
        .by_guide
        .get()
        .then(|| "repaired by hand as the guide has it, which takes module_offload_mem for the size".to_owned());
    let mut survey = Survey::new(LOAD_LIST, sites, note);
    if stuck {
        survey.status = Status::NotUnderstood;
    }
    survey
}

fn verdict(survey: &Survey) -> String {
    let (count, opaque) = (survey.sites.len(), survey.count(State::OPAQUE));
    if survey.status == Status::NotUnderstood {
        return if opaque == 1 {
            "1 place that reads a load list".to_owned()
        } else {
            format!("{opaque} places that read a load list")
        };
    }
    let states = ABOUT.states.iter().chain(&[State::OPAQUE]);
    let parts: Vec<_> = states.map(|state| (survey.count(*state), state.meaning)).filter(|(n, _)| *n > 0).collect();
    let how = match parts[..] {
        [(_, what)] if count > 1 => format!(", all {what}"),
        [(_, what)] => format!(", {what}"),
        _ => format!(": {}", parts.iter().map(|(n, what)| format!("{n} {what}")).collect::<Vec<_>>().join(", ")),
    };
    let places = if count == 1 { "1 place reads".to_owned() } else { format!("{count} places read") };
    let unused = match survey.sites.iter().filter(|site| site.unused.is_some()).count() {
        0 => String::new(),
        all if all == count => ", in code that is never run".to_owned(),
        some => format!(", {some} of them in code that is never run"),
    };
    let note = survey.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
    format!("{places} a load list{how}{unused}{note}")
}

/// The expression that, when called, gives a load list, around a mention of the method's name: the attribute, or the
/// `getattr` call.
fn source_expression<'t>(source: &Source, name: Node<'t>) -> Option<Node<'t>> {
    let parent = name.parent()?;
    if parent.kind() == "attribute" {
        return (parent.child_by_field_name("attribute") == Some(name)).then_some(parent);
    }
    let call = parent.parent().filter(|list| list.kind() == "argument_list")?.parent()?;
    let function = call.child_by_field_name("function")?;
    (source.slice(function) == "getattr").then_some(call)
}

struct Judge<'s, 'p> {
    subject: &'s Subject<'p>,
    accounting: Accounting,
    /// For each file, the name that fields which nobody wants are given.
    spare_names: RefCell<HashMap<usize, Rc<str>>>,
    /// The subscripts of a function that read the same thing, by what is read.
    alike: HashMap<Alike<'p>, Vec<&'s Use<'p>>>,
    /// Whether these are meant for current ComfyUI.
    alike_are_new: RefCell<HashMap<Alike<'p>, bool>>,
    /// The functions whose length tests can be repaired.
    tested: HashSet<usize>,
    /// Does some place follow the guide: `entry[0], entry[2], entry[3], entry[4]`?
    by_guide: Cell<bool>,
}

/// A function, by its node's id, and the text of what is subscripted in it.
type Alike<'p> = (usize, &'p str);

/// What a use comes to, before the site is made of it.
struct Finding {
    state: State,
    message: String,
    edits: Vec<Edit>,
}

impl Finding {
    fn new(state: State, message: impl Into<String>) -> Self {
        Self { state, message: message.into(), edits: Vec::new() }
    }

    fn legacy(message: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self { edits, ..Self::new(LEGACY, message) }
    }
}

impl<'s, 'p> Judge<'s, 'p> {
    fn new(subject: &'s Subject<'p>, accounting: Accounting) -> Self {
        let mut judge = Self {
            subject,
            accounting,
            spare_names: RefCell::default(),
            alike: HashMap::default(),
            alike_are_new: RefCell::default(),
            tested: HashSet::default(),
            by_guide: Cell::new(false),
        };
        for used in &subject.flow.uses {
            let Some(source) = subject.source(used.spot.file) else { continue };
            match used.form {
                Form::Index(..) => judge.alike.entry(alike(source, used)).or_default().push(used),
                Form::Test if Self::test(source, used).is_some() => {
                    judge.tested.insert(used.function.id());
                    judge.tested.extend(&used.askers);
                }
                _ => {}
            }
        }
        judge
    }

    fn spare_name(&self, source: &Source, file: usize) -> Rc<str> {
        let mut known = self.spare_names.borrow_mut();
        Rc::clone(known.entry(file).or_insert_with(|| spare_name(source).into()))
    }

    fn site(&self, used: &Use<'p>) -> Option<Site> {
        let source = self.subject.source(used.spot.file)?;
        let finding = if used.form == Form::Test {
            return Self::test(source, used);
        } else if used.selective && used.record.worlds().has(0) {
            return self.selective(used);
        } else if used.caught {
            Finding::new(ANY, "tries one number of fields, then another")
        } else if used.record.mixed {
            Finding::new(State::OPAQUE, "items of different shapes meet here")
        } else {
            match &used.form {
                Form::Unpack => self.unpack(source, used),
                Form::Index(number, index) => self.index(source, used, *number, *index),
                Form::Getter(index) => self.getter(source, used, *index),
                Form::Slice(start, end) => self.slice(source, used, *start, *end),
                Form::Spread(takes) => self.spread(source, used, *takes),
                Form::Cut(takes) => self.cut(source, used, *takes),
                Form::Test | Form::Search => Finding::new(State::OPAQUE, "looks for the fields when it runs"),
                Form::Change => {
                    Finding::new(State::OPAQUE, "changes an item, so what stands where in it cannot be told")
                }
                Form::Escape => Finding::new(State::OPAQUE, "hands load-list items to code outside of the checkout"),
            }
        };
        let edits: Vec<_> = finding.edits.into_iter().map(|edit| (used.spot.file, edit)).collect();
        let number = if let Form::Index(number, _) = used.form { Some(number) } else { None };
        let reads = if used.caught { where_it_fits(used) } else { used.record };
        // What is cut before it is read is not to be read on its own.
        let looks = matches!(used.form, Form::Spread(Takes { looks: true, .. }));
        let is_cut = looks || edits.iter().all(|(_, edit)| edit.range.0 >= used.spot.node.end_byte());
        let reading = ((edits.is_empty() && !looks) || !is_cut).then(|| Reading::new(&reads, number));
        Some(Site { reading, ..Site::new(used.spot, finding.state, finding.message).with(edits) })
    }

    /// A length test in a function that passes over items of more fields. It is to ask for so many at least.
    fn test(source: &Source, used: &Use<'p>) -> Option<Site> {
        if !used.selective {
            return None;
        }
        let comparison = used.spot.node;
        let operator = comparison.child_by_field_name("operators")?;
        let (left, right) = (comparison.part(0)?, comparison.part(1)?);
        let number = |node: Node<'_>| source.slice(node).parse::<i64>().ok();
        let (is_mirrored, node) = if number(left).is_some() { (true, left) } else { (false, right) };
        let in_order = |operator| if is_mirrored { mirrored(operator) } else { operator };
        let number = number(node)?;
        // Of 4 and 5 fields, for which does it hold?
        let meant = match (in_order(operator.kind()), number - FIELDS) {
            ("==" | "<=", 0) | ("<", 1) => ">=",
            ("!=" | ">", 0) | (">=", 1) => "<",
            _ => return None,
        };
        let message = format!("`{}` passes over the items of current ComfyUI", source.slice(comparison));
        let mut edits = vec![(used.spot.file, Edit::replace(operator.byte_range(), in_order(meant)))];
        if number != FIELDS {
            edits.push((used.spot.file, Edit::replace(node.byte_range(), FIELDS.to_string())));
        }
        Some(Site::new(used.spot, LEGACY, message).with(edits))
    }

    /// A use that only items of 4 fields get to, for the others are passed over. Once the test is repaired they do.
    fn selective(&self, used: &Use<'p>) -> Option<Site> {
        let mut record = used.record;
        record.shapes[1] = record.shapes[0];
        let form = match used.form {
            Form::Index(number, index) => Form::Index([number[0]; WORLDS], index),
            ref other => other.clone(),
        };
        let used = Use { form, record, selective: false, ..used.clone() };
        if self.tested.contains(&used.function.id()) {
            return self.site(&used);
        }
        Some(Site::new(used.spot, State::OPAQUE, "items of more than 4 fields do not get here"))
    }

    fn unpack(&self, source: &Source, used: &Use<'p>) -> Finding {
        let pattern = used.spot.node;
        let is_case = pattern.kind() == "case_clause";
        let is_target = |node: &Node<'_>| !is_case || node.kind() == "case_pattern";
        let targets: Vec<_> = pattern.parts().into_iter().filter(is_target).collect();
        match targets.iter().position(|target| is_star(*target)) {
            Some(star) => self.unpack_starred(source, used, &targets, star),
            None => self.unpack_plain(source, used, &targets),
        }
    }

    fn unpack_plain(&self, source: &Source, used: &Use<'p>, targets: &[Node<'p>]) -> Finding {
        let count = as_i64(targets.len());
        let takes = |n: i64| format!("takes items of {n} fields");
        match fits(&used.record, |length, _| length == count) {
            Fits::Every => Finding::new(ANY, takes(count)),
            Fits::Five => Finding::new(FIVE_ONLY, format!("{}: right for current ComfyUI only", takes(count))),
            Fits::Neither => Finding::new(State::OPAQUE, format!("{}, which no ComfyUI has returned", takes(count))),
            Fits::Four => {
                let lead = used.record.shapes[0].map_or(0, |shape| shape.lead);
                let at = match self.accounting {
                    Accounting::Offload if lead >= 0 => lead + 1,
                    _ => lead.max(0),
                };
                let star = format!("*{}, ", self.spare_name(source, used.spot.file));
                let edit = usize::try_from(at)
                    .ok()
                    .and_then(|at| targets.get(at))
                    .map(|target| Edit::insert(target.start_byte(), star));
                let message = format!("unpacks {count} fields; current ComfyUI returns {}", count + 1);
                edit.map_or_else(|| Finding::new(State::OPAQUE, &message), |edit| Finding::legacy(&message, vec![edit]))
            }
        }
    }

    /// `size, name, *rest`: fields before the star are counted from the front.
    fn unpack_starred(&self, source: &Source, used: &Use<'p>, targets: &[Node<'p>], star: usize) -> Finding {
        let right = Finding::new(ANY, "takes any number of fields");
        let Some(shape) = used.record.shapes[0].filter(|_| used.record.worlds().has(1)) else { return right };
        let own = (as_i64(star) - shape.lead).max(0);
        let behind = as_i64(targets.len() - star - 1) - shape.trail;
        if own == 0 || (own == 1 && behind >= FIELDS - 1) {
            return right;
        }
        let message = "takes fields from the front; current ComfyUI puts another one there";
        let missing = FIELDS - own - behind;
        let name = targets[star].part(0);
        let used_later = name.is_none_or(|name| is_read(source, used.function, source.slice(name)));
        if shape.lead != 0 || shape.trail != 0 || missing < 0 {
            return Finding::new(State::OPAQUE, message);
        }
        // Only a star at the end, whose name nobody reads, can go to the front; the places it stood for are kept.
        if used_later || behind != 0 {
            let cut = self.cut_before(source, used.spot.node);
            return cut
                .map_or_else(|| Finding::new(State::OPAQUE, message), |edit| Finding::legacy(message, vec![edit]));
        }
        let starred = source.slice(targets[star]);
        let keep = usize::from(self.accounting == Accounting::Offload);
        let spare = self.spare_name(source, used.spot.file);
        let fillers = vec![&*spare; usize::try_from(missing).unwrap_or(0)].join(", ");
        let replaced = if fillers.is_empty() {
            // The comma before the star goes with it.
            Edit::replace(targets[star - 1].end_byte()..targets[star].end_byte(), "")
        } else {
            Edit::replace(targets[star].byte_range(), fillers)
        };
        Finding::legacy(message, vec![Edit::insert(targets[keep].start_byte(), format!("{starred}, ")), replaced])
    }

    /// Cuts what a pattern is given to the last fields, where that stands beside it.
    fn cut_before(&self, source: &Source, pattern: Node<'p>) -> Option<Edit> {
        let outer = pattern.parent().filter(|outer| outer.child_by_field_name("left") == Some(pattern))?;
        let right = outer.child_by_field_name("right")?;
        let cut = match outer.kind() {
            "assignment" if right.kind() != "assignment" => self.last_fields(&in_parentheses(source, right)),
            "for_statement" | "for_in_clause" => {
                format!("({} for item in {})", self.last_fields("item"), source.slice(right))
            }
            _ => return None,
        };
        Some(Edit::replace(right.byte_range(), cut))
    }

    fn index(&self, source: &'p Source, used: &Use<'p>, number: Number, index: Node<'p>) -> Finding {
        let text = source.slice(used.spot.node);
        match self.read(&used.record, number) {
            Read::Same => Finding::new(ANY, format!("`{text}` is right for any number of fields")),
            Read::FiveOnly => Finding::new(FIVE_ONLY, format!("`{text}` is right for current ComfyUI only")),
            Read::Outside => Finding::new(State::OPAQUE, format!("`{text}` is not a field of any ComfyUI's items")),
            Read::Differs(old, new) => {
                if self.wants_new(source, used, new) {
                    let is_by_guide = new == Field::OffloadMem;
                    self.by_guide.set(self.by_guide.get() || is_by_guide);
                    let by = if is_by_guide { " as the guide has it" } else { "" };
                    let message = format!("`{text}` reads {}{by}: right for current ComfyUI only", new.name());
                    return Finding::new(FIVE_ONLY, message);
                }
                let message = format!("`{text}` reads {} in current ComfyUI, not {}", new.name(), old.name());
                Finding::legacy(message, vec![from_the_end(source, &used.record, number, index)])
            }
        }
    }

    fn getter(&self, source: &Source, used: &Use<'p>, index: i64) -> Finding {
        let number = [Some(index); WORLDS];
        let text = source.slice(used.spot.node);
        match self.read(&used.record, number) {
            Read::Differs(old, new) => {
                let message = format!("itemgetter({text}) reads {} in current ComfyUI, not {}", new.name(), old.name());
                Finding::legacy(message, vec![from_the_end(source, &used.record, number, used.spot.node)])
            }
            Read::Same => Finding::new(ANY, format!("itemgetter({text}) is right for any number of fields")),
            Read::FiveOnly | Read::Outside => {
                Finding::new(FIVE_ONLY, format!("itemgetter({text}) is right for current ComfyUI only"))
            }
        }
    }

    fn slice(&self, source: &Source, used: &Use<'p>, start: i64, end: Option<i64>) -> Finding {
        let node = used.spot.node;
        let text = source.slice(node);
        let plain = used.record.shapes.iter().flatten().all(|shape| shape.lead == 0 && shape.trail == 0);
        let both = used.record.worlds().has(0) && used.record.worlds().has(1);
        match end {
            _ if !both => Finding::new(ANY, format!("`{text}` is taken for one number of fields")),
            Some(1) if plain && start == 0 && self.accounting == Accounting::Offload => {
                Finding::new(ANY, format!("`{text}` is right for any number of fields"))
            }
            Some(end) if plain && start >= 0 && (start..=FIELDS).contains(&end) => {
                let message = format!("`{text}` counts from the front; current ComfyUI puts another field there");
                let Some(subscript) = node.child_by_field_name("subscript") else {
                    return Finding::new(State::OPAQUE, message);
                };
                let tail = |start: i64| match end - FIELDS {
                    0 => format!("{}:", start - FIELDS),
                    end => format!("{}:{end}", start - FIELDS),
                };
                if self.accounting == Accounting::Offload && start == 0 {
                    let value = node.child_by_field_name("value").map_or("", |value| source.slice(value));
                    let both = format!("(*{value}[:1], *{value}[{}])", tail(1));
                    return Finding::legacy(message, vec![Edit::replace(node.byte_range(), both)]);
                }
                Finding::legacy(message, vec![Edit::replace(subscript.byte_range(), tail(start))])
            }
            None if start < 0 => Finding::new(ANY, format!("`{text}` is right for any number of fields")),
            Some(end) if start < 0 && end < 0 && -start <= FIELDS => {
                Finding::new(ANY, format!("`{text}` is right for any number of fields"))
            }
            Some(end) if start >= 1 && end == FIELDS + 1 => {
                Finding::new(FIVE_ONLY, format!("`{text}` is right for current ComfyUI only"))
            }
            _ => Finding::new(State::OPAQUE, format!("`{text}` means different fields in different ComfyUIs")),
        }
    }

    fn spread(&self, source: &Source, used: &Use<'p>, takes: Takes) -> Finding {
        let Takes { least, most, looks } = takes;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let fit = fits(&used.record, |length, _| (as_i64(least)..=most).contains(&length));
        let node = used.spot.node;
        let message = match fit {
            // What takes more, if it is there, takes the field that is new for the first one.
            Fits::Every if used.record.worlds() == Worlds::ALL && !looks => {
                "is spread over parameters from the front; current ComfyUI puts another field there".to_owned()
            }
            Fits::Every => return Finding::new(ANY, "is spread over as many parameters as it has fields"),
            Fits::Five => {
                let message = format!("is spread over {most} parameters: right for current ComfyUI only");
                return Finding::new(FIVE_ONLY, message);
            }
            Fits::Neither => return Finding::new(State::OPAQUE, format!("is spread over {least} parameters")),
            Fits::Four => format!("is spread over {FIELDS} parameters; current ComfyUI returns {} fields", FIELDS + 1),
        };
        let Some(inner) = node.part(0).filter(|_| node.kind() == "list_splat") else {
            // `starmap(function, items)`: the items are cut to their last fields on the way.
            let item = self.last_fields("item");
            let items = format!("({item} for item in {})", source.slice(node));
            return Finding::legacy(message, vec![Edit::replace(node.byte_range(), items)]);
        };
        let item = in_parentheses(source, inner);
        let spread = match self.accounting {
            Accounting::Resident => format!("*{item}[-{FIELDS}:]"),
            Accounting::Offload => format!("{item}[0], *{item}[-{}:]", FIELDS - 1),
        };
        Finding::legacy(message, vec![Edit::replace(node.byte_range(), spread)])
    }

    /// The last fields of an item, with what counts as its size before them.
    fn last_fields(&self, item: &str) -> String {
        match self.accounting {
            Accounting::Resident => format!("{item}[-{FIELDS}:]"),
            Accounting::Offload => format!("({item}[0], *{item}[-{}:])", FIELDS - 1),
        }
    }

    /// An item that is handed on as a whole, to what takes so many fields from the front.
    fn cut(&self, source: &Source, used: &Use<'p>, takes: usize) -> Finding {
        let count = as_i64(takes);
        match fits(&used.record, |length, _| length == count) {
            Fits::Every => Finding::new(ANY, format!("takes items of {count} fields")),
            Fits::Five => Finding::new(FIVE_ONLY, format!("takes {count} fields: right for current ComfyUI only")),
            Fits::Neither if takes == usize::MAX => {
                Finding::new(State::OPAQUE, "pairs the fields with names of which it is not known how many there are")
            }
            Fits::Neither => Finding::new(State::OPAQUE, format!("takes {count} fields from the front")),
            Fits::Four => {
                let message = format!("takes {count} fields from the front; current ComfyUI puts another one there");
                let item = in_parentheses(source, used.spot.node);
                Finding::legacy(message, vec![Edit::replace(used.spot.node.byte_range(), self.last_fields(&item))])
            }
        }
    }

    /// Which fields an index reads.
    fn read(&self, record: &Record, number: Number) -> Read {
        let field = |world: usize| {
            let (shape, at) = (record.shapes[world]?, number[world]?);
            let length = record.length(world)?;
            let position = if at < 0 { length + at } else { at };
            Some(Field::at(position - shape.lead, LENGTHS[world]))
        };
        match (field(0), field(1)) {
            (Some(Some(old)), Some(Some(new))) if old == new => Read::Same,
            (Some(Some(Field::Mem)), Some(Some(Field::OffloadMem))) if self.accounting == Accounting::Offload => {
                Read::Same
            }
            (Some(Some(old)), Some(Some(new))) => Read::Differs(old, new),
            (Some(None), Some(Some(_))) => Read::FiveOnly,
            (Some(Some(_)), None) | (None, Some(Some(_))) => Read::Same,
            _ => Read::Outside,
        }
    }

    /// Is an index meant for current ComfyUI? Its use may tell; if not, the other indices on the same name do.
    fn wants_new(&self, source: &'p Source, used: &Use<'p>, new: Field) -> bool {
        if let Some(role) = roles::role(source, used.spot.node).filter(|_| new != Field::OffloadMem) {
            return role == new;
        }
        let key = alike(source, used);
        if let Some(known) = self.alike_are_new.borrow().get(&key) {
            return *known;
        }
        let mut old_style = false;
        let mut new_style = false;
        for other in self.alike.get(&key).into_iter().flatten() {
            let Form::Index(number, _) = &other.form else { continue };
            match self.read(&other.record, *number) {
                Read::FiveOnly => new_style = true,
                Read::Differs(old, new) if new != Field::OffloadMem => {
                    let role = roles::role(source, other.spot.node);
                    new_style |= role == Some(new);
                    old_style |= role == Some(old);
                }
                _ => {}
            }
        }
        let are_new = new_style && !old_style;
        self.alike_are_new.borrow_mut().insert(key, are_new);
        are_new
    }
}

/// The record in those worlds in which a pattern does not fail.
fn where_it_fits(used: &Use<'_>) -> Record {
    let mut record = used.record;
    let targets = used.spot.node.parts();
    if used.form == Form::Unpack && !targets.iter().any(|target| is_star(*target)) {
        for world in 0..WORLDS {
            if record.length(world) != Some(as_i64(targets.len())) {
                record.shapes[world] = None;
            }
        }
    }
    record
}

/// What a subscript reads, and where.
fn alike<'p>(source: &'p Source, used: &Use<'p>) -> Alike<'p> {
    let value = used.spot.node.child_by_field_name("value");
    (used.function.id(), value.map_or("", |value| source.slice(value)))
}

/// The operator that says the same with the sides changed.
fn mirrored(operator: &str) -> &str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}

enum Read {
    /// The same field for any number of fields.
    Same,
    /// This field of 4, that field of 5.
    Differs(Field, Field),
    /// A field only if there are 5.
    FiveOnly,
    /// Never a field.
    Outside,
}

enum Fits {
    Every,
    Four,
    Five,
    Neither,
}

/// In which of the worlds that get here does `holds` (of the record's length) hold?
fn fits(record: &Record, holds: impl Fn(i64, usize) -> bool) -> Fits {
    let fit = |world: usize| record.length(world).map(|length| holds(length, world));
    match (fit(0), fit(1)) {
        (Some(true) | None, Some(true)) | (Some(true), None) => Fits::Every,
        (Some(true), Some(false)) => Fits::Four,
        (Some(false), Some(true)) => Fits::Five,
        _ => Fits::Neither,
    }
}

/// Counts an index from the end, so that it means for more fields what it means for 4.
fn from_the_end(source: &Source, record: &Record, number: Number, index: Node<'_>) -> Edit {
    let length = record.length(0).unwrap_or(FIELDS);
    let text = source.slice(index);
    let replaced = match (index.kind(), number[0]) {
        ("integer", Some(number)) => (number - length).to_string(),
        ("identifier" | "attribute", _) => format!("{text} - {length}"),
        _ => format!("({text}) - {length}"),
    };
    Edit::replace(index.byte_range(), replaced)
}

/// An expression that a subscript can be put behind.
fn in_parentheses(source: &Source, node: Node<'_>) -> String {
    let text = source.slice(node);
    if is_primary(node) { text.to_owned() } else { format!("({text})") }
}

/// Can a subscript be put behind it without parentheses?
fn is_primary(node: Node<'_>) -> bool {
    matches!(node.kind(), "identifier" | "attribute" | "subscript" | "call" | "parenthesized_expression")
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
