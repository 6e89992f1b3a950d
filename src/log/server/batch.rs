//! The loads of one call of ComfyUI's `load_models_gpu`. It first prints all requests, `Requested to load X`, then loads
//! the models in the same order. Models that are there already are not requested, and may still print how they are loaded.

use super::super::kind;
use super::super::load::{Load, LoadKind, Outcome};

/// The requests and the loads of a call, as far as it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    requests: Vec<Request>,
    pub(super) loads: Vec<Load>,
    /// Did something else follow the requests? Then the next one belongs to another call.
    is_sealed: bool,
}

#[derive(Debug, Clone)]
struct Request {
    line: u64,
    model: String,
}

impl Batch {
    /// Can another request be part of it?
    pub(super) fn takes_request(&self) -> bool {
        self.loads.is_empty() && !self.is_sealed
    }

    pub(super) fn request(&mut self, line: u64, model: &str) {
        self.requests.push(Request { line, model: model.to_owned() });
    }

    /// Is a model requested, of which nothing has been said?
    pub(super) fn is_waiting(&self) -> bool {
        self.requests.len() > self.loads.len()
    }

    /// The line of the request that is next.
    pub(super) fn next_line(&self) -> Option<u64> {
        self.requests.get(self.loads.len()).map(|request| request.line)
    }

    /// Something else follows: no further request, and no further load if all are there.
    pub(super) fn seal(&mut self) {
        self.is_sealed |= !self.requests.is_empty();
    }

    /// Are all loads there?
    pub(super) fn is_complete(&self) -> bool {
        !self.loads.is_empty() && !self.is_waiting()
    }

    /// The loads, each with its model if that is certain.
    pub(super) fn close(&mut self, is_failed: bool) -> Vec<Load> {
        let Self { requests, mut loads, .. } = std::mem::take(self);
        let is_paired = (loads.len() == requests.len() || (is_failed && loads.len() < requests.len()))
            && loads.iter().zip(&requests).all(|(load, request)| fits(load, request));
        if is_paired {
            for (load, request) in loads.iter_mut().zip(&requests) {
                load.model = Some(request.model.clone());
                load.line = load.line.min(request.line);
            }
        }
        for load in &mut loads {
            load.kind = load.kind.or_else(|| kind::of_class(load.model.as_deref()?));
        }
        let silent = requests.len().saturating_sub(loads.len());
        for request in &requests[requests.len() - silent..] {
            let mut load = Load::new(request.line);
            if is_paired || loads.len() + silent == requests.len() && silent == requests.len() {
                load.kind = kind::of_class(&request.model);
                load.model = Some(request.model.clone());
            }
            let why = if is_failed {
                "an exception came before the log says how it was loaded"
            } else {
                "nothing in the log says how it was loaded; ComfyUI says nothing if nothing is left to load"
            };
            load.outcome = Outcome::Unknown { why: why.to_owned() };
            loads.push(load);
        }
        loads
    }
}

/// Can a load be the one that was requested?
fn fits(load: &Load, request: &Request) -> bool {
    let kinds = (load.kind, kind::of_class(&request.model));
    // Other models have no allocation, whatever their loader node was asked for.
    let is_by_node = matches!(load.outcome, Outcome::Distributed | Outcome::Reused) || !load.planned.is_empty();
    if is_by_node && kinds.1 == Some(LoadKind::Other) {
        return false;
    }
    load.model.as_ref().is_none_or(|model| *model == request.model)
        && !matches!(kinds, (Some(found), Some(asked)) if found != asked)
}
