//! Paths: repeated slashes, references to the directory itself and to its parent.

/// Resolves `//`, `/./` and `/../`. References to a parent stay at the beginning of a relative path and go at
/// the root of an absolute one.
pub(super) fn normalize(input: &[u8]) -> Vec<u8> {
    resolve(input, |byte| byte == b'/')
}

/// As [`normalize`], with `\` read as `/`.
pub(super) fn normalize_win(input: &[u8]) -> Vec<u8> {
    resolve(input, |byte| byte == b'/' || byte == b'\\')
}

/// Whether there is anything to resolve.
pub(super) fn may_normalize(input: &[u8]) -> bool {
    memchr::memchr(b'.', input).is_some() || memchr::memmem::find(input, b"//").is_some()
}

fn resolve(input: &[u8], is_separator: impl Fn(u8) -> bool + Copy) -> Vec<u8> {
    let is_absolute = input.first().is_some_and(|&byte| is_separator(byte));
    let mut output = Vec::with_capacity(input.len());
    for segment in input.split(|&byte| is_separator(byte)) {
        match segment {
            b"" | b"." => {}
            b".." if climb(&mut output, is_absolute) => {}
            _ => {
                if is_absolute || !output.is_empty() {
                    output.push(b'/');
                }
                output.extend_from_slice(segment);
            }
        }
    }
    let ends_open = input.last().is_some_and(|&byte| is_separator(byte));
    if (is_absolute && output.is_empty()) || (ends_open && !output.is_empty()) {
        output.push(b'/');
    }
    output
}

/// Drops the last directory; false where the reference has to stay.
fn climb(output: &mut Vec<u8>, is_absolute: bool) -> bool {
    let last = memchr::memrchr(b'/', output);
    let name = last
        .map_or(Some(&**output), |at| output.get(at + 1..))
        .unwrap_or_default();
    if name.is_empty() || name == b".." {
        return is_absolute;
    }
    output.truncate(last.unwrap_or(0));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_resolve() {
        for (input, output) in [
            ("", ""),
            (".", ""),
            ("./", ""),
            ("/", "/"),
            ("//", "/"),
            ("x", "x"),
            ("/a//b/./c/../d", "/a/b/d"),
            ("/a/b/..", "/a"),
            ("/a/b/../", "/a/"),
            ("a/..", ""),
            ("a/b/", "a/b/"),
            ("/a/...", "/a/..."),
        ] {
            assert_eq!(normalize(input.as_bytes()), output.as_bytes(), "{input}");
        }
    }

    #[test]
    fn parents_stay_only_where_a_relative_path_begins() {
        for (input, output) in [
            ("..", ".."),
            ("../", "../"),
            ("../.", ".."),
            ("../../x", "../../x"),
            ("../../../x", "../../../x"),
            ("a/../../x", "../x"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("/..", "/"),
        ] {
            assert_eq!(normalize(input.as_bytes()), output.as_bytes(), "{input}");
        }
    }

    #[test]
    fn clean_paths_are_told_at_a_glance() {
        assert!(!may_normalize(b"/a/b"));
        assert!(may_normalize(b"/a//b") && may_normalize(b"a/."));
    }

    #[test]
    fn backslashes_count_only_for_windows() {
        assert_eq!(normalize_win(br"\a\..\b\/c"), b"/b/c");
        assert_eq!(normalize(br"a\..\b"), br"a\..\b");
    }
}
