//! Comments of SQL, C, shells and HTML.
//!
//! `MySQL` runs what stands in `/*!50000 … */`: of such a comment only the marks and the version go, its content stays.

use super::rewrite;

/// Each `/* … */` becomes one space; one that never ends hides the rest.
pub(super) fn replace(input: &[u8]) -> Vec<u8> {
    let mut is_executable = false;
    rewrite(input, [b'/', b'*'], |from, output| match from {
        [b'/', b'*', b'!', after @ ..] => {
            is_executable = true;
            output.push(b' ');
            without_version(after)
        }
        [b'*', b'/', after @ ..] if is_executable => {
            is_executable = false;
            output.push(b' ');
            after
        }
        [b'/', b'*', inside @ ..] => {
            output.push(b' ');
            behind(inside, b"*/").unwrap_or_default()
        }
        [byte, after @ ..] => {
            output.push(*byte);
            after
        }
        [] => from,
    })
}

/// Comments go: `/* … */` and `<!-- … -->` with what they hold, `--` and `#` with the rest of their line. Where a
/// comment never ends or ends with its line, a space stays.
pub(super) fn remove(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    let mut is_executable = false;
    loop {
        rest = match rest {
            [b'/', b'*', b'!', after @ ..] => {
                is_executable = true;
                without_version(after)
            }
            [b'*', b'/', after @ ..] if is_executable => {
                is_executable = false;
                after
            }
            [b'/', b'*', inside @ ..] => removed(behind(inside, b"*/"), &mut output),
            [b'<', b'!', b'-', b'-', inside @ ..] => removed(behind(inside, b"-->"), &mut output),
            [b'-', b'-', inside @ ..] | [b'#', inside @ ..] => {
                output.push(b' ');
                line_end(inside)
            }
            [byte, after @ ..] => {
                output.push(*byte);
                after
            }
            [] => return output,
        };
    }
}

/// `/*`, `*/`, `--` and `#` go, what they hold stays; what the removal brings together goes as well.
pub(super) fn remove_marks(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    for &byte in input {
        match (output.last(), byte) {
            (Some(b'/'), b'*') | (Some(b'*'), b'/') | (Some(b'-'), b'-') => {
                output.pop();
            }
            (_, b'#') => {}
            _ => output.push(byte),
        }
    }
    output
}

fn behind<'a>(input: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    input.get(memchr::memmem::find(input, end)? + end.len()..)
}

fn removed<'a>(after: Option<&'a [u8]>, output: &mut Vec<u8>) -> &'a [u8] {
    if after.is_none() {
        output.push(b' ');
    }
    after.unwrap_or_default()
}

fn line_end(input: &[u8]) -> &[u8] {
    memchr::memchr2(b'\n', b'\r', input)
        .and_then(|at| input.get(at..))
        .unwrap_or_default()
}

fn without_version(input: &[u8]) -> &[u8] {
    let digits = input
        .iter()
        .take(6)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    input.get(digits..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_spaces() {
        assert_eq!(replace(b"un/**/ion/* x */select"), b"un ion select");
        assert_eq!(replace(b"a/*b"), b"a ");
        assert_eq!(replace(b"a*/b"), b"a*/b");
        assert_eq!(replace(b"/*/x*/y"), b" y");
    }

    #[test]
    fn executable_comments_keep_their_content() {
        assert_eq!(replace(b"1/*!50000union*/select"), b"1 union select");
        assert_eq!(remove(b"1/*!union*/ select"), b"1union select");
    }

    #[test]
    fn comments_go() {
        assert_eq!(remove(b"un/**/ion<!-- x -->!"), b"union!");
        assert_eq!(remove(b"a/*b"), b"a ");
        assert_eq!(remove(b"a*/b"), b"a*/b");
    }

    #[test]
    fn line_comments_do_not_hide_the_next_line() {
        assert_eq!(remove(b"1--x\nunion #y\r\nselect"), b"1 \nunion  \r\nselect");
    }

    #[test]
    fn marks_go_until_none_is_left() {
        assert_eq!(remove_marks(b"/*a*/b--c#d"), b"abcd");
        assert_eq!(remove_marks(b"//**un"), b"un");
        assert_eq!(remove_marks(b"a-b/c*d"), b"a-b/c*d");
    }
}
