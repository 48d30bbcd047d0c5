//! The trace hash: equal in two runs of a seed, or something outside the seed leaked in.

use super::dice::{FNV_OFFSET, fnv};
use std::fmt::{self, Write};

/// The run's hash so far, and, when asked for, the events that made it.
pub struct Trace {
    hash: u64,
    events: u64,
    kept: Option<Vec<String>>,
}

impl Trace {
    pub fn new(keep: bool) -> Trace {
        Trace {
            hash: FNV_OFFSET,
            events: 0,
            kept: keep.then(Vec::new),
        }
    }

    pub fn event(&mut self, node: u32, now: u64, event: fmt::Arguments<'_>) {
        self.events += 1;
        self.hash = fnv(fnv(self.hash, &node.to_le_bytes()), &now.to_le_bytes());
        write!(Feed(&mut self.hash), "{event}").expect("hashing cannot fail");
        // Closes the event, so that "ab" is not "a" and then "b".
        self.hash = fnv(self.hash, &[0xff]);
        if let Some(kept) = &mut self.kept {
            kept.push(format!(
                "{}.{:09} node {node}: {event}",
                now / 1_000_000_000,
                now % 1_000_000_000
            ));
        }
    }

    /// The hash and the number of events in it.
    pub fn sum(&self) -> (u64, u64) {
        (self.hash, self.events)
    }

    pub fn take_kept(&mut self) -> Vec<String> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

struct Feed<'a>(&'a mut u64);

impl Write for Feed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        *self.0 = fnv(*self.0, text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(events: &[(u32, u64, &str)]) -> u64 {
        let mut trace = Trace::new(false);
        events
            .iter()
            .for_each(|(node, now, text)| trace.event(*node, *now, format_args!("{text}")));
        trace.sum().0
    }

    #[test]
    fn node_time_text_and_borders_count() {
        let base = sum(&[(1, 5, "ab")]);
        assert_eq!(base, sum(&[(1, 5, "ab")]));
        for other in [
            &[(2, 5, "ab")][..],
            &[(1, 6, "ab")],
            &[(1, 5, "ac")],
            &[(1, 5, "a"), (1, 5, "b")],
        ] {
            assert_ne!(base, sum(other));
        }
    }
}
