//! Reads the library's sources, module by module, and tells which paths each of them names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// One source file.
pub struct Source {
    pub file: PathBuf,
    /// The module that the file is, from the root: `["client", "pool"]`; the root's is empty.
    pub module: Vec<String>,
    pub names: Vec<Name>,
    /// Method names that are called, outside tests.
    pub methods: Vec<String>,
    /// Whether `unsafe` stands anywhere outside tests.
    pub says_unsafe: bool,
    children: Vec<Child>,
}

struct Child {
    name: String,
    module: Vec<String>,
    test: bool,
}

/// A path that the code names, aliases replaced: `["crate", "protocol", "Key"]`, `["std", "net"]`.
#[derive(Debug, PartialEq)]
pub struct Name {
    pub segments: Vec<String>,
    pub test: bool,
}

impl Source {
    /// The top-level module that the file belongs to; `None` for the root.
    pub fn top(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }
}

/// Every file of the crate whose root is `root`, following its `mod` declarations.
pub fn read_crate(root: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut queue = vec![(root.to_path_buf(), Vec::new(), false)];
    while let Some((file, module, test)) = queue.pop() {
        let text =
            std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let source = read(&file, module, test, &text);
        for child in &source.children {
            queue.push((
                file_of(&file, &source.module, child),
                child.module.clone(),
                child.test,
            ));
        }
        sources.push(source);
    }
    sources
}

/// Where `child`, declared in `file`, which is `module`, is written.
fn file_of(file: &Path, module: &[String], child: &Child) -> PathBuf {
    let mut directory = file.parent().expect("a file has a directory").to_path_buf();
    let stem = file.file_stem().expect("a file has a name");
    if !module.is_empty() && stem != "mod" {
        directory.push(stem);
    }
    let inline = &child.module[module.len()..child.module.len() - 1];
    directory.extend(inline);
    let flat = directory.join(format!("{}.rs", child.name));
    if flat.exists() {
        flat
    } else {
        directory.join(&child.name).join("mod.rs")
    }
}

/// Reads one file.
pub fn read(file: &Path, module: Vec<String>, test: bool, text: &str) -> Source {
    let syntax = syn::parse_file(text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut aliases = Aliases {
        module: module.clone(),
        known: HashMap::new(),
    };
    aliases.visit_file(&syntax);
    let mut reader = Reader {
        module: module.clone(),
        test,
        aliases: aliases.known,
        source: Source {
            file: file.to_path_buf(),
            module,
            names: Vec::new(),
            methods: Vec::new(),
            says_unsafe: false,
            children: Vec::new(),
        },
    };
    reader.visit_file(&syntax);
    reader.source
}

/// The names that `use` declarations bring into a file, and what they stand for.
struct Aliases {
    module: Vec<String>,
    known: HashMap<String, Vec<String>>,
}

impl<'ast> Visit<'ast> for Aliases {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for (path, alias) in flatten(&item.tree) {
            let path = absolute(&path, &self.module);
            self.known.insert(alias, path);
        }
    }
}

struct Reader {
    module: Vec<String>,
    test: bool,
    aliases: HashMap<String, Vec<String>>,
    source: Source,
}

impl Reader {
    fn name(&mut self, path: Vec<String>) {
        let mut segments = absolute(&path, &self.module);
        if let Some(meant) = segments.first().and_then(|first| self.aliases.get(first)) {
            segments.splice(..1, meant.iter().cloned());
        }
        let test = self.test;
        self.source.names.push(Name { segments, test });
    }

    fn found_unsafe(&mut self) {
        self.source.says_unsafe |= !self.test;
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let outside = self.test;
        self.test |= for_tests(attributes(item));
        visit::visit_item(self, item);
        self.test = outside;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let outside = self.test;
        self.test |= for_tests(&item.attrs);
        visit::visit_impl_item_fn(self, item);
        self.test = outside;
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        self.module.push(name.clone());
        if item.content.is_none() {
            let (module, test) = (self.module.clone(), self.test);
            self.source.children.push(Child { name, module, test });
        }
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for (path, _) in flatten(&item.tree) {
            self.name(path);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.name(path.segments.iter().map(|s| s.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let words = words(&mac.tokens.to_string());
        for path in paths(&words) {
            self.name(path);
        }
        if words.iter().any(|word| word == "unsafe") {
            self.found_unsafe();
        }
        visit::visit_macro(self, mac);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if !self.test {
            self.source.methods.push(call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("unsafe") {
            self.found_unsafe();
        }
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.found_unsafe();
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if signature.unsafety.is_some() {
            self.found_unsafe();
        }
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.unsafety.is_some() {
            self.found_unsafe();
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        if item.unsafety.is_some() {
            self.found_unsafe();
        }
        visit::visit_item_trait(self, item);
    }

    fn visit_item_foreign_mod(&mut self, item: &'ast syn::ItemForeignMod) {
        self.found_unsafe();
        visit::visit_item_foreign_mod(self, item);
    }
}

/// `path` as seen in `module`, from the root if it is one of ours.
fn absolute(path: &[String], module: &[String]) -> Vec<String> {
    let (mut base, mut rest) = match path.split_first() {
        Some((first, rest)) if first == "crate" => (&module[..0], rest),
        Some((first, rest)) if first == "self" => (module, rest),
        Some((first, _)) if first == "super" => (module, path),
        _ => return path.to_vec(),
    };
    while rest.first().is_some_and(|segment| segment == "super") {
        base = &base[..base.len().saturating_sub(1)];
        rest = &rest[1..];
    }
    let mut found = vec!["crate".to_string()];
    found.extend_from_slice(base);
    found.extend_from_slice(rest);
    found
}

/// The paths of a `use` tree, each with the name that it gets.
fn flatten(tree: &syn::UseTree) -> Vec<(Vec<String>, String)> {
    let one = |name: String, alias: String| vec![(vec![name], alias)];
    match tree {
        syn::UseTree::Name(name) => one(name.ident.to_string(), name.ident.to_string()),
        syn::UseTree::Rename(name) => one(name.ident.to_string(), name.rename.to_string()),
        syn::UseTree::Glob(_) => one("*".into(), "*".into()),
        syn::UseTree::Group(group) => group.items.iter().flat_map(flatten).collect(),
        syn::UseTree::Path(path) => {
            let first = path.ident.to_string();
            let below = flatten(&path.tree).into_iter();
            below
                .map(|(rest, alias)| {
                    // `use a::b::{self}` names b itself.
                    let itself = rest == ["self"];
                    let alias = if itself && alias == "self" {
                        first.clone()
                    } else {
                        alias
                    };
                    let rest = if itself { Vec::new() } else { rest };
                    (std::iter::once(first.clone()).chain(rest).collect(), alias)
                })
                .collect()
        }
    }
}

/// The paths with two segments or more in the tokens of a macro, which no parser knows better.
fn paths(words: &[String]) -> Vec<Vec<String>> {
    let is_name = |word: &String| word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if !is_name(&words[at]) {
            at += 1;
            continue;
        }
        let mut path = vec![words[at].clone()];
        while words.get(at + 1).is_some_and(|w| w == "::") && words.get(at + 2).is_some_and(is_name)
        {
            path.push(words[at + 2].clone());
            at += 2;
        }
        if path.len() > 1 {
            found.push(path);
        }
        at += 1;
    }
    found
}

/// Identifiers, `::` and single other characters; literals are left out.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' {
            string_length(rest)
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let word = &rest[..end.unwrap_or(rest.len())];
            words.push(word.to_string());
            word.len()
        } else if rest.starts_with("::") {
            words.push("::".into());
            2
        } else {
            if !first.is_whitespace() {
                words.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    words
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether the attributes say `cfg(test)`, alone or among other conditions.
fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let words = words(&list.tokens.to_string());
            words.iter().any(|w| w == "test") && !words.iter().any(|w| w == "not" || w == "any")
        }
        _ => false,
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
