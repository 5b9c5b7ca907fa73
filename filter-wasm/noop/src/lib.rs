//! An Envoy filter that lets everything pass: what proxy-wasm itself costs, for benchmarks to compare with.
//!
//! It is written as a filter in Rust is, with the SDK, and sets the same pass marker as SecBeat's, but looks at nothing.

use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext, RootContext},
    types::{Action, ContextType},
};

mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(super::Root));
    }}
}

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream))
    }
}

struct Stream;

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        let _ = hostcalls::set_property(vec!["secbeat_pass"], Some(b"ok"));
        Action::Continue
    }
}
