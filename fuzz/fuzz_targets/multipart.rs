#![no_main]

use libfuzzer_sys::fuzz_target;
use secbeat_engine::parse;
use secbeat_fuzz::Counted;

// The first line is the content type, the rest the body.
fuzz_target!(|input: &[u8]| {
    let at = input.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let (content_type, body) = input.split_at(at);
    Counted::check(body, 4, 0, |limits, sink| {
        parse::multipart(body, content_type, limits, sink)
    });
    let usual = b"multipart/form-data; boundary=b";
    Counted::check(input, 4, 0, |limits, sink| {
        parse::multipart(input, usual, limits, sink)
    });
});
