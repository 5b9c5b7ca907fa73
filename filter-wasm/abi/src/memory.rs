//! Memory that the proxy fills and the plugin then owns.

#![expect(unsafe_code, reason = "the proxy hands over raw memory that it has asked for")]

use std::ptr;

/// Memory for the proxy to write to, as `proxy_on_memory_allocate` returns it. Whoever gets it back by [`Answer::take`]
/// frees it.
#[must_use]
pub fn allocate(size: usize) -> *mut u8 {
    Box::into_raw(Box::<[u8]>::new_uninit_slice(size)).cast()
}

/// Where a call leaves the place and the length of the bytes that it answers with.
#[derive(Debug)]
pub(crate) struct Answer {
    bytes: *mut u8,
    length: usize,
}

impl Answer {
    /// Nothing, as yet.
    pub(crate) const fn new() -> Self {
        Self {
            bytes: ptr::null_mut(),
            length: 0,
        }
    }

    /// The two pointers to hand to the proxy.
    pub(crate) const fn place(&mut self) -> (*mut *mut u8, *mut usize) {
        (&raw mut self.bytes, &raw mut self.length)
    }

    /// The bytes, which the proxy has left behind here; empty if it has left none.
    ///
    /// # Safety
    ///
    /// The proxy, if anybody, has written both fields, after it had [`allocate`]d just this length, written each byte, and
    /// kept no pointer.
    pub(crate) unsafe fn take(self) -> Vec<u8> {
        if self.bytes.is_null() {
            return Vec::new();
        }
        // SAFETY: by the contract above this is a boxed slice of this length, initialized, and ours alone.
        unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(self.bytes, self.length)) }.into_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_behind_is_taken_over() {
        let mut answer = Answer::new();
        let bytes = allocate(3);
        // SAFETY: three bytes were allocated.
        unsafe { bytes.cast::<[u8; 3]>().write(*b"abc") };
        let (place, length) = answer.place();
        // SAFETY: both point into `answer`.
        unsafe { place.write(bytes) };
        // SAFETY: as above.
        unsafe { length.write(3) };
        // SAFETY: allocated, written and left behind just as the proxy does.
        assert_eq!(unsafe { answer.take() }, b"abc");
    }

    #[test]
    fn nothing_is_no_bytes() {
        // SAFETY: nobody has written to it.
        assert_eq!(unsafe { Answer::new().take() }, b"");
    }
}
