//! The bytes of which classes of characters consist.

use std::ops::RangeInclusive;

use regex_syntax::hir::Class;

use super::ByteSet;

pub(super) fn class_bytes(class: &Class) -> ByteSet {
    let mut bytes = ByteSet::default();
    class_ranges(class).for_each(|range| bytes.insert_range(range));
    bytes
}

/// The bytes of which characters of a class consist; for characters beyond ASCII, all that UTF-8 may need.
pub(super) fn class_ranges(class: &Class) -> impl Iterator<Item = RangeInclusive<u8>> {
    const ASCII: u32 = 0x7f;
    let (bytes, characters) = match class {
        Class::Bytes(class) => (class.ranges(), &[][..]),
        Class::Unicode(class) => (&[][..], class.ranges()),
    };
    let bytes = bytes.iter().map(|range| range.start()..=range.end());
    let characters = characters.iter().flat_map(|range| {
        let (start, end) = (range.start() as u32, range.end() as u32);
        let ascii = (start <= ASCII).then(|| start as u8..=end.min(ASCII) as u8);
        let beyond = (end > ASCII).then_some(0x80..=u8::MAX);
        ascii.into_iter().chain(beyond)
    });
    bytes.chain(characters)
}
