//! Command lines, as shells read them.

use super::whitespace::is_space;

/// Drops `\`, `"`, `'` and `^`; turns `,`, `;` and white space into single spaces; drops a space before `/` and `(`;
/// folds letters.
pub(super) fn cmd_line(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    for &byte in input {
        match byte {
            b'\\' | b'"' | b'\'' | b'^' => {}
            b',' | b';' | b' ' => blank(&mut output),
            _ if is_space(byte) => blank(&mut output),
            b'/' | b'(' => {
                if output.last() == Some(&b' ') {
                    output.pop();
                }
                output.push(byte);
            }
            _ => output.push(byte.to_ascii_lowercase()),
        }
    }
    output
}

fn blank(output: &mut Vec<u8>) {
    if output.last() != Some(&b' ') {
        output.push(b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shells_ignore_goes() {
        assert_eq!(cmd_line(b"C^OMMAND /C DIR"), b"command/c dir");
        assert_eq!(cmd_line(br#""c"\a't' ,;/etc/pa"ss"wd"#), b"cat/etc/passwd");
        assert_eq!(cmd_line(b"wget\t\n  x;ls"), b"wget x ls");
        assert_eq!(cmd_line(b"exec ('id')"), b"exec(id)");
    }
}
