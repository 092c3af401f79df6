//! Random changes of documents, drawn from what documents and schemas hold.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use samite_catalog_bridge::documents::Kind;
use serde_json::{Map, Value, json};

/// The deepest document that is made; the reader refuses more than 64 levels as too deep.
const DEPTH_MAX: usize = 40;

/// Makes documents out of documents.
pub(crate) struct Mutator<'a> {
    random: StdRng,
    seeds: &'a [(Kind, Value)],
    /// Every key of the seeds and the schemas.
    keys: Vec<String>,
    /// Every text of the seeds, and every word of the schemas.
    words: Vec<String>,
    /// Parts of the seeds, with the key that they stand under.
    parts: Vec<(String, Value)>,
}

impl<'a> Mutator<'a> {
    /// Draws from the documents `seeds` and the words of `schemas`.
    pub(crate) fn new(seed: u64, seeds: &'a [(Kind, Value)], schemas: &[Value]) -> Self {
        let mut mutator = Self {
            random: StdRng::seed_from_u64(seed),
            seeds,
            keys: Vec::new(),
            words: Vec::new(),
            parts: Vec::new(),
        };
        for (_, document) in seeds {
            mutator.learn("", document);
        }
        for schema in schemas {
            mutator.learn_schema(schema);
        }
        for words in [&mut mutator.keys, &mut mutator.words] {
            words.sort();
            words.dedup();
        }
        mutator
    }

    fn learn(&mut self, key: &str, value: &Value) {
        if !key.is_empty() && depth(value) < 12 {
            self.parts.push((key.to_owned(), value.clone()));
        }
        match value {
            Value::String(text) => self.words.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| self.learn("[]", item)),
            Value::Object(map) => {
                for (key, value) in map {
                    self.keys.push(key.clone());
                    self.learn(key, value);
                }
            }
            _ => {}
        }
    }

    fn learn_schema(&mut self, schema: &Value) {
        let Value::Object(map) = schema else {
            if let Value::Array(items) = schema {
                items.iter().for_each(|item| self.learn_schema(item));
            }
            return;
        };
        if let Some(Value::Array(words)) = map.get("enum") {
            self.words.extend(words.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        if let Some(Value::Object(properties)) = map.get("properties") {
            self.keys.extend(properties.keys().cloned());
        }
        map.values().for_each(|value| self.learn_schema(value));
    }

    /// A document with one to three changes.
    pub(crate) fn next(&mut self) -> (Kind, Value) {
        loop {
            let (kind, mut document) = self.seeds.choose(&mut self.random).expect("seeds").clone();
            for _ in 0..self.random.random_range(1..=3) {
                self.change(&mut document);
            }
            if depth(&document) <= DEPTH_MAX {
                return (kind, document);
            }
        }
    }

    /// Changes one place; most places are deep in the document.
    fn change(&mut self, document: &mut Value) {
        let count = count(document);
        let mut place = self.random.random_range(0..count);
        let mut key = String::new();
        let Some(node) = at(document, &mut place, &mut key) else { return };
        let value = node.take();
        *node = match self.random.random_range(0..10) {
            0..=3 => self.change_inside(value, &key),
            4..=5 => self.same_kind(value),
            6..=7 => self.part_for(&key),
            8 => self.any_part(),
            _ => self.scalar(),
        };
    }

    /// Adds, removes or renames something in a mapping or a list; replaces a scalar.
    fn change_inside(&mut self, value: Value, key: &str) -> Value {
        match value {
            Value::Object(map) => Value::Object(self.change_map(map)),
            Value::Array(items) => Value::Array(self.change_list(items)),
            _ if self.random.random_bool(0.5) => self.part_for(key),
            _ => self.scalar(),
        }
    }

    fn change_map(&mut self, mut map: Map<String, Value>) -> Map<String, Value> {
        let keys: Vec<String> = map.keys().cloned().collect();
        let some_key = keys.choose(&mut self.random).cloned();
        match (self.random.random_range(0..4), some_key) {
            (0, Some(key)) => drop(map.remove(&key)),
            (1, Some(key)) => {
                let value = map.remove(&key).unwrap_or_default();
                let key = if self.random.random_bool(0.3) { format!("{key}s") } else { self.key() };
                map.insert(key, value);
            }
            _ => {
                let key = self.key();
                let value = self.part_for(&key);
                map.insert(key, value);
            }
        }
        map
    }

    fn change_list(&mut self, mut items: Vec<Value>) -> Vec<Value> {
        let index = (!items.is_empty()).then(|| self.random.random_range(0..items.len()));
        match (self.random.random_range(0..5), index) {
            (0, Some(index)) => drop(items.remove(index)),
            (1, Some(index)) => items.push(items[index].clone()),
            (2, _) => items.clear(),
            (3, Some(index)) => items = vec![items[index].clone(); 40],
            _ => items.push(self.any_part()),
        }
        items
    }

    /// Another value of the same kind.
    fn same_kind(&mut self, value: Value) -> Value {
        match value {
            Value::String(_) => Value::String(self.text()),
            Value::Bool(value) => Value::Bool(!value),
            Value::Number(_) => self.number(),
            Value::Null => Value::Null,
            Value::Array(items) => Value::Array(self.change_list(items)),
            Value::Object(map) => Value::Object(self.change_map(map)),
        }
    }

    /// What stands under this key somewhere, or anything.
    fn part_for(&mut self, key: &str) -> Value {
        let here: Vec<usize> =
            (0..self.parts.len()).filter(|at| self.parts[*at].0 == key).collect();
        match here.choose(&mut self.random) {
            Some(at) => self.parts[*at].1.clone(),
            None => self.any_part(),
        }
    }

    fn any_part(&mut self) -> Value {
        match self.random.random_bool(0.5) {
            true => self.parts.choose(&mut self.random).expect("parts").1.clone(),
            false => self.scalar(),
        }
    }

    fn key(&mut self) -> String {
        self.keys.choose(&mut self.random).expect("keys").clone()
    }

    fn scalar(&mut self) -> Value {
        match self.random.random_range(0..8) {
            0 => Value::Null,
            1 => Value::Bool(self.random.random()),
            2..=3 => self.number(),
            4 => json!([]),
            5 => json!({}),
            _ => Value::String(self.text()),
        }
    }

    fn number(&mut self) -> Value {
        let numbers = [
            json!(0),
            json!(1),
            json!(-1),
            json!(2),
            json!(0.0),
            json!(1.0),
            json!(-0.0),
            json!(3.5),
            json!(1e21),
            json!(1e-7),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1.5e300),
            json!(32),
        ];
        numbers.choose(&mut self.random).expect("numbers").clone()
    }

    fn text(&mut self) -> String {
        if self.random.random_bool(0.6) {
            return self.words.choose(&mut self.random).expect("words").clone();
        }
        let signs: Vec<char> =
            "aZ_9-. /#\\@!%&^é\u{a0}\u{85}\u{feff}\n\t:~\"'{}[]y$*&|>?,".chars().collect();
        let length = self.random.random_range(0..8);
        let made: String =
            (0..length).map(|_| *signs.choose(&mut self.random).expect("signs")).collect();
        let frames =
            ["", "sftp://", "/schema/", "a.b", "table.column.", "x.yaml#/schema/", "null", "1.10"];
        let frame = frames.choose(&mut self.random).expect("frames");
        format!("{frame}{made}")
    }
}

/// The number of places in a document: every value is one.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}

/// The value at a place, counted from the root, and the key that it stands under.
fn at<'v>(value: &'v mut Value, place: &mut usize, key: &mut String) -> Option<&'v mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => {
            for item in items {
                let inside = count(item);
                if *place < inside {
                    "[]".clone_into(key);
                    return at(item, place, key);
                }
                *place -= inside;
            }
            None
        }
        Value::Object(map) => {
            for (name, item) in map {
                let inside = count(item);
                if *place < inside {
                    name.clone_into(key);
                    return at(item, place, key);
                }
                *place -= inside;
            }
            None
        }
        _ => None,
    }
}
