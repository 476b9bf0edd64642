//! What `include/memcached2.h` declares, read as text.

use std::collections::BTreeMap;

pub const TEXT: &str = include_str!("../../include/memcached2.h");

/// The file that cbindgen wrote in this build.
pub const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/memcached2.h"));

/// The functions that cbindgen saw in this build, sorted.
pub fn symbols() -> Vec<String> {
    let text = include_str!(concat!(env!("OUT_DIR"), "/memcached2.sym"));
    let lines = text.lines().filter_map(|line| line.strip_suffix(';'));
    let mut names: Vec<_> = lines
        .filter(|name| *name != "}")
        .map(String::from)
        .collect();
    names.sort();
    names
}

/// One declaration or macro of the header, with the comment that stands right before it.
pub struct Item {
    pub kind: Kind,
    pub name: String,
    pub doc: String,
    /// For a macro what it stands for, else the declaration up to its `;`, in one line.
    pub text: String,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    Constant,
    FunctionMacro,
    Function,
    Type,
}

/// Everything that the header declares, in its order; not the include guard, nor `extern "C"`.
pub fn items() -> Vec<Item> {
    items_of(TEXT)
}

/// As [`items`], of another header.
pub fn items_of(header: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut doc = String::new();
    let mut declaration = String::new();
    let mut rest = header;
    while !rest.is_empty() {
        if let Some(comment) = rest.strip_prefix("/*") {
            let (inside, after) = comment.split_once("*/").expect("a closed comment");
            doc = inside.trim_matches('*').trim().to_string();
            rest = after;
            continue;
        }
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let line = line.split("//").next().unwrap_or_default();
        if line.starts_with('#') {
            let (text, after) = directive(rest);
            rest = after;
            if let Some(mut item) = text.strip_prefix("#define ").and_then(macro_item) {
                item.doc = std::mem::take(&mut doc);
                items.push(item);
            }
            continue;
        }
        // A comment inside a declaration, of a field for example, is no part of it.
        let (line, after) = match line.find("/*") {
            Some(at) => (&line[..at], &rest[at..]),
            None => (line, after),
        };
        rest = after;
        if declaration.is_empty() && matches!(line.trim(), "extern \"C\" {" | "}") {
            continue;
        }
        if declaration.is_empty() && !line.trim().is_empty() {
            items.push(Item {
                kind: Kind::Type,
                name: String::new(),
                doc: doc.clone(),
                text: String::new(),
            });
            doc.clear();
        }
        declaration.push_str(line.trim());
        declaration.push(' ');
        if declaration.trim().is_empty() {
            declaration.clear();
        } else if complete(&declaration) {
            let item = items.last_mut().expect("begun above");
            item.text = declaration.trim().to_string();
            (item.kind, item.name) = declared(&item.text);
            declaration.clear();
        }
    }
    assert!(declaration.is_empty(), "not understood: {declaration}");
    items
}

/// A preprocessor line with its continuations, and what follows it.
fn directive(text: &str) -> (String, &str) {
    let mut whole = String::new();
    let mut rest = text;
    loop {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        match line.strip_suffix('\\') {
            Some(part) => whole.push_str(part),
            None => {
                whole.push_str(line);
                return (whole, rest);
            }
        }
    }
}

fn macro_item(definition: &str) -> Option<Item> {
    let end = definition.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (name, text) = definition.split_at(end.unwrap_or(definition.len()));
    let kind = if text.starts_with('(') {
        Kind::FunctionMacro
    } else {
        Kind::Constant
    };
    if matches!(name, "MEMCACHED2_H" | "MC_API" | "MC_MUST_USE") {
        return None;
    }
    let (name, text) = (name.to_string(), text.trim().to_string());
    Some(Item {
        kind,
        name,
        doc: String::new(),
        text,
    })
}

/// Whether all braces are closed and a `;` ends it.
fn complete(declaration: &str) -> bool {
    let count = |c| declaration.matches(c).count();
    count('{') == count('}') && declaration.trim_end().ends_with(';')
}

fn declared(text: &str) -> (Kind, String) {
    let is_type = text.starts_with("typedef") || text.starts_with("struct");
    let name = match text.split_once("(*") {
        // The name of a pointer to a function is in its first parentheses.
        Some((_, pointer)) if is_type && !text.contains('{') => pointer.split(')').next(),
        _ if is_type => Some(text),
        _ => text.split('(').next(),
    };
    let mut words = name
        .unwrap_or_default()
        .split(|c: char| !c.is_alphanumeric() && c != '_');
    let last = words.rfind(|word| !word.is_empty()).unwrap_or_default();
    (
        if is_type { Kind::Type } else { Kind::Function },
        last.to_string(),
    )
}

/// The fields of each structure that the header defines.
pub fn fields() -> BTreeMap<String, Vec<String>> {
    fields_of(TEXT)
}

/// As [`fields`], of another header.
pub fn fields_of(header: &str) -> BTreeMap<String, Vec<String>> {
    let mut structures = BTreeMap::new();
    for item in items_of(header) {
        let Some((_, body)) = item.text.split_once('{') else {
            continue;
        };
        if item.kind != Kind::Type {
            continue;
        }
        let body = body.rsplit_once('}').expect("a closed brace").0;
        let fields = body.split(';').filter(|field| !field.trim().is_empty());
        let names = fields.map(|field| declared(&format!("typedef {}", field.trim())).1);
        structures.insert(item.name, names.collect());
    }
    structures
}
