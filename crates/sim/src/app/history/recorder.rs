//! The one place where a run's history is written.
//!
//! A value shared by all tasks of a run; each call opens an entry and closes it. An entry that is never closed is a
//! pending call, whose outcome is unknown.

use super::*;
use runtime::sync::Mutex;
use std::sync::Arc;

/// An entry that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpId(usize);

#[derive(Clone, Default)]
pub struct Recorder {
    history: Arc<Mutex<History>>,
}

impl Recorder {
    pub fn now(&self) -> At {
        crate::app::clock::now()
    }

    pub fn invoke(&self, process: u32, call: Call) -> OpId {
        let invoked = self.now();
        let mut history = self.history.lock();
        let outcome = Outcome::Unknown("pending".to_owned());
        history.ops.push(Op {
            process,
            invoked,
            completed: None,
            call,
            outcome,
        });
        OpId(history.ops.len() - 1)
    }

    /// Closes an entry; `fill` writes what the answer brought.
    pub fn complete(&self, id: OpId, outcome: Outcome, fill: impl FnOnce(&mut Call)) {
        let completed = self.now();
        let mut history = self.history.lock();
        let op = &mut history.ops[id.0];
        assert!(op.completed.is_none(), "a call completes once");
        op.completed = Some(completed);
        op.outcome = outcome;
        fill(&mut op.call);
        let Op {
            process,
            call,
            outcome,
            ..
        } = &*op;
        runtime::trace!(
            "op {} of {process}: {} {} {outcome:?}",
            id.0,
            call.name(),
            call.subject()
        );
    }

    /// Writes down a call that is over.
    pub fn record(&self, process: u32, invoked: At, call: Call, outcome: Outcome) {
        let id = self.invoke(process, call);
        self.with(|h| h.ops[id.0].invoked = invoked);
        self.complete(id, outcome, |_| {});
    }

    /// Reads or writes the history in place.
    pub fn with<T>(&self, f: impl FnOnce(&mut History) -> T) -> T {
        f(&mut self.history.lock())
    }

    pub fn add_topic(&self, facts: TopicFacts) -> TopicRef {
        self.with(|h| {
            h.topics.push(facts);
            TopicRef(h.topics.len() as u32 - 1)
        })
    }

    /// The history so far, leaving an empty one.
    pub fn take(&self) -> History {
        std::mem::take(&mut self.history.lock())
    }
}
