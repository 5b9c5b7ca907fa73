use proptest::prelude::*;

use super::*;
use crate::parse::collected::Collected;

fn parse(body: impl AsRef<[u8]>) -> Collected {
    parse_within(body, &Limits::default())
}

fn parse_within(body: impl AsRef<[u8]>, limits: &Limits) -> Collected {
    Collected::of(|sink| xml(body.as_ref(), limits, sink))
}

#[test]
fn documents_are_flattened() {
    let found = parse(
        "\u{feff}<?xml version=\"1.0\"?>\n<s:Envelope xmlns:s='urn:s'>\n  <s:Body id = \"1\" x='a\"b'>\n    \
         <name>Ann &amp; Bob</name><name>C</name><none/>\n  </s:Body>\n</s:Envelope>\n<!-- end -->\n",
    );
    let expected = [
        ("s:Envelope.@xmlns:s", "urn:s"),
        ("s:Envelope.s:Body.@id", "1"),
        ("s:Envelope.s:Body.@x", "a\"b"),
        ("s:Envelope.s:Body.name", "Ann & Bob"),
        ("s:Envelope.s:Body.name", "C"),
        ("s:Envelope.s:Body.none", ""),
    ];
    assert_eq!(found.pairs(), expected);
    assert_eq!(found.errors, []);
}

#[test]
fn text_before_an_empty_element_is_not_mixed() {
    let found = parse("<r><z>x</z><a>y<b/></a></r>");
    assert_eq!(found.pairs(), [("r.z", "x"), ("r.a.b", ""), ("r.a", "y")]);
}

#[test]
fn attributes_that_strict_readers_refuse_are_told() {
    for (body, name, value) in [
        ("<a =\"x\"/>", "a.@", "x"),
        ("<a b=\"&x\"/>", "a.@b", "&x"),
        ("<a b=\"x<y\"/>", "a.@b", "x<y"),
    ] {
        let found = parse(body);
        assert_eq!(found.pairs(), [(name, value)], "{body}");
        assert_eq!(found.errors, [ParseError::XmlSyntax], "{body}");
    }
}

#[test]
fn neither_comments_nor_sections_split_text() {
    for body in [
        "<a>un<!-- x -->ion</a>",
        "<a><![CDATA[un]]><![CDATA[ion]]></a>",
        "<a>un<?x y?><![CDATA[ion]]></a>",
        "<a>&#117;n<!----><![CDATA[]]>&#x69;on</a>",
    ] {
        let found = parse(body);
        assert_eq!(found.pairs(), [("a", "union")], "{body}");
        assert_eq!(found.errors, [], "{body}");
    }
}

#[test]
fn sections_hold_text_as_it_stands() {
    let found = parse("<a><![CDATA[<b>&lt;]] >]]></a>");
    assert_eq!(found.pairs(), [("a", "<b>&lt;]] >")]);
    assert_eq!(found.errors, []);
}

#[test]
fn text_split_by_elements_is_seen_whole() {
    let found = parse("<a><p>un<b>ion</b> se<i>le<u/></i>ct</p><q>1<r>2</r></q></a>");
    assert_eq!(
        found.pairs(),
        [
            ("a.p.b", "ion"),
            ("a.p.i.u", ""),
            ("a.p.i", "le"),
            ("a.p", "un sect"),
            ("a.q.r", "2"),
            ("a.q", "1"),
            ("a.p", "union select"),
            ("a.q", "12"),
        ]
    );
    assert_eq!(found.errors, []);
}

#[test]
fn only_the_outermost_mixed_text_is_repeated() {
    let found = parse("<a>1<b>2<c>3</c></b></a>");
    assert_eq!(
        found.pairs(),
        [("a.b.c", "3"), ("a.b", "2"), ("a", "1"), ("a", "123")]
    );
}

#[test]
fn no_entity_is_expanded() {
    let found = parse("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a b='&x;'>&x;</a>");
    assert_eq!(found.pairs(), [("a.@b", "&x;"), ("a", "&x;")]);
    assert_eq!(
        found.errors,
        [
            ParseError::XmlDoctype,
            ParseError::XmlEntity,
            ParseError::XmlSyntax
        ]
    );
    let found = parse("<!DOCTYPE svg PUBLIC \"x\" \"y\"><svg/>");
    assert_eq!(found.errors, [ParseError::XmlDoctype]);
    assert_eq!(found.pairs(), [("svg", "")]);
}

#[test]
fn careless_documents_are_read_on() {
    for (body, expected) in [
        ("<a b=1 c>x</a>", &[("a.@b", "1"), ("a.@c", ""), ("a", "x")][..]),
        ("<a b='1'c=\"2\"/>", &[("a.@b", "1"), ("a.@c", "2")]),
        ("<a>1 < 2 & 3</a>", &[("a", "1 < 2 & 3")]),
        ("<a>un</b>ion</a>", &[("a", "union")]),
        ("<a><b>1</a>", &[("a.b", "1")]),
        ("<a>1</a><b>2</b>", &[("a", "1"), ("b", "2")]),
        ("<a>1</a>2", &[("a", "1"), ("", "2"), ("", "12")]),
        ("<a><b>1", &[("a.b", "1")]),
        ("<a><![CDATA[1]]", &[("a", "1]]")]),
        ("<a>1</a", &[("", "1"), ("", "</a")]),
        ("<a b='<'/>", &[("a.@b", "<")]),
        ("<a/ b='1'>", &[("a.@b", "1")]),
        ("<a =1/>", &[("a.@", "1/")]),
        ("just text", &[("", "just text")]),
        ("<!ENTITY x>", &[("", "<!ENTITY x>")]),
    ] {
        let found = parse(body);
        assert_eq!(found.pairs(), expected, "{body}");
        assert_eq!(found.errors, [ParseError::XmlSyntax], "{body}");
    }
}

#[test]
fn what_cannot_be_read_is_handed_on() {
    for (body, expected) in [
        ("<a>1<!-- &lt;", &[("", "1"), ("", "<!-- <")][..]),
        ("<a>1<b c='&lt;", &[("", "1"), ("", "<b c='<")]),
        (
            "<a>1<b c='2' d='&lt;",
            &[("a.b.@c", "2"), ("", "1"), ("", "<b c='2' d='<")],
        ),
        ("<a><?x", &[("", "<?x")]),
        ("<a><b", &[("", "<b")]),
        ("<!DOCTYPE a [", &[("", "<!DOCTYPE a [")]),
    ] {
        let found = parse(body);
        assert_eq!(found.pairs(), expected, "{body}");
        assert!(found.errors.contains(&ParseError::XmlSyntax), "{body}");
    }
    assert_eq!(parse("").errors, [ParseError::XmlSyntax]);
}

#[test]
fn depth_is_limited() {
    let limits = Limits {
        xml_depth: 2,
        ..Limits::default()
    };
    assert_eq!(parse_within("<a><b>1</b><b/></a>", &limits).errors, []);
    let found = parse_within("<a>1<b><c>2&lt;</c></b></a>", &limits);
    assert_eq!(found.errors, [ParseError::XmlDepth]);
    assert_eq!(found.pairs(), [("", "1"), ("", "<c>2<</c></b></a>")]);
}

#[test]
fn arguments_are_limited() {
    let limits = Limits {
        arguments: 2,
        ..Limits::default()
    };
    let found = parse_within("<a><b>1</b><b>2</b>x<b>3</b></a>", &limits);
    assert_eq!(
        found.pairs(),
        [("a.b", "1"), ("a.b", "2"), ("", "12x3"), ("", "</b></a>")]
    );
    assert_eq!(found.errors, [ParseError::TooManyArguments]);
}

#[test]
fn long_ways_are_seen_once_and_then_cut() {
    let name = "n".repeat(1_000);
    let found = parse(format!("<{name}><a>1</a><b>2</b></{name}>"));
    let cut = name.get(..WAY_LIMIT).unwrap();
    assert_eq!(
        found.pairs(),
        [
            (&*name, ""),
            (name.get(..2 * WAY_LIMIT).unwrap(), ""),
            (&format!("{cut}.a"), "1"),
            (&format!("{cut}.b"), "2"),
        ]
    );
    assert_eq!(found.errors, []);
}

#[test]
fn ways_as_long_as_the_limits_stay_whole() {
    let outer = "n".repeat(WAY_LIMIT);
    let inner = "m".repeat(WAY_LIMIT - 1);
    let found = parse(format!("<{outer}><{inner} a='1'>2</{inner}></{outer}>"));
    let way = format!("{outer}.{inner}");
    assert_eq!(way.len(), 2 * WAY_LIMIT);
    assert_eq!(found.pairs(), [(&*format!("{way}.@a"), "1"), (&*way, "2")]);
}

#[test]
fn wide_encodings_are_read_and_told() {
    let body: Vec<_> = "<a>&#60;é</a>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let found = parse(&body);
    assert_eq!(found.arguments, [(vec![], body), (b"a".to_vec(), "<é".into())]);
    assert_eq!(found.errors, [ParseError::XmlEncoding]);
}

#[test]
fn bytes_need_not_be_utf8() {
    let found = parse(b"<\xff \xfe='\xc0'>\xaf</\xff>");
    assert_eq!(
        found.arguments,
        [
            (b"\xff.@\xfe".to_vec(), b"\xc0".to_vec()),
            (b"\xff".to_vec(), b"\xaf".to_vec())
        ]
    );
    assert_eq!(found.errors, []);
}

#[test]
fn xml_is_recognised_by_its_looks() {
    for body in [
        &b"<?xml version='1.0'?>"[..],
        b" \n<a>",
        b"\xef\xbb\xbf<!DOCTYPE a>",
        b"<\0a\0>\0",
        b"\xfe\xff\0<\0a\0>",
    ] {
        assert!(looks_like_xml(body), "{}", body.escape_ascii());
    }
    for body in [&b""[..], b"<", b"< 3", b"a<b>", b"{}", b"<=1", b"\x89PNG"] {
        assert!(!looks_like_xml(body), "{}", body.escape_ascii());
    }
}

/// A document and what should be found in it.
fn document() -> impl Strategy<Value = (String, Vec<(String, String)>)> {
    let escape = |text: &str| {
        text.chars()
            .map(|c| match c {
                '<' => "&lt;".to_owned(),
                '&' => "&#38;".to_owned(),
                '"' => "&quot;".to_owned(),
                ']' => "<![CDATA[]]]>".to_owned(),
                other => other.to_string(),
            })
            .collect::<String>()
    };
    let leaf = ("[a-z]{1,4}", "[!-~é€]{0,6}", "[!-\\\\^-~]{0,6}").prop_map(move |(name, text, attribute)| {
        let found = [
            (format!("{name}.@x"), attribute.clone()),
            (name.clone(), text.clone()),
        ];
        let found = found
            .into_iter()
            .filter(|(name, text)| name.contains('@') || !text.is_empty());
        let body = format!("<{name} x=\"{}\">{}</{name}>", escape(&attribute), escape(&text));
        (body, found.collect::<Vec<_>>())
    });
    leaf.prop_recursive(5, 30, 5, |inner| {
        ("[a-z]{1,4}", prop::collection::vec(inner, 1..5)).prop_map(|(name, children)| {
            let bodies = children
                .iter()
                .map(|(body, _)| format!("\n {body}"))
                .collect::<Vec<_>>()
                .concat();
            let found = children.into_iter().flat_map(|(_, found)| found);
            let found = found.map(|(way, text)| (format!("{name}.{way}"), text)).collect();
            (format!("<{name}>{bodies}\n</{name}>"), found)
        })
    })
}

proptest! {
    #[test]
    fn documents_come_back((body, expected) in document()) {
        let found = parse(&body);
        let pairs: Vec<_> = found.pairs().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        prop_assert_eq!(pairs, expected, "{}", body);
        prop_assert_eq!(found.errors, []);
    }

    #[test]
    fn any_bytes_are_read_within_bounds(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..256),
            prop::collection::vec(prop::sample::select(vec![
                "<a", "<b>", ">", "/>", "</a>", "</b>", " c='", "'", "\"", "=", "<!--", "-->", "<![CDATA[", "]]>", "<?x", "?>",
                "<!DOCTYPE a [", "<!ENTITY x", "]>", "&lt;", "&#60;", "&x;", "text", " ", "\n", "<", "\0",
            ]), 0..40).prop_map(|parts| parts.concat().into_bytes()),
        ],
        arguments in 0..8_usize,
        xml_depth in 1..4_usize,
    ) {
        let found = parse_within(&body, &Limits { arguments, xml_depth, ..Limits::default() });
        let names = found.arguments.len() * (2 * WAY_LIMIT + 24);
        prop_assert!(found.bytes() <= 5 * body.len() + names, "{}", found.bytes());
    }
}
