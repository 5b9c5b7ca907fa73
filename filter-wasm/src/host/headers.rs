//! Headers, in the one piece of memory in which the proxy hands them over.

/// Header pairs in the order of the wire, names in lower case, pseudo headers among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Headers {
    /// The serialized form of proxy-wasm ABI 0.2.1, checked: the number of pairs; for each, the lengths of name and
    /// value; for each, name, zero byte, value, zero byte. Empty without headers.
    bytes: Vec<u8>,
    count: usize,
}

/// Bytes of a number.
const NUMBER: usize = 4;

impl Headers {
    /// Takes the serialized form; `None` if its lengths do not add up.
    pub(crate) fn read(bytes: Vec<u8>) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let count = number(&bytes, 0)?;
        let lengths = bytes.get(NUMBER..count.checked_mul(2 * NUMBER)?.checked_add(NUMBER)?)?;
        let mut end = NUMBER + lengths.len();
        for length in lengths.as_chunks::<NUMBER>().0 {
            let length = u32::from_le_bytes(*length) as usize;
            end = end.checked_add(length)?.checked_add(1)?;
        }
        (end <= bytes.len()).then_some(Self { bytes, count })
    }

    /// The form in which they came, and in which the proxy takes them.
    pub(crate) fn serialized(&self) -> &[u8] {
        &self.bytes
    }

    /// The pairs, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut at = NUMBER + self.count * 2 * NUMBER;
        let mut next = move |place| {
            let length = number(&self.bytes, place)?;
            let text = self.bytes.get(at..at + length);
            at += length + 1;
            text
        };
        (0..self.count).filter_map(move |pair| {
            let place = NUMBER + pair * 2 * NUMBER;
            Some((next(place)?, next(place + NUMBER)?))
        })
    }

    /// The first value of a header.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        let mut pairs = self.iter();
        pairs
            .find(|(found, _)| *found == name.as_bytes())
            .map(|(_, value)| value)
    }
}

impl<Name: AsRef<[u8]>, Value: AsRef<[u8]>> FromIterator<(Name, Value)> for Headers {
    fn from_iter<T: IntoIterator<Item = (Name, Value)>>(pairs: T) -> Self {
        let (mut lengths, mut texts, mut count) = (Vec::new(), Vec::new(), 0);
        for (name, value) in pairs {
            for text in [name.as_ref(), value.as_ref()] {
                lengths.extend((text.len() as u32).to_le_bytes());
                texts.extend(text);
                texts.push(0);
            }
            count += 1;
        }
        Self {
            bytes: [&(count as u32).to_le_bytes()[..], &lengths, &texts].concat(),
            count,
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let number = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*number) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: [(&[u8], &[u8]); 4] = [
        (b":path", b"/"),
        (b"empty", b""),
        (b"cookie", b"a\0b\xff"),
        (b"cookie", b"c"),
    ];

    #[test]
    fn pairs_come_back_in_order_byte_for_byte() {
        let headers: Headers = PAIRS.into_iter().collect();
        assert!(headers.iter().eq(PAIRS));
        let read = Headers::read(headers.bytes.clone());
        assert_eq!(read, Some(headers));
    }

    #[test]
    fn the_first_of_several_values_counts() {
        let headers: Headers = PAIRS.into_iter().collect();
        assert_eq!(headers.value("cookie"), Some(&b"a\0b\xff"[..]));
        assert_eq!(headers.value("cooki"), None);
    }

    #[test]
    fn no_bytes_are_no_headers() {
        assert_eq!(Headers::read(Vec::new()), Some(Headers::default()));
        assert_eq!(Headers::default().iter().count(), 0);
        assert_eq!(
            Headers::read(vec![0; NUMBER]).map(|headers| headers.iter().count()),
            Some(0)
        );
    }

    #[test]
    fn lengths_that_do_not_add_up_are_refused() {
        let whole = PAIRS.into_iter().collect::<Headers>().bytes;
        for length in 1..whole.len() {
            assert_eq!(Headers::read(whole[..length].to_vec()), None, "{length}");
        }
        for at in 0..NUMBER + PAIRS.len() * 2 * NUMBER {
            let mut changed = whole.clone();
            changed[at] = 0xff;
            assert_eq!(Headers::read(changed), None, "{at}");
        }
    }
}
