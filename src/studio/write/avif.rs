//! XMP in an AVIF: one more item of the kind `mime`, which describes the picture (ISO 23008-12,
//! HEIF). The boxes are those that the encoder writes; any other layout is left alone.

/// A box: where it begins, where what is in it begins, where it ends.
#[derive(Clone, Copy)]
struct At {
    start: usize,
    inside: usize,
    end: usize,
}

/// `None` where the file has another layout than `ftyp`, `meta` (with 32-bit places), `mdat`.
pub fn with_xmp(file: &[u8], packet: &[u8]) -> Option<Vec<u8>> {
    let meta = find(file, 0, file.len(), b"meta")?;
    // `meta` and the boxes changed below are full boxes: version and flags come first.
    let inside = meta.inside + 4;
    let iloc = find(file, inside, meta.end, b"iloc")?;
    let iinf = find(file, inside, meta.end, b"iinf")?;
    let picture = find(file, inside, meta.end, b"pitm")?;
    let picture = u16_at(file, picture.inside + 4)?;
    let item = next_id(file, iinf)?;

    let entry = info_entry(item);
    let reference = boxed(b"cdsc", &[be(item), be(1), be(picture)].concat())?;
    let iref = find(file, inside, meta.end, b"iref");
    // What each change adds: one place of 14 bytes, one entry, one reference (in a new box, perhaps).
    let new_iref = match iref {
        Some(_) => reference,
        None => boxed(b"iref", &[vec![0; 4], reference].concat())?,
    };
    let grown = PLACE_BYTES + entry.len() + new_iref.len();
    let place = u32::try_from(file.len() + grown + 8).ok()?;

    let new_iloc = places(file, iloc, u32::try_from(grown).ok()?, item, place, packet)?;
    let mut new_iinf = file.get(iinf.inside..iinf.end)?.to_vec();
    let count = u16_at(&new_iinf, 4)?.checked_add(1)?;
    new_iinf
        .get_mut(4..6)?
        .copy_from_slice(&count.to_be_bytes());
    new_iinf.extend(entry);

    let mut inner = file.get(meta.inside..inside)?.to_vec();
    let mut at = inside;
    while at < meta.end {
        let one = box_at(file, at, meta.end)?;
        match &file[at + 4..at + 8] {
            b"iloc" => inner.extend(boxed(b"iloc", &new_iloc)?),
            b"iinf" => {
                inner.extend(boxed(b"iinf", &new_iinf)?);
                if iref.is_none() {
                    inner.extend(&new_iref);
                }
            }
            b"iref" => inner.extend(boxed(
                b"iref",
                &[&file[one.inside..one.end], &new_iref].concat(),
            )?),
            _ => inner.extend(&file[one.start..one.end]),
        }
        at = one.end;
    }
    let mut out = file[..meta.start].to_vec();
    out.extend(boxed(b"meta", &inner)?);
    out.extend(&file[meta.end..]);
    out.extend(boxed(b"mdat", packet)?);
    Some(out)
}

/// Id, where the data is, one extent: its place and its length.
const PLACE_BYTES: usize = 2 + 2 + 2 + 4 + 4;

/// What `iloc` holds, with all that lies behind `meta` moved on by `grown` bytes and one item more.
fn places(
    file: &[u8],
    iloc: At,
    grown: u32,
    item: u16,
    place: u32,
    packet: &[u8],
) -> Option<Vec<u8>> {
    let mut bytes = file.get(iloc.inside..iloc.end)?.to_vec();
    // Version 0; places and lengths of four bytes, no base.
    if bytes.get(..4)? != [0; 4] || bytes.get(4..6)? != [0x44, 0] {
        return None;
    }
    let items = u16_at(&bytes, 6)?;
    let mut at = 8;
    for _ in 0..items {
        let extents = u16_at(&bytes, at + 4)?;
        at += 6;
        for _ in 0..extents {
            let moved = u32_at(&bytes, at)?.checked_add(grown)?;
            bytes
                .get_mut(at..at + 4)?
                .copy_from_slice(&moved.to_be_bytes());
            at += 8;
        }
    }
    bytes[6..8].copy_from_slice(&items.checked_add(1)?.to_be_bytes());
    bytes.extend([be(item), be(0), be(1)].concat());
    bytes.extend(place.to_be_bytes());
    bytes.extend(u32::try_from(packet.len()).ok()?.to_be_bytes());
    Some(bytes)
}

/// `infe`, version 2: an item of the media type of XMP.
fn info_entry(item: u16) -> Vec<u8> {
    let body = [
        &[2, 0, 0, 0][..],
        &be(item),
        &be(0),
        b"mime",
        b"XMP\0",
        b"application/rdf+xml\0",
    ];
    let body = body.concat();
    let size = 8 + body.len() as u32;
    [&size.to_be_bytes()[..], b"infe", &body].concat()
}

/// An id that no item has.
fn next_id(file: &[u8], iinf: At) -> Option<u16> {
    let version = u32_at(file, iinf.inside)?;
    let (mut at, mut most) = (iinf.inside + 6, 0);
    while at < iinf.end {
        let entry = box_at(file, at, iinf.end)?;
        most = most.max(u16_at(file, entry.inside + 4)?);
        at = entry.end;
    }
    (version == 0).then_some(most)?.checked_add(1)
}

fn find(file: &[u8], mut at: usize, end: usize, kind: &[u8; 4]) -> Option<At> {
    while at < end {
        let one = box_at(file, at, end)?;
        if &file[at + 4..at + 8] == kind {
            return Some(one);
        }
        at = one.end;
    }
    None
}

fn box_at(file: &[u8], start: usize, end: usize) -> Option<At> {
    let size = u32_at(file, start)? as usize;
    let whole = size >= 8 && size <= end.checked_sub(start)?;
    whole.then_some(At {
        start,
        inside: start + 8,
        end: start + size,
    })
}

fn boxed(kind: &[u8; 4], inside: &[u8]) -> Option<Vec<u8>> {
    let size = u32::try_from(inside.len().checked_add(8)?).ok()?;
    Some([&size.to_be_bytes()[..], kind, inside].concat())
}

fn be(value: u16) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..at + 2)?
        .try_into()
        .ok()
        .map(u16::from_be_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..at + 4)?
        .try_into()
        .ok()
        .map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_avif_is_left() {
        assert_eq!(with_xmp(b"", b"x"), None);
        assert_eq!(with_xmp(b"\0\0\0\x08ftyp", b"x"), None);
        assert_eq!(with_xmp(b"\0\0\0\x0cmeta\0\0\0\0", b"x"), None);
        assert_eq!(with_xmp(b"\xff\xff\xff\xffmeta", b"x"), None);
    }
}
