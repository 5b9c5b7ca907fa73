#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use secbeat_engine::transform::{Transformation, Triggers};

/// Transformations that have nothing left to do the second time.
const UNIFYING: [Transformation; 17] = [
    Transformation::Lowercase,
    Transformation::Uppercase,
    Transformation::RemoveNulls,
    Transformation::ReplaceNulls,
    Transformation::RemoveWhitespace,
    Transformation::CompressWhitespace,
    Transformation::RemoveCommentsChar,
    Transformation::ReplaceComments,
    Transformation::CmdLine,
    Transformation::NormalizePath,
    Transformation::NormalizePathWin,
    Transformation::Trim,
    Transformation::TrimLeft,
    Transformation::TrimRight,
    Transformation::ParityEven,
    Transformation::ParityOdd,
    Transformation::ParityZero,
];

fuzz_target!(|input: &[u8]| {
    let present = Triggers::of(input);
    for &transformation in Transformation::ALL {
        let output = transformation.apply(Cow::Borrowed(input));
        let is_changed = *output != *input;
        assert!(
            output.len() <= input.len() * transformation.max_growth() + Transformation::LONGEST_FIXED,
            "{transformation} grows"
        );
        assert_eq!(
            transformation.changed(input).is_some(),
            is_changed,
            "changed of {transformation}"
        );
        assert!(
            !is_changed || transformation.may_change(input),
            "may_change of {transformation}"
        );
        assert!(
            !is_changed || present.intersects(transformation.triggers()),
            "triggers of {transformation}"
        );
        if UNIFYING.contains(&transformation) {
            assert_eq!(
                transformation.apply(Cow::Borrowed(&output)),
                output,
                "{transformation} twice"
            );
        }
    }
});
