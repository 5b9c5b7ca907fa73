#![no_main]

use libfuzzer_sys::fuzz_target;
use secbeat_engine::parse;
use secbeat_fuzz::Counted;

fuzz_target!(|input: &[u8]| {
    Counted::check(input, 6, 600, |limits, sink| parse::xml(input, limits, sink));
});
