//! Headers in one piece, as the proxy hands them over: one hostcall of proxy-wasm, and the only unsafe code of SecBeat.
//!
//! The SDK makes two strings of every header. What stands in the bytes, and whether it makes sense, is for the caller
//! to see: nothing here depends on it.

#![expect(
    unsafe_code,
    reason = "a hostcall is a foreign function that returns raw memory"
)]

use std::ptr;

use proxy_wasm::types::MapType;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    /// Serializes a map into memory that it allocates by `proxy_on_memory_allocate`; returns a status, of which 0 is good.
    fn proxy_get_header_map_pairs(map: MapType, bytes: *mut *mut u8, length: *mut usize) -> u32;
}

/// The headers or trailers of the message that the current callback is about, serialized as in proxy-wasm ABI 0.2.1:
/// the number of pairs; for each, the lengths of name and value; for each, name, zero byte, value, zero byte. Numbers
/// have 32 bits, the lowest first. `None` if the proxy has no such map now.
#[must_use]
pub fn serialized(map: MapType) -> Option<Vec<u8>> {
    let (mut bytes, mut length) = (ptr::null_mut(), 0);
    // SAFETY: both point to locals that outlive the call, and the proxy writes nothing else.
    let status = unsafe { proxy_get_header_map_pairs(map, &raw mut bytes, &raw mut length) };
    if status != 0 || bytes.is_null() {
        return None;
    }
    // SAFETY: the proxy allocated these bytes by the SDK's `proxy_on_memory_allocate`, as a boxed slice of just this
    // length, has written each of them, and keeps no pointer: they are ours alone.
    let bytes = unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(bytes, length)) };
    Some(bytes.into_vec())
}
