//! Names with `*` for any bytes, compared regardless of ASCII case, in linear time.

/// A name with `*` for any bytes.
#[derive(Debug)]
pub(super) struct Glob {
    /// What stands before the first `*`, or the whole name.
    start: Vec<u8>,
    /// What stands between, in order.
    inner: Vec<Vec<u8>>,
    /// What stands behind the last `*`; absent without any.
    end: Option<Vec<u8>>,
}

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        let folded = text.to_ascii_lowercase();
        let mut parts = folded.as_bytes().split(|byte| *byte == b'*').map(<[u8]>::to_vec);
        let start = parts.next().unwrap_or_default();
        let mut inner: Vec<_> = parts.collect();
        let end = inner.pop();
        Self { start, inner, end }
    }

    pub(super) fn matches(&self, name: &[u8]) -> bool {
        let Some(end) = &self.end else {
            return name.eq_ignore_ascii_case(&self.start);
        };
        let Some(rest) = cut(name, &self.start) else {
            return false;
        };
        let Some((mut rest, last)) = rest.split_at_checked(rest.len().wrapping_sub(end.len())) else {
            return false;
        };
        // Each part at its first place: a later one leaves less room for those behind it.
        for part in &self.inner {
            let found = rest
                .windows(part.len().max(1))
                .position(|window| window.eq_ignore_ascii_case(part));
            match found {
                Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
                None if part.is_empty() => {}
                None => return false,
            }
        }
        last.eq_ignore_ascii_case(end)
    }
}

fn cut<'a>(name: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (first, rest) = name.split_at_checked(start.len())?;
    first.eq_ignore_ascii_case(start).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The plain definition, slow.
    fn matches(glob: &[u8], name: &[u8]) -> bool {
        match glob.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|at| matches(rest, &name[at..])),
            Some((byte, rest)) => {
                name.first().is_some_and(|found| found.eq_ignore_ascii_case(byte))
                    && matches(rest, &name[1..])
            }
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        for (glob, name, expected) in [
            ("pwd", "PWD", true),
            ("pwd", "pwd2", false),
            ("*token*", "csrf-Token-1", true),
            ("x-*-key", "x-key", false),
            ("x-*-key", "x-api-key", true),
            ("*", "", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(
                Glob::new(glob).matches(name.as_bytes()),
                expected,
                "{glob} {name}"
            );
        }
    }

    proptest! {
        #[test]
        fn it_does_what_the_definition_says(glob in "[aAb*]{0,6}", name in "[aAb]{0,8}") {
            prop_assert_eq!(Glob::new(&glob).matches(name.as_bytes()), matches(glob.as_bytes(), name.as_bytes()));
        }
    }
}
