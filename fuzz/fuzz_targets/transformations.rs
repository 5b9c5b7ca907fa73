#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use secbeat_engine::transform::{Transformation, Triggers};

fuzz_target!(|input: &[u8]| {
    let present = Triggers::of(input);
    for &transformation in Transformation::ALL {
        let output = transformation.apply(Cow::Borrowed(input));
        let is_changed = *output != *input;
        assert!(
            output.len() <= input.len() * transformation.max_growth() + Transformation::LONGEST_FIXED,
            "{transformation} grows"
        );
        assert!(
            !is_changed || transformation.may_change(input),
            "may_change of {transformation}"
        );
        assert!(
            !is_changed || present.intersects(transformation.triggers()),
            "triggers of {transformation}"
        );
    }
});
