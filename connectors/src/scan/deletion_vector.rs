//! Deletion vectors as files hold them: a checked frame around a compressed bitmap.
//!
//! ```text
//! length u32 BE | magic D1 D3 39 64 | bitmaps (64-bit Roaring, portable) | CRC-32 u32 BE
//! ```
//!
//! Delta Lake and Iceberg have this form in common. Where a vector lies, and how many rows it names,
//! each format tells in its own way.

use roaring::RoaringTreemap;

use super::DeletedRows;

const MAGIC: [u8; 4] = [0xD1, 0xD3, 0x39, 0x64];

/// Length and checksum, which frame a stored vector.
pub(crate) const FRAME_BYTES: u64 = 8;

/// What is wrong with a vector, for a person.
pub(crate) type Broken = &'static str;

/// The deleted rows of a vector with its frame, of which the metadata says that there are so many.
///
/// # Errors
///
/// If length, checksum, magic, bitmaps or the number of rows are not right.
pub(crate) fn stored(bytes: &[u8], rows: u64) -> Result<DeletedRows, Broken> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or("it is cut short")?;
    let (data, checksum) = rest.split_last_chunk::<4>().ok_or("it is cut short")?;
    if usize::try_from(u32::from_be_bytes(*length)) != Ok(data.len()) {
        return Err("its length is not the one that the metadata names");
    }
    let mut crc = flate2::Crc::new();
    crc.update(data);
    if u32::from_be_bytes(*checksum) != crc.sum() {
        return Err("its checksum is wrong");
    }
    bare(data, rows)
}

/// The deleted rows of a vector without its frame.
///
/// # Errors
///
/// If magic, bitmaps or the number of rows are not right.
pub(crate) fn bare(data: &[u8], rows: u64) -> Result<DeletedRows, Broken> {
    let bitmaps = data.strip_prefix(&MAGIC).ok_or("its form is unknown")?;
    let deleted =
        RoaringTreemap::deserialize_from(bitmaps).map_err(|_| "its bitmaps cannot be read")?;
    if deleted.len() == rows {
        Ok(DeletedRows::new(deleted))
    } else {
        Err("it holds another number of rows than the metadata names")
    }
}

/// A vector of `rows` with its frame.
#[cfg(test)]
pub(crate) fn framed(rows: &[u64]) -> Vec<u8> {
    let mut data = MAGIC.to_vec();
    rows.iter().collect::<RoaringTreemap>().serialize_into(&mut data).expect("vector");
    let mut crc = flate2::Crc::new();
    crc.update(&data);
    let mut bytes = u32::try_from(data.len()).expect("length").to_be_bytes().to_vec();
    bytes.extend(&data);
    bytes.extend(crc.sum().to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_vector_is_refused() {
        let whole = framed(&[1, 70_000]);
        assert_eq!(stored(&whole, 2), Ok([1, 70_000].into_iter().collect()));
        let changed = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        };
        for (what, bytes) in [
            ("empty", Vec::new()),
            ("short", whole[..6].to_vec()),
            ("cut", whole[..whole.len() - 1].to_vec()),
            ("length", changed(0)),
            ("magic", changed(4)),
            ("bitmap", changed(12)),
            ("checksum", changed(whole.len() - 1)),
            ("rows", framed(&[1, 2, 3])),
        ] {
            assert!(stored(&bytes, 2).is_err(), "{what}");
        }
    }

    #[test]
    fn checksum_is_that_of_the_standard() {
        let mut crc = flate2::Crc::new();
        crc.update(b"123456789");
        assert_eq!(crc.sum(), 0xCBF4_3926);
    }
}
