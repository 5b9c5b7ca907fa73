//! Tells whether a value changes the SQL statement into which an application puts it.
//!
//! The value is read as SQL three times: as it is, as the rest of a string in single quotes, and as the rest of one in
//! double quotes. Each reading yields up to five tokens, folded; their kinds are the fingerprint, which is looked up among
//! those of known attacks.

mod fingerprint;
mod fold;
mod lexer;
mod token;
mod word;

use memchr::{memchr, memmem};

use fold::{Folded, fold};
use lexer::{Dialect, Lexer, Place};
use token::Kind;

/// Whether a value is SQL injection.
pub(crate) fn is_sqli(value: &[u8]) -> bool {
    if value.is_empty() {
        return false;
    }
    let ansi_then_mysql = |quote: Option<u8>| {
        let (found, is_ambiguous) = read(value, quote, Dialect::Ansi);
        found || is_ambiguous && read(value, quote, Dialect::MySql).0
    };
    let holds = |quote: u8| memchr(quote, value).is_some();
    // Only MySQL takes double quotes for strings.
    ansi_then_mysql(None)
        || holds(b'\'') && ansi_then_mysql(Some(b'\''))
        || holds(b'"') && read(value, Some(b'"'), Dialect::MySql).0
}

/// Reads a value behind a quote, or as it is; also tells whether the other dialect would have read it differently.
fn read(value: &[u8], quote: Option<u8>, dialect: Dialect) -> (bool, bool) {
    let mut lexer = Lexer::new(value, Place { quote, dialect });
    let folded = fold(&mut lexer);
    let found = fingerprint::is_known(folded.kinds()) && !is_harmless(&lexer, &folded, value);
    (found, lexer.is_ambiguous())
}

/// Whether a value is honest although its fingerprint is that of an attack.
fn is_harmless(lexer: &Lexer<'_>, folded: &Folded<'_>, value: &[u8]) -> bool {
    // A comment that keeps the statement out of SQL Server's log is never honest.
    let ends_in_comment = folded.kinds().last() == Some(Kind::Comment);
    if ends_in_comment && memmem::find(value, b"sp_password").is_some() {
        return false;
    }
    match folded.len() {
        2 => is_harmless_pair(lexer, folded, value),
        3 => is_harmless_triple(lexer, folded),
        _ => false,
    }
}

fn is_harmless_pair(lexer: &Lexer<'_>, folded: &Folded<'_>, value: &[u8]) -> bool {
    let (first, second) = (folded.token(0), folded.token(1));
    if second.kind == Kind::Union {
        // `1 union`, and nothing was folded away.
        return lexer.count() == 2;
    }
    let opening = second.byte(0);
    if opening == Some(b'#') {
        return true;
    }
    if second.kind == Kind::Comment && first.kind == Kind::Bareword && opening != Some(b'/') {
        return true;
    }
    if second.kind == Kind::Comment && first.kind == Kind::Number && opening != Some(b'/') {
        // `1 --` and `1/*` are attacks, `1-- foo` and `1 # foo` may be honest. The place is right for a value that begins
        // with its number, and libinjection looks there whether it does or not.
        let behind = |offset: usize| value.get(first.len() + offset).copied();
        let is_blank = behind(0).is_none_or(|byte| byte <= b' ' || byte >= 0x80);
        let is_comment = |pair| (behind(0), behind(1)) == pair;
        return lexer.count() <= 2
            && !is_blank
            && !is_comment((Some(b'/'), Some(b'*')))
            && !is_comment((Some(b'-'), Some(b'-')));
    }
    // Only an attack ends in the two dashes; behind honest ones there is text.
    second.len() > 2 && opening == Some(b'-')
}

fn is_harmless_triple(lexer: &Lexer<'_>, folded: &Folded<'_>) -> bool {
    let (first, second, third) = (folded.token(0), folded.token(1), folded.token(2));
    let is_text = |kind| first.kind == Kind::String && second.kind == kind && third.kind == Kind::String;
    if is_text(Kind::Operator) || is_text(Kind::Logic) {
        // `…' + '…` breaks out of the string and back in; anything else is text in quotes.
        let breaks_out = first.open == 0 && third.close == 0 && first.close == third.open;
        return !breaks_out;
    }
    let is_common = matches!(
        (first.kind, second.kind, third.kind),
        (Kind::String, Kind::Logic, Kind::Bareword)
            | (Kind::Bareword, Kind::Logic, Kind::Number)
            | (
                Kind::Number,
                Kind::Logic,
                Kind::Number | Kind::Variable | Kind::String
            )
    );
    if is_common {
        // `sexy and 17` is honest, `sexy and 17<18` is not: there, something was folded away.
        return lexer.count() == 3;
    }
    // `INTO OUTFILE` and `INTO DUMPFILE` are the only ones of their kind that do harm alone.
    second.kind == Kind::Keyword && (second.len() < 5 || !second.begins_with(b"INTO"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_values_with_fingerprints_of_attacks_pass() {
        for (value, is_attack) in [
            // A comment that SQL Server does not log.
            ("a--sp_password", true),
            ("a--x", false),
            ("sp_password and 17", false),
            ("1--x sp_password", true),
            // A word or a number and a comment.
            ("a/*", true),
            ("a--", false),
            ("a#", false),
            ("a -- b", false),
            ("1 -- b", true),
            ("1-- b", true),
            ("1--b", true),
            ("1--", true),
            ("1 --", true),
            ("1/*", true),
            ("1/**/", true),
            ("1 /*", true),
            ("1#", false),
            ("1 #", false),
            ("1-", false),
            ("1*1--", true),
            (" 1/*", true),
            (" 1--", false),
            (" 1-- b", false),
            ("(1--", true),
            ("+1-- b", true),
            ("1*2-- b", true),
            (" 1*2/*", true),
            ("@a--b", false),
            ("@a/*", true),
            ("a'--", true),
            ("a'-- b", false),
            ("a'#", false),
            // `1 union`, and what was folded to it.
            ("1 union", false),
            ("1 /* a */ union", true),
            ("1+1 union", true),
            ("1,2 union", true),
            ("1 union#", true),
            // Strings around an operator: only what breaks out and back in is an attack.
            ("a'+'b", true),
            ("'a'+'b'", false),
            ("'a'+'b", false),
            ("a'+\"b", false),
            ("a\"+\"b", true),
            ("a'or'b", true),
            ("'a' or 'b'", false),
            // Words and numbers around a logical operator: only where something was folded.
            ("a' or b", false),
            ("a or 1", false),
            ("sexy and 17", false),
            ("sexy and 17<18", true),
            ("1 and 2", false),
            ("1 and 2<3", true),
            ("1 and @a", false),
            ("1 and 'a'", false),
            // Of statements, what writes files.
            ("1 into outfile 'a", true),
            ("a' into outfile 'b", true),
            ("1 top 'a'", false),
            ("a' top 'b", false),
        ] {
            assert_eq!(is_sqli(value.as_bytes()), is_attack, "{value}");
        }
    }
}
