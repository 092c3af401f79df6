//! What one principal may have of what there is for all.

/// A part of what there is for all, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share(usize);

impl Share {
    /// So many percent; more than all is all.
    pub(crate) fn percent(percent: usize) -> Self {
        Self(percent.min(100))
    }

    /// The share of this number, at least one.
    pub(crate) fn of(self, whole: usize) -> usize {
        (whole / 100 * self.0 + whole % 100 * self.0 / 100).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_is_never_nothing_and_never_more_than_all() {
        for (percent, whole, share) in [
            (25, 1000, 250),
            (25, 1, 1),
            (100, 7, 7),
            (250, 7, 7),
            (50, usize::MAX, usize::MAX / 2),
        ] {
            assert_eq!(Share::percent(percent).of(whole), share, "{percent} % of {whole}");
        }
    }
}
