//! XMP in a JPEG: an APP1 segment behind those that the encoder wrote first.

const NAMESPACE: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// Marker of APP0, which JFIF wants to be the first.
const APP0: [u8; 2] = [0xff, 0xe0];

/// `None` where the file is no JPEG or the packet is longer than a segment holds (64 KiB).
pub fn with_xmp(file: &[u8], packet: &[u8]) -> Option<Vec<u8>> {
    if !file.starts_with(&[0xff, 0xd8, 0xff]) {
        return None;
    }
    let mut at = 2;
    while file.get(at..at + 2)? == APP0 {
        let length = u16::from_be_bytes([*file.get(at + 2)?, *file.get(at + 3)?]);
        at += 2 + usize::from(length);
    }
    let (head, rest) = file.split_at_checked(at)?;
    let length = u16::try_from(2 + NAMESPACE.len() + packet.len()).ok()?;
    let segment = [&[0xff, 0xe1], &length.to_be_bytes()[..], NAMESPACE, packet].concat();
    Some([head, &segment, rest].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_hold_the_packet_is_left() {
        assert_eq!(with_xmp(b"\x89PNG", b"x"), None);
        assert_eq!(with_xmp(&[0xff, 0xd8, 0xff], b"x"), None);
        let app0_only = [0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff];
        assert_eq!(with_xmp(&app0_only, b"x"), None);
        assert_eq!(with_xmp(&[0xff, 0xd8, 0xff, 0xd9], &[0; 70_000]), None);
    }
}
