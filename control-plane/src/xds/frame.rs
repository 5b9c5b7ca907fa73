//! The wire form of a response: a small head of its own around the shared bytes of the resources, so that a policy
//! is encoded once however many nodes it goes to.

use std::marker::PhantomData;

use prost::{
    Message,
    bytes::{BufMut, Bytes, BytesMut},
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};
use tonic::{
    Status,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
};
use tonic_prost::{ProstCodec, ProstDecoder};

use super::{protocol::Response, resource::Resource};

/// An encoded response, in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame(Vec<Bytes>);

impl Frame {
    /// Encodes an `envoy.service.discovery.v3.DeltaDiscoveryResponse`.
    pub(super) fn delta(response: &Response) -> Self {
        let mut head = BytesMut::new();
        text(&mut head, 1, &response.version);
        text(&mut head, 4, &response.type_url);
        text(&mut head, 5, &response.nonce);
        for name in &response.removed {
            text(&mut head, 6, name);
        }
        let mut pieces = Vec::with_capacity(1 + 2 * response.resources.len());
        pieces.push(head.freeze());
        for resource in &response.resources {
            pieces.push(resource_head(resource));
            pieces.push(resource.any.clone());
        }
        Self(pieces)
    }

    /// Encodes an `envoy.service.discovery.v3.DiscoveryResponse`.
    pub(super) fn sotw(response: &Response) -> Self {
        let mut head = BytesMut::new();
        text(&mut head, 1, &response.version);
        text(&mut head, 4, &response.type_url);
        text(&mut head, 5, &response.nonce);
        let mut pieces = Vec::with_capacity(1 + 2 * response.resources.len());
        pieces.push(head.freeze());
        for resource in &response.resources {
            let mut head = BytesMut::new();
            message_head(&mut head, 2, resource.any.len());
            pieces.push(head.freeze());
            pieces.push(resource.any.clone());
        }
        Self(pieces)
    }

    /// Bytes on the wire, without gRPC's own head.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn put(&self, buffer: &mut impl BufMut) {
        for piece in &self.0 {
            buffer.put_slice(piece);
        }
    }
}

/// Everything of `DeltaDiscoveryResponse.resources` that stands before the bytes of the resource itself.
fn resource_head(resource: &Resource) -> Bytes {
    let mut inner = BytesMut::new();
    text(&mut inner, 1, &resource.version);
    text(&mut inner, 3, &resource.name);
    message_head(&mut inner, 2, resource.any.len());
    let mut head = BytesMut::with_capacity(inner.len() + key_len(2) + encoded_len_varint(u64::MAX));
    message_head(&mut head, 2, inner.len() + resource.any.len());
    head.extend_from_slice(&inner);
    head.freeze()
}

fn text(buffer: &mut BytesMut, field: u32, text: &str) {
    if !text.is_empty() {
        message_head(buffer, field, text.len());
        buffer.put_slice(text.as_bytes());
    }
}

fn message_head(buffer: &mut BytesMut, field: u32, len: usize) {
    encode_key(field, WireType::LengthDelimited, buffer);
    encode_varint(len as u64, buffer);
}

/// tonic's way from requests of type `R` to [`Frame`]s.
#[derive(Debug)]
pub(super) struct FrameCodec<R>(PhantomData<R>);

impl<R> Default for FrameCodec<R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<R: Message + Default + 'static> Codec for FrameCodec<R> {
    type Encode = Frame;
    type Decode = R;
    type Encoder = FrameEncoder;
    type Decoder = ProstDecoder<R>;

    fn encoder(&mut self) -> FrameEncoder {
        FrameEncoder
    }

    fn decoder(&mut self) -> ProstDecoder<R> {
        ProstCodec::<(), R>::raw_decoder(BufferSettings::default())
    }
}

/// Writes [`Frame`]s.
#[derive(Debug)]
pub(super) struct FrameEncoder;

impl Encoder for FrameEncoder {
    type Item = Frame;
    type Error = Status;

    fn encode(&mut self, frame: Frame, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(frame.len());
        frame.put(buffer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use envoy_types::pb::{
        envoy::service::discovery::v3::{DeltaDiscoveryResponse, DiscoveryResponse},
        google::protobuf::Any,
    };

    use super::*;

    fn response(removed: Vec<String>) -> (Response, Vec<Any>) {
        let any = |value: Vec<u8>| Any {
            type_url: "type/x".to_owned(),
            value,
        };
        let anys = vec![any(vec![7; 300]), any(Vec::new())];
        let resources = anys
            .iter()
            .zip(["one", ""])
            .map(|(any, name)| {
                Arc::new(Resource {
                    name: name.to_owned(),
                    version: format!("v-{name}"),
                    any: any.encode_to_vec().into(),
                })
            })
            .collect();
        let response = Response {
            type_url: "type/x".to_owned(),
            version: "v".to_owned(),
            nonce: "1".to_owned(),
            resources,
            removed,
        };
        (response, anys)
    }

    fn bytes(frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame.put(&mut bytes);
        assert_eq!(bytes.len(), frame.len());
        bytes
    }

    #[test]
    fn delta_frame_decodes_as_what_it_stands_for() {
        let (response, anys) = response(vec!["gone".to_owned(), "gone too".to_owned()]);
        let decoded = DeltaDiscoveryResponse::decode(&*bytes(&Frame::delta(&response))).unwrap();
        assert_eq!(decoded.system_version_info, "v");
        assert_eq!(decoded.type_url, "type/x");
        assert_eq!(decoded.nonce, "1");
        assert_eq!(decoded.removed_resources, ["gone", "gone too"]);
        let found: Vec<_> = decoded
            .resources
            .into_iter()
            .map(|resource| (resource.name, resource.version, resource.resource.unwrap()))
            .collect();
        let [first, second] = <[Any; 2]>::try_from(anys).unwrap();
        assert_eq!(
            found,
            [
                ("one".to_owned(), "v-one".to_owned(), first),
                (String::new(), "v-".to_owned(), second)
            ]
        );
    }

    #[test]
    fn sotw_frame_decodes_as_what_it_stands_for() {
        let (response, anys) = response(Vec::new());
        let decoded = DiscoveryResponse::decode(&*bytes(&Frame::sotw(&response))).unwrap();
        assert_eq!(decoded.version_info, "v");
        assert_eq!(decoded.type_url, "type/x");
        assert_eq!(decoded.nonce, "1");
        assert_eq!(decoded.resources, anys);
    }

    #[test]
    fn frames_share_the_bytes_of_a_resource() {
        let (response, _) = response(Vec::new());
        let shared = &response.resources[0].any;
        let frame = Frame::delta(&response);
        assert!(frame.0.iter().any(|piece| piece.as_ptr() == shared.as_ptr()));
    }
}
