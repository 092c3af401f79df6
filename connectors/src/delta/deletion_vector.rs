//! Deletion vectors as the log names them: in a file, or inline as Z85 text without the frame.

use deltalake_core::kernel::{DeletionVectorDescriptor, StorageType};

use crate::scan::DeletedRows;
use crate::scan::deletion_vector::{self, Broken, FRAME_BYTES};

/// Where a vector lies.
#[derive(Debug, PartialEq)]
pub(super) enum Source {
    /// In the log itself.
    Inline(Vec<u8>),
    /// In a file, by its path below the table.
    Relative(String),
    /// In a file, by its location.
    Absolute(String),
}

/// Where the vector of a descriptor lies.
///
/// # Errors
///
/// If its text is not what its type says.
pub(super) fn source(descriptor: &DeletionVectorDescriptor) -> Result<Source, Broken> {
    let text = descriptor.path_or_inline_dv.as_str();
    match descriptor.storage_type {
        StorageType::Inline => z85(text).map(Source::Inline).ok_or("its inline text is not Z85"),
        StorageType::AbsolutePath => Ok(Source::Absolute(text.to_owned())),
        StorageType::UuidRelativePath => {
            let at = text.len().checked_sub(20).ok_or("its path is too short")?;
            let (prefix, name) = text.split_at_checked(at).ok_or("its path is not Z85")?;
            let id = z85(name).ok_or("its path is not Z85")?;
            let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            let mut uuid = hex;
            for dash in [20, 16, 12, 8] {
                uuid.insert(dash, '-');
            }
            let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
            Ok(Source::Relative(format!("{folder}deletion_vector_{uuid}.bin")))
        }
    }
}

/// The bytes of a file that hold a stored vector, its frame included.
///
/// # Errors
///
/// If the descriptor's numbers are impossible.
pub(super) fn range(descriptor: &DeletionVectorDescriptor) -> Result<std::ops::Range<u64>, Broken> {
    let start = u64::try_from(descriptor.offset.unwrap_or(0)).map_err(|_| "its offset is wrong")?;
    let size = u64::try_from(descriptor.size_in_bytes).map_err(|_| "its size is wrong")?;
    Ok(start..start + size + FRAME_BYTES)
}

/// The deleted rows of a stored vector.
///
/// # Errors
///
/// If length, magic, checksum, bitmaps or the number of rows are not right.
pub(super) fn stored(
    descriptor: &DeletionVectorDescriptor,
    bytes: &[u8],
) -> Result<DeletedRows, Broken> {
    deletion_vector::stored(bytes, cardinality(descriptor)?)
}

/// The deleted rows of an inline vector.
///
/// # Errors
///
/// As [`stored`].
pub(super) fn inline(
    descriptor: &DeletionVectorDescriptor,
    bytes: &[u8],
) -> Result<DeletedRows, Broken> {
    // Z85 speaks of groups of four bytes, so that padding may follow.
    let size = usize::try_from(descriptor.size_in_bytes).map_err(|_| "its size is wrong")?;
    let bytes = bytes.get(..size).ok_or("it is cut short")?;
    deletion_vector::bare(bytes, cardinality(descriptor)?)
}

/// The number of rows that a vector names.
///
/// # Errors
///
/// If it is none.
pub(super) fn cardinality(descriptor: &DeletionVectorDescriptor) -> Result<u64, Broken> {
    u64::try_from(descriptor.cardinality).map_err(|_| "its number of rows is wrong")
}

/// Decodes Z85 (ZeroMQ RFC 32).
fn z85(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 85] =
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let mut bytes = Vec::with_capacity(text.len() / 5 * 4);
    let groups = text.as_bytes().chunks_exact(5);
    if !groups.remainder().is_empty() {
        return None;
    }
    for group in groups {
        let mut value: u32 = 0;
        for byte in group {
            let digit = DIGITS.iter().position(|digit| digit == byte)?;
            value = value.checked_mul(85)?.checked_add(u32::try_from(digit).ok()?)?;
        }
        bytes.extend(value.to_be_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::deletion_vector::framed;

    fn descriptor(storage_type: StorageType, text: &str, size: i32) -> DeletionVectorDescriptor {
        DeletionVectorDescriptor {
            storage_type,
            path_or_inline_dv: text.to_owned(),
            offset: Some(1),
            size_in_bytes: size,
            cardinality: 2,
        }
    }

    #[test]
    fn z85_is_that_of_the_standard() {
        assert_eq!(z85("HelloWorld"), Some(vec![0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B]));
        for text in ["Hell", "Hell\"", "#####", "Hellö"] {
            assert_eq!(z85(text), None, "{text}");
        }
    }

    #[test]
    fn name_of_the_file_is_that_of_the_protocol() {
        // The examples of the Delta protocol, section "Deletion Vector Descriptor Schema".
        let relative = descriptor(StorageType::UuidRelativePath, "ab^-aqEH.-t@S}K{vb[*k^", 40);
        assert_eq!(
            source(&relative),
            Ok(Source::Relative(
                "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin".to_owned()
            ))
        );
        let short = descriptor(StorageType::UuidRelativePath, "abc", 40);
        assert!(source(&short).is_err());
    }

    fn to_z85(bytes: &[u8]) -> String {
        const DIGITS: &[u8] =
            b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
        let mut text = String::new();
        for group in bytes.chunks(4) {
            let mut padded = [0; 4];
            padded[..group.len()].copy_from_slice(group);
            let value = u32::from_be_bytes(padded);
            for power in [4, 3, 2, 1, 0] {
                let digit = (value / 85_u32.pow(power)) % 85;
                text.push(char::from(DIGITS[digit as usize]));
            }
        }
        text
    }

    #[test]
    fn inline_vector_has_no_frame_and_may_be_padded() {
        let whole = framed(&[3, 70_000]);
        let data = &whole[4..whole.len() - 4];
        let size = i32::try_from(data.len()).expect("size");
        let vector = descriptor(StorageType::Inline, &to_z85(data), size);
        let Ok(Source::Inline(bytes)) = source(&vector) else { panic!("inline") };
        let rows = inline(&vector, &bytes).expect("rows");
        assert_eq!(rows, [3, 70_000].into_iter().collect());
    }

    #[test]
    fn vector_in_the_form_of_old_writers_is_refused() {
        // The example of the Delta protocol, which is not in the portable form.
        let text = "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L";
        let vector = descriptor(StorageType::Inline, text, 40);
        let Ok(Source::Inline(bytes)) = source(&vector) else { panic!("inline") };
        assert_eq!(inline(&vector, &bytes).err(), Some("its form is unknown"));
    }
}
