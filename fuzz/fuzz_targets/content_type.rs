#![no_main]

use libfuzzer_sys::fuzz_target;
use secbeat_engine::parse::{self, GrpcFrames};
use secbeat_fuzz::Counted;

// What is told from few bytes: paths, content types, looks of XML, frames of gRPC.
fuzz_target!(|input: &[u8]| {
    Counted::check(input, 0, 0, |_, sink| parse::content_type(input, sink));
    Counted::check(input, 0, 0, |_, sink| {
        assert!(parse::path(input, sink).len() <= input.len(), "a path grows");
    });
    let _ = (parse::looks_like_xml(input), parse::is_xml_in_disguise(input));
    Counted::check(input, 0, 0, |_, sink| GrpcFrames::default().read(input, sink));
});
