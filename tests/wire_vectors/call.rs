//! A recorded call, from the text that it was made of.

use crate::python::Value;
use crate::source::Source;

/// `name(args, keyword=value)`.
#[derive(Debug)]
pub struct Step {
    pub name: String,
    args: Vec<Value>,
    keywords: Vec<(String, Value)>,
}

#[derive(Debug)]
pub struct Call {
    /// The class in front, where it is not the client.
    pub class: String,
    /// The call, and those that are made of what it returned.
    pub steps: Vec<Step>,
    /// What is read of the result.
    pub attribute: String,
    /// A second call, whose result stands behind the first.
    pub second: Option<Step>,
    /// How the client was made.
    pub made_with: Vec<(String, Value)>,
    pub servers: usize,
}

impl Call {
    pub fn parse(text: &str) -> Call {
        let mut source = Source::new(text);
        let mut call = Call {
            class: String::new(),
            steps: Vec::new(),
            attribute: String::new(),
            second: None,
            made_with: Vec::new(),
            servers: 1,
        };
        if let Some(class) = ["ExceptionsAreMissesMemcache", "ExceptionsAreMissesMapping"]
            .iter()
            .find(|class| source.takes(class))
        {
            source.expect(".");
            call.class = class.to_string();
        }
        if source.takes("_servers[0].") {
            call.class = "_servers[0]".into();
        }
        call.steps.push(step(&mut source));
        while source.takes(".") {
            match source.takes("__dict__") {
                true => call.attribute = "__dict__".into(),
                false => call.steps.push(step(&mut source)),
            }
        }
        if source.takes(", c.") {
            call.second = Some(step(&mut source));
        }
        call.notes(&mut source);
        source.end();
        call
    }

    /// What is said behind the call of how it was made.
    fn notes(&mut self, source: &mut Source) {
        source.spaces();
        match source.peek() {
            Some('#') => {
                source.expect("# Client");
                let (made_with, _) = source.list("(", ")", keyword);
                self.made_with = made_with;
            }
            Some('[') => {
                if source.takes("[2 servers share one socket]")
                    || source.takes("[2 servers, one shared socket]")
                {
                    self.servers = 2;
                    return;
                }
                source.expect("[value_wrapper=");
                let name = source.name(false);
                source.expect("]");
                self.made_with
                    .push(("value_wrapper".into(), Value::Object(name)));
            }
            // The status that the recorded reply has, too.
            Some('<') => {
                source.expect("<- status 0x");
                source.name(false);
            }
            Some('{') => {
                let Value::Dict(entries) = source.value() else {
                    source.fail("no dictionary")
                };
                for (name, value) in entries {
                    let Value::Str(name) = name else {
                        source.fail("no name")
                    };
                    self.made_with.push((name, value));
                }
            }
            _ => {}
        }
    }

    pub fn made_with(&self, name: &str) -> Option<&Value> {
        let mut all = self.made_with.iter();
        all.find(|entry| entry.0 == name).map(|entry| &entry.1)
    }

    /// The one call that this is.
    pub fn only(&self) -> &Step {
        assert_eq!(self.steps.len(), 1, "{self:?}");
        &self.steps[0]
    }
}

fn keyword(source: &mut Source) -> (String, Value) {
    let name = source.name(false);
    source.expect("=");
    (name, source.value())
}

/// A value that may have a name in front of it.
fn argument(source: &mut Source) -> (Option<String>, Value) {
    // Of what begins with a letter only keywords are no literals or functions.
    let named = matches!(source.peek(), Some(c) if c.is_ascii_lowercase())
        && !source.is_literal()
        && !source.stands("lambda");
    match named {
        true => {
            let (name, value) = keyword(source);
            (Some(name), value)
        }
        false => (None, source.value()),
    }
}

fn step(source: &mut Source) -> Step {
    let name = source.name(false);
    let (all, _) = source.list("(", ")", argument);
    let mut step = Step {
        name,
        args: Vec::new(),
        keywords: Vec::new(),
    };
    for (name, value) in all {
        match name {
            Some(name) => step.keywords.push((name, value)),
            None if step.keywords.is_empty() => step.args.push(value),
            None => source.fail("an argument without a name behind those with one"),
        }
    }
    step
}

impl Step {
    /// Its arguments by the names of the parameters: one entry for each; where nothing was said, none.
    /// Arguments of other names, and more of them, end the test.
    #[track_caller]
    pub fn bind<const N: usize>(&self, parameters: [&str; N]) -> [Option<&Value>; N] {
        assert!(self.args.len() <= N, "more than {parameters:?}: {self:?}");
        let mut bound = [None; N];
        for (place, value) in bound.iter_mut().zip(&self.args) {
            *place = Some(value);
        }
        for (name, value) in &self.keywords {
            let place = parameters.iter().position(|parameter| parameter == name);
            let place = place.unwrap_or_else(|| panic!("what is {name}? {self:?}"));
            assert!(bound[place].is_none(), "{name} twice: {self:?}");
            bound[place] = Some(value);
        }
        bound
    }
}

#[test]
fn the_calls_of_the_recordings() {
    let call = Call::parse("set('k', b'v', noreply=False)   # Client(key_prefix=b'p:')");
    let [key, value, noreply, flags] = call.only().bind(["key", "value", "noreply", "flags"]);
    assert_eq!(key, Some(&Value::str("k")));
    assert_eq!(value, Some(&Value::Bytes(b"v".to_vec())));
    assert_eq!((noreply, flags), (Some(&Value::Bool(false)), None));
    assert_eq!(
        call.made_with("key_prefix"),
        Some(&Value::Bytes(b"p:".to_vec()))
    );
    let call = Call::parse("get('foo', get_cas=True).__dict__ [value_wrapper=ValueSuperStr]");
    assert_eq!((call.steps.len(), call.attribute.as_str()), (1, "__dict__"));
    assert_eq!(
        Call::parse("gets('k'), c.cas('k', 'w')")
            .second
            .unwrap()
            .name,
        "cas"
    );
    assert_eq!(
        Call::parse("flush_all() [2 servers share one socket]").servers,
        2
    );
    for wrong in [
        "get('k'",
        "get('k') and more",
        "get(k)",
        "get('k') # Client",
        "get(k=1, 2)",
    ] {
        let outcome = std::panic::catch_unwind(|| Call::parse(wrong));
        assert!(outcome.is_err(), "{wrong}");
    }
}
