//! Tables that stand as text beside the code; the compiler reads them.

/// The lines of a text, in order. The text must have exactly `N`.
#[expect(
    clippy::indexing_slicing,
    reason = "the compiler evaluates it, and a wrong index is an error of the build"
)]
pub(super) const fn lines<const N: usize>(text: &'static str) -> [&'static [u8]; N] {
    let mut lines: [&[u8]; N] = [b""; N];
    let (mut rest, mut line, mut at) = (text.as_bytes(), 0, 0);
    while at < rest.len() {
        if rest[at] == b'\n' {
            let (head, tail) = rest.split_at(at);
            lines[line] = head;
            line += 1;
            rest = tail.split_at(1).1;
            at = 0;
        } else {
            at += 1;
        }
    }
    assert!(line == N, "the table has another number of lines");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_kept_in_order() {
        assert_eq!(lines::<2>("a bc\nd\n"), [&b"a bc"[..], b"d"]);
    }
}
