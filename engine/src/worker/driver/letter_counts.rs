//! Dead letters by code. Counted a batch at a time.

use metrics::Counter;

/// Codes are few: those of the rules that were ever in force and the engine's own.
#[derive(Default)]
pub(super) struct LetterCounts {
    known: Vec<Code>,
    /// The last one that was counted: most letters in a row have the same.
    last: usize,
}

struct Code {
    name: String,
    counter: Counter,
    /// Not yet told.
    letters: u64,
}

impl LetterCounts {
    /// A letter has this code.
    pub(super) fn count(&mut self, code: &str) {
        if self.known.get(self.last).is_none_or(|last| last.name != code) {
            self.last = self.find(code);
        }
        self.known[self.last].letters += 1;
    }

    fn find(&mut self, code: &str) -> usize {
        self.known.iter().position(|known| known.name == code).unwrap_or_else(|| {
            let counter = metrics::counter!("weir_dead_letters_total", "code" => code.to_owned());
            self.known.push(Code { name: code.to_owned(), counter, letters: 0 });
            self.known.len() - 1
        })
    }

    /// Adds what was counted to `weir_dead_letters_total`.
    pub(super) fn tell(&mut self) {
        for code in self.known.iter_mut().filter(|code| code.letters > 0) {
            code.counter.increment(std::mem::take(&mut code.letters));
        }
    }
}
