//! What the proxy calls.

/// What becomes of the part of a message that a callback is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// It goes on.
    Continue = 0,
    /// It waits in the proxy, or for good where an answer was sent.
    Pause = 1,
}

/// A plugin: one set of functions for a whole VM. Contexts are numbers; the proxy makes a root context for each
/// configuration of the plugin, and a stream context under it for each request, and never gives a number twice in a VM.
///
/// Every callback is about the context whose number it is given. Callbacks do not nest.
pub trait Plugin {
    /// The VM starts. Comes first, and once.
    fn start();
    /// A root context begins.
    fn create_root(root: u32);
    /// A request begins, under the configuration of this root context.
    fn create_stream(stream: u32, root: u32);
    /// A context ends. What the proxy knew of the stream by way of properties is still there, headers and bodies are not.
    fn delete(context: u32);
    /// There is a configuration. Returns whether the plugin can serve with it.
    fn configure(root: u32) -> bool;
    /// The time that was asked for has passed.
    fn tick(root: u32);
    /// A gRPC call that this context made is answered, by a message of `size` bytes.
    fn grpc_received(context: u32, token: u32, size: usize);
    /// A gRPC call that this context made has failed, with this status.
    fn grpc_failed(context: u32, token: u32, status: u32);
    /// The request's headers have arrived; `end` tells that nothing follows.
    fn request_headers(stream: u32, end: bool) -> Action;
    /// `size` bytes of the request's body are at hand; `end` tells that nothing follows.
    fn request_body(stream: u32, size: usize, end: bool) -> Action;
    /// The request has ended with trailers.
    fn request_trailers(stream: u32) -> Action;
    /// The response's headers have arrived; `end` tells that nothing follows.
    fn response_headers(stream: u32, end: bool) -> Action;
    /// `size` bytes of the response's body are at hand; `end` tells that nothing follows.
    fn response_body(stream: u32, size: usize, end: bool) -> Action;
    /// The response has ended with trailers.
    fn response_trailers(stream: u32) -> Action;
}

/// What [`export!`] is written with.
pub mod exported {
    pub use crate::memory::allocate;
}

/// Makes a [`Plugin`] what the proxy calls. To be used once in a module.
///
/// A callback that is not exported costs nothing: there is no `proxy_on_log` and no `proxy_on_done`, because
/// [`Plugin::delete`] tells the end as well.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        #[cfg(target_os = "wasi")]
        unsafe extern "C" {
            fn __wasm_call_ctors();
        }

        /// Starts the VM.
        #[unsafe(no_mangle)]
        pub extern "C" fn _initialize() {
            #[cfg(target_os = "wasi")]
            // SAFETY: this is the one call that the linker wants of a module that is no command, before any other.
            unsafe {
                __wasm_call_ctors();
            }
            <$plugin as $crate::Plugin>::start();
        }

        /// Says which ABI this is, by its name.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_abi_version_0_2_1() {}

        /// Memory for the proxy to write to.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
            $crate::exported::allocate(size)
        }

        /// A context begins; a root context is under none, which is 0.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_context_create(context: u32, root: u32) {
            if root == 0 {
                <$plugin as $crate::Plugin>::create_root(context);
            } else {
                <$plugin as $crate::Plugin>::create_stream(context, root);
            }
        }

        /// A context ends.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_delete(context: u32) {
            <$plugin as $crate::Plugin>::delete(context);
        }

        /// There is a configuration.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_configure(root: u32, _size: usize) -> bool {
            <$plugin as $crate::Plugin>::configure(root)
        }

        /// The time that was asked for has passed.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_tick(root: u32) {
            <$plugin as $crate::Plugin>::tick(root);
        }

        /// A gRPC call is answered.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_grpc_receive(context: u32, token: u32, size: usize) {
            <$plugin as $crate::Plugin>::grpc_received(context, token, size);
        }

        /// A gRPC call has failed.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_grpc_close(context: u32, token: u32, status: u32) {
            <$plugin as $crate::Plugin>::grpc_failed(context, token, status);
        }

        /// The request's headers have arrived.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_request_headers(stream: u32, _count: usize, end: bool) -> $crate::Action {
            <$plugin as $crate::Plugin>::request_headers(stream, end)
        }

        /// Bytes of the request's body are at hand.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_request_body(stream: u32, size: usize, end: bool) -> $crate::Action {
            <$plugin as $crate::Plugin>::request_body(stream, size, end)
        }

        /// The request has ended with trailers.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_request_trailers(stream: u32, _count: usize) -> $crate::Action {
            <$plugin as $crate::Plugin>::request_trailers(stream)
        }

        /// The response's headers have arrived.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_response_headers(stream: u32, _count: usize, end: bool) -> $crate::Action {
            <$plugin as $crate::Plugin>::response_headers(stream, end)
        }

        /// Bytes of the response's body are at hand.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_response_body(stream: u32, size: usize, end: bool) -> $crate::Action {
            <$plugin as $crate::Plugin>::response_body(stream, size, end)
        }

        /// The response has ended with trailers.
        #[unsafe(no_mangle)]
        pub extern "C" fn proxy_on_response_trailers(stream: u32, _count: usize) -> $crate::Action {
            <$plugin as $crate::Plugin>::response_trailers(stream)
        }
    };
}
