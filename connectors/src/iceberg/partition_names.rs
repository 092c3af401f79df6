//! Gives the fields of a manifest's partitions the names under which the library finds their values.
//!
//! | field | the library looks for | what goes wrong |
//! | --- | --- | --- |
//! | of a column whose name Avro does not allow | the column's name | the value is NULL: the file has another name |
//! | void, under the name of its column | | the manifest is refused |
//!
//! Both are mended in the header, which says how the files are partitioned: a field gets the name that
//! the file's own schema has for its id, and a void one, which is always NULL, a name that no column has.
//!
//! ```text
//! "Obj" 1 | blocks of (key, value) | 0 | sync marker, blocks of entries
//! ```

use serde_json::Value;

const MAGIC: &[u8] = b"Obj\x01";

/// The id of the first field of a spec, where a file of the first format version tells none.
const FIRST_ID: i64 = 1_000;

/// The manifest with the right names; `None` if it has them, or is no Avro file.
pub(super) fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let pairs = pairs(&mut rest)?;
    let of = |name: &[u8]| {
        let found = pairs.iter().find(|(key, _)| *key == name)?;
        serde_json::from_slice::<Value>(found.1).ok()
    };
    let (mut schema, mut spec) = (of(b"avro.schema")?, of(b"partition-spec")?);
    if !mend(&mut schema, &mut spec)? {
        return None;
    }
    let (schema, spec) = (serde_json::to_vec(&schema).ok()?, serde_json::to_vec(&spec).ok()?);
    let mut made = MAGIC.to_vec();
    put_long(&mut made, i64::try_from(pairs.len()).ok()?);
    for (key, value) in pairs {
        let value = match key {
            b"avro.schema" => schema.as_slice(),
            b"partition-spec" => spec.as_slice(),
            _ => value,
        };
        for part in [key, value] {
            put_long(&mut made, i64::try_from(part.len()).ok()?);
            made.extend_from_slice(part);
        }
    }
    put_long(&mut made, 0);
    made.extend_from_slice(rest);
    Some(made)
}

/// Takes the header's keys and values off the front.
fn pairs<'a>(rest: &mut &'a [u8]) -> Option<Vec<(&'a [u8], &'a [u8])>> {
    let mut pairs = Vec::new();
    loop {
        let count = long(rest)?;
        if count == 0 {
            return Some(pairs);
        }
        if count < 0 {
            // A negative number is followed by the size of the block.
            long(rest)?;
        }
        for _ in 0..count.unsigned_abs() {
            pairs.push((text(rest)?, text(rest)?));
        }
    }
}

/// Makes the names in the file's schema and in its spec one; true if they were not. The values follow
/// each other without names, so that a field of the schema may have another one.
fn mend(schema: &mut Value, spec: &mut Value) -> Option<bool> {
    let partition = inner(inner(schema, "data_file")?, "partition")?;
    let held = partition.get_mut("fields")?.as_array_mut()?;
    let mut is_changed = false;
    for (id, field) in (FIRST_ID..).zip(spec.as_array_mut()?) {
        let id = field.get("field-id").and_then(Value::as_i64).unwrap_or(id);
        let of_id = |held: &&mut Value| held.get("field-id").and_then(Value::as_i64) == Some(id);
        let Some(held) = held.iter_mut().find(of_id) else { continue };
        let is_void = field.get("transform").is_some_and(|transform| transform == "void");
        let name = if is_void { format!("void_{id}").into() } else { held.get("name")?.clone() };
        for named in [field, held] {
            if named.get("name") != Some(&name) {
                named.as_object_mut()?.insert("name".to_owned(), name.clone());
                is_changed = true;
            }
        }
    }
    Some(is_changed)
}

/// The type of a record's field.
fn inner<'a>(record: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let fields = record.get_mut("fields")?.as_array_mut()?;
    let field =
        fields.iter_mut().find(|field| field.get("name").is_some_and(|found| found == name));
    field?.get_mut("type")
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(long(rest)?).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text)
}

/// Takes a number off the front: seven bits a byte, the lowest first, signs folded in.
fn long(rest: &mut &[u8]) -> Option<i64> {
    let mut folded = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        folded |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some((folded >> 1) as i64 ^ -((folded & 1) as i64));
        }
    }
    None
}

fn put_long(made: &mut Vec<u8>, value: i64) {
    let mut folded = ((value << 1) ^ (value >> 63)) as u64;
    while folded >= 0x80 {
        made.push((folded & 0x7F) as u8 | 0x80);
        folded >>= 7;
    }
    made.push(folded as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(void: &str, identity: &str) -> Vec<u8> {
        let spec = serde_json::json!([
            {"field-id": 1000, "name": void, "source-id": 1, "transform": "void"},
            {"field-id": 1001, "name": identity, "source-id": 2, "transform": "identity"},
        ]);
        let partition = serde_json::json!({"name": "r102", "fields": [{"name": "a_x20b", "field-id": 1001},
                {"name": if void == "part" { "part" } else { "void_1000" }, "field-id": 1000}]});
        let file = serde_json::json!({"fields": [{"name": "partition", "type": partition}]});
        let schema = serde_json::json!({"fields": [{"name": "data_file", "type": file}]});
        let mut bytes = MAGIC.to_vec();
        put_long(&mut bytes, 2);
        for part in ["avro.schema", &schema.to_string(), "partition-spec", &spec.to_string()] {
            put_long(&mut bytes, part.len() as i64);
            bytes.extend(part.as_bytes());
        }
        put_long(&mut bytes, 0);
        bytes.extend(b"and the rest");
        bytes
    }

    #[test]
    fn fields_get_the_names_of_the_file_and_void_ones_their_own() {
        let right = header("void_1000", "a_x20b");
        let wrong = header("part", "a b");
        assert_eq!(mended(&wrong), Some(right.clone()));
        assert_eq!(mended(&right), None);
        for length in 0..wrong.len() - 12 {
            assert_eq!(mended(&wrong[..length]), None, "{length}");
        }
        assert_eq!(mended(&[MAGIC, &[0xFF; 20]].concat()), None);
    }

    #[test]
    fn numbers_read_back() {
        for value in [0, -1, 1, 63, 64, -65, 300, i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            put_long(&mut bytes, value);
            assert_eq!(long(&mut bytes.as_slice()), Some(value), "{value}");
        }
    }
}
