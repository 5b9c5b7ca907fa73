//! Tells whether a value runs scripts in the page into which an application puts it.
//!
//! The value is read as HTML five times: as text, within a tag, and as the rest of an attribute in each kind of quotes.

mod html;
mod name;
mod url;

use html::{Html, Piece, Place};
use name::{Attribute, attribute, is_tag};

/// Whether a value runs scripts.
pub(crate) fn is_xss(value: &[u8]) -> bool {
    let places = [
        Place::Text,
        Place::Tag,
        Place::Quoted(b'\''),
        Place::Quoted(b'"'),
        Place::Quoted(b'`'),
    ];
    places
        .into_iter()
        .any(|place| runs_script(Html::new(value, place)))
}

fn runs_script(html: Html<'_>) -> bool {
    let mut last = Attribute::Harmless;
    for piece in html {
        let attribute_before = std::mem::replace(&mut last, Attribute::Harmless);
        match piece {
            Piece::Doctype => return true,
            Piece::Tag(name) if is_tag(name) => return true,
            Piece::Comment(text) if is_comment(text) => return true,
            Piece::Tag(_) | Piece::Comment(_) => {}
            Piece::Attribute(name) => last = attribute(name),
            Piece::Value(value) => {
                let runs = match attribute_before {
                    Attribute::Harmless => false,
                    Attribute::Script => true,
                    Attribute::Url => url::is_script(value),
                    Attribute::Name => attribute(value) != Attribute::Harmless,
                };
                if runs {
                    return true;
                }
            }
        }
    }
    false
}

/// Whether a comment is one that browsers obey: conditional comments, processing instructions, declarations of entities.
fn is_comment(text: &[u8]) -> bool {
    let begins = |word: &[u8]| {
        text.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    // Old browsers take a back quote for the end of a tag.
    text.contains(&b'`')
        || text.len() > 3 && (begins(b"[if") || begins(b"xml"))
        || begins(b"import")
        || begins(b"entity")
}
