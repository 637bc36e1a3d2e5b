// SPDX-License-Identifier: MIT OR Apache-2.0
//! `google.rpc.RetryInfo` in a `google.rpc.Status`, written by hand: three small messages need no generator.
use std::time::Duration;

use ::tonic::Code;

const TYPE: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// What `grpc-status-details-bin` carries.
pub(crate) fn retry_info(code: Code, message: &str, wait: Duration) -> Vec<u8> {
    let mut delay = Vec::new();
    number(&mut delay, 1, wait.as_secs());
    number(&mut delay, 2, u64::from(wait.subsec_nanos()));
    let mut info = Vec::new();
    bytes(&mut info, 1, &delay);
    let mut any = Vec::new();
    bytes(&mut any, 1, TYPE.as_bytes());
    bytes(&mut any, 2, &info);
    let mut status = Vec::new();
    number(&mut status, 1, code as u64);
    bytes(&mut status, 2, message.as_bytes());
    bytes(&mut status, 3, &any);
    status
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn number(to: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        to.push(field << 3);
        varint(to, value);
    }
}

fn bytes(to: &mut Vec<u8>, field: u8, value: &[u8]) {
    to.push(field << 3 | 2);
    varint(to, value.len() as u64);
    to.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    // As protoc writes it.
    #[test]
    fn the_bytes_are_those_of_the_messages() {
        let told = retry_info(Code::Unavailable, "no", Duration::new(300, 5));
        let mut expected = vec![0x08, 14, 0x12, 2, b'n', b'o', 0x1a, 51, 0x0a, 40];
        expected.extend_from_slice(TYPE.as_bytes());
        expected.extend_from_slice(&[0x12, 7, 0x0a, 5, 0x08, 0xac, 0x02, 0x10, 5]);
        assert_eq!(told, expected);
    }
}
