//! Where the needed values are in a record's JSON text: one pass over it, nothing built. Knows paths, not kinds.
//!
//! A record's keys mostly come in the order of the record before, so each object remembers which key was at which
//! place and tries that first. Nested paths read the text of their object again, one level down.

use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Keys remembered an object, and how long they may be: what bounds the memory of odd records.
const MAX_PLACES: usize = 256;
const MAX_KEY: usize = 64;

/// Finds the values of a list of paths.
pub(super) struct Locator {
    root: Node,
    /// One a distinct path or inner object: where its text is; None: not there.
    cells: Vec<Option<Range<usize>>>,
    /// Cell of each path that was asked for.
    leaves: Vec<usize>,
}

#[derive(Default)]
struct Node {
    children: Vec<Child>,
    /// The key at each place of the last record, and which child it is.
    places: Vec<(String, Option<usize>)>,
}

struct Child {
    token: String,
    cell: usize,
    /// What is wanted inside it, if it is an object or array.
    inner: Option<Node>,
}

impl Locator {
    pub(super) fn new<'p>(paths: impl Iterator<Item = &'p [String]>) -> Self {
        let mut root = Node::default();
        let mut cells = 0;
        let leaves = paths.map(|path| root.add(path, &mut cells)).collect();
        Self { root, cells: vec![None; cells], leaves }
    }

    /// Reads the whole record; the error says what is wrong with it and where.
    pub(super) fn locate(&mut self, text: &str) -> Result<(), String> {
        self.cells.fill(None);
        let found = Found { base: text.as_ptr() as usize, cells: &mut self.cells };
        self.root.read(text, found).map_err(|e| e.to_string())
    }

    /// Where the value of the path with this index is.
    pub(super) fn cell(&self, path: usize) -> Option<Range<usize>> {
        self.cells[self.leaves[path]].clone()
    }
}

impl Node {
    /// Returns the cell of the path.
    fn add(&mut self, path: &[String], cells: &mut usize) -> usize {
        let (token, rest) = path.split_first().expect("a field of the record has a path of one token or more");
        let at = self.children.iter().position(|child| child.token == *token).unwrap_or_else(|| {
            self.children.push(Child { token: token.clone(), cell: *cells, inner: None });
            *cells += 1;
            self.children.len() - 1
        });
        let child = &mut self.children[at];
        match rest {
            [] => child.cell,
            _ => child.inner.get_or_insert_default().add(rest, cells),
        }
    }

    fn read(&mut self, text: &str, found: Found<'_>) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let inside = Inside { node: self, found };
        if text.starts_with('[') && inside.found.is_inner(text) {
            deserializer.deserialize_seq(inside)?;
        } else {
            deserializer.deserialize_map(inside)?;
        }
        deserializer.end()
    }

    fn child(&mut self, place: usize, key: &str) -> Option<usize> {
        if let Some((last, child)) = self.places.get(place)
            && last == key
        {
            return *child;
        }
        let child = self.children.iter().position(|child| child.token == key);
        if key.len() <= MAX_KEY {
            let places = self.places.len();
            match self.places.get_mut(place) {
                Some((last, at)) => {
                    last.clear();
                    last.push_str(key);
                    *at = child;
                }
                None if place == places && place < MAX_PLACES => self.places.push((key.to_owned(), child)),
                None => {}
            }
        }
        child
    }
}

/// What a pass over a record fills.
struct Found<'c> {
    /// Address of the record's first byte: a value's place is the distance from it.
    base: usize,
    cells: &'c mut [Option<Range<usize>>],
}

impl Found<'_> {
    fn is_inner(&self, text: &str) -> bool {
        text.as_ptr() as usize != self.base
    }
}

/// Visits one object (or array, where a path counts into one).
struct Inside<'n, 'c> {
    node: &'n mut Node,
    found: Found<'c>,
}

impl Inside<'_, '_> {
    /// Keeps where the value is, and looks into it if a path goes on there.
    fn keep<E: serde::de::Error>(&mut self, child: usize, value: &str) -> Result<(), E> {
        let child = &mut self.node.children[child];
        let start = value.as_ptr() as usize - self.found.base;
        self.found.cells[child.cell] = Some(start..start + value.len());
        match &mut child.inner {
            Some(inner) if value.starts_with(['{', '[']) => {
                let found = Found { base: self.found.base, cells: self.found.cells };
                inner.read(value, found).map_err(E::custom)
            }
            _ => Ok(()),
        }
    }
}

impl<'de> Visitor<'de> for Inside<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut place = 0;
        while let Some(child) = map.next_key_seed(Key { node: self.node, place })? {
            place += 1;
            let Some(child) = child else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let known = &self.node.children[child];
            if self.found.cells[known.cell].is_some() {
                return Err(A::Error::custom(format_args!("the key {:?} stands twice", known.token)));
            }
            let value: &'de RawValue = map.next_value()?;
            self.keep(child, value.get())?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while let Some(value) = seq.next_element::<&'de RawValue>()? {
            let token = index.to_string();
            if let Some(child) = self.node.children.iter().position(|child| child.token == token) {
                self.keep(child, value.get())?;
            }
            index += 1;
        }
        Ok(())
    }
}

/// Reads a key and says which child it is.
struct Key<'n> {
    node: &'n mut Node,
    place: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.node.child(self.place, key))
    }
}
