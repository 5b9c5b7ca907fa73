//! How many lines attackers may make the filter write.

/// A bound on log lines that requests cause: whoever attacks must not fill a disk with it.
#[derive(Debug, Default)]
pub(crate) struct LogBudget {
    second: u64,
    spent: u32,
    withheld: u64,
}

impl LogBudget {
    /// Lines per second and worker.
    const LINES: u32 = 10;

    /// Whether one more line may be written, and then how many were withheld before it.
    pub(crate) fn spend(&mut self, now: u64) -> Option<u64> {
        let second = now / 1_000_000_000;
        if second != self.second {
            self.second = second;
            self.spent = 0;
        }
        if self.spent >= Self::LINES {
            self.withheld += 1;
            return None;
        }
        self.spent += 1;
        Some(std::mem::take(&mut self.withheld))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_second_and_the_next_one_tells_what_is_missing() {
        let mut budget = LogBudget::default();
        let written = (0..25).filter(|_| budget.spend(5_000_000_000).is_some()).count();
        assert_eq!(written, 10);
        assert_eq!(budget.spend(6_000_000_000), Some(15));
        assert_eq!(budget.spend(6_000_000_001), Some(0));
    }
}
