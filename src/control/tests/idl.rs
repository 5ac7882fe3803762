//! The description of the interface and the types say the same. A parser of the Varlink language, as far as it is used
//! here, makes sample values of everything described; the types read them and write them again.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::base::record::Kind;
use crate::control::Command;
use crate::wire::control::{
    self as wire, AccountState, BanKind, CheckStep, ControlError, DrainStep, InviteState, LogLevel,
    METHODS, Method, MetricKind, NameKind, State, UserRole, with_methods,
};

/// A type as it is described.
#[derive(Clone, Debug, PartialEq)]
enum Type {
    Bool,
    Int,
    Float,
    String,
    Named(String),
    Optional(Box<Type>),
    Array(Box<Type>),
    Object,
}

type Fields = Vec<(String, Type)>;

#[derive(Debug, Default)]
struct Interface {
    name: String,
    structs: BTreeMap<String, Fields>,
    enums: BTreeMap<String, Vec<String>>,
    /// Name, the first line above it, parameters, reply.
    methods: Vec<(String, String, Fields, Fields)>,
    errors: Vec<(String, Fields)>,
}

impl Interface {
    fn parse(text: &str) -> Self {
        let mut interface = Self::default();
        let (mut comment, mut lines) = (Vec::new(), text.lines());
        while let Some(line) = lines.next() {
            if let Some(words) = line.strip_prefix('#') {
                comment.push(words.trim().to_owned());
                continue;
            }
            let mut member = line.to_owned();
            while member.matches('(').count() > member.matches(')').count() {
                member.push_str(lines.next().expect("a member that ends"));
            }
            let first = comment.first().cloned().unwrap_or_default();
            comment.clear();
            interface.member(&member, first);
        }
        interface
    }

    fn member(&mut self, member: &str, comment: String) {
        let Some((keyword, rest)) = member.split_once(' ') else {
            assert!(member.is_empty(), "{member}");
            return;
        };
        let (name, body) = rest.split_once('(').unwrap_or((rest, ""));
        let name = name.trim().to_owned();
        assert!(!comment.is_empty(), "'{name}' has no comment");
        match keyword {
            "interface" => self.name = name,
            "type" if body.contains(':') => drop(self.structs.insert(name, fields(body))),
            "type" => drop(self.enums.insert(name, words(body))),
            "error" => self.errors.push((name, fields(body))),
            "method" => {
                let (parameters, reply) = body.split_once("->").expect("a method that replies");
                let reply = reply.trim().trim_start_matches('(');
                self.methods
                    .push((name, comment, fields(parameters), fields(reply)));
            }
            other => panic!("no such keyword: '{other}'"),
        }
    }

    /// An object with these fields; `full` with those that may be missing.
    fn sample(&self, fields: &Fields, full: bool) -> Value {
        let mut object = Map::new();
        for (name, kind) in fields {
            match kind {
                Type::Optional(_) if !full => {}
                Type::Optional(inner) => {
                    drop(object.insert(name.clone(), self.value(name, inner, full)))
                }
                other => drop(object.insert(name.clone(), self.value(name, other, full))),
            }
        }
        Value::Object(object)
    }

    fn value(&self, name: &str, kind: &Type, full: bool) -> Value {
        match kind {
            Type::Bool => json!(true),
            Type::Int => json!(7),
            Type::Float => json!(7.5),
            Type::String
                if ["at", "since", "until", "before"].contains(&name) || name.ends_with("At") =>
            {
                json!("2026-11-20T10:30:00.000Z")
            }
            Type::String if name == "network" => json!("10.0.0.0/8"),
            Type::String => json!("anna"),
            Type::Object => json!({}),
            Type::Array(inner) => json!([self.value(name, inner, full)]),
            Type::Optional(inner) => self.value(name, inner, full),
            Type::Named(name) => match self.enums.get(name) {
                Some(words) => json!(words[0]),
                None => self.sample(&self.structs[name], full),
            },
        }
    }
}

fn words(body: &str) -> Vec<String> {
    body.trim()
        .trim_end_matches(')')
        .split(',')
        .map(|word| word.trim().to_owned())
        .collect()
}

fn fields(body: &str) -> Fields {
    words(body)
        .into_iter()
        .filter(|field| !field.is_empty())
        .map(|field| {
            let (name, kind) = field.split_once(": ").expect("a field with a type");
            (name.to_owned(), kind_of(kind))
        })
        .collect()
}

fn kind_of(text: &str) -> Type {
    if let Some(inner) = text.strip_prefix('?') {
        return Type::Optional(Box::new(kind_of(inner)));
    }
    if let Some(inner) = text.strip_prefix("[]") {
        return Type::Array(Box::new(kind_of(inner)));
    }
    match text {
        "bool" => Type::Bool,
        "int" => Type::Int,
        "float" => Type::Float,
        "string" => Type::String,
        "object" => Type::Object,
        name => Type::Named(name.to_owned()),
    }
}

fn described() -> Interface {
    Interface::parse(include_str!("../io.chatd.Control.varlink"))
}

/// Reads a value as the reply of a method and writes it again.
fn reply_again(method: &str, reply: Value) -> Value {
    macro_rules! again {
        ($($name:ident,)+) => {
            match method {
                $(stringify!($name) => {
                    let reply: <wire::$name as Method>::Reply = serde_json::from_value(reply).expect(method);
                    serde_json::to_value(reply).expect(method)
                })+
                other => panic!("described, but no method: {other}"),
            }
        };
    }
    with_methods!(again)
}

#[test]
fn the_methods_are_those_of_the_table_with_the_same_words() {
    let interface = described();
    assert_eq!(interface.name, wire::INTERFACE);
    let described: Vec<_> = interface
        .methods
        .iter()
        .map(|(name, comment, ..)| (name.as_str(), comment.as_str()))
        .collect();
    let known: Vec<_> = METHODS
        .iter()
        .map(|about| (about.name, about.help))
        .collect();
    assert_eq!(described, known);
}

#[test]
fn parameters_as_described_are_read_and_written_again_and_no_others() {
    let interface = described();
    for (name, _, parameters, _) in &interface.methods {
        for full in [true, false] {
            let sample = interface.sample(parameters, full);
            let given = sample.as_object().unwrap().clone();
            let command = Command::read(name, given.clone())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(command.about().name, name);
            assert_eq!(Value::Object(command.parameters()), sample, "{name}");
            for missing in given.keys().filter(|_| !full) {
                let mut given = given.clone();
                given.remove(missing);
                let parameter = missing.clone();
                assert_eq!(
                    Command::read(name, given),
                    Err(ControlError::InvalidParameter { parameter }),
                    "{name}"
                );
            }
            let mut given = given;
            given.insert("zzz".into(), json!(1));
            assert!(Command::read(name, given).is_err(), "{name}");
        }
    }
}

#[test]
fn replies_as_described_are_read_and_written_again() {
    let interface = described();
    for (name, _, _, reply) in &interface.methods {
        for full in [true, false] {
            let sample = interface.sample(reply, full);
            assert_eq!(reply_again(name, sample.clone()), sample, "{name}");
        }
    }
}

#[test]
fn the_words_of_enumerations_are_those_of_the_types() {
    let enums = described().enums;
    // Others refuse the whole interface for one word that is no identifier.
    let is_word = |word: &str| {
        word.chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '_')
    };
    for (name, words) in &enums {
        assert!(words.iter().all(|word| is_word(word)), "{name}: {words:?}");
    }
    assert_eq!(enums["State"], State::WORDS);
    assert_eq!(enums["LogLevel"], LogLevel::WORDS);
    assert_eq!(enums["CheckStep"], CheckStep::WORDS);
    let kinds = [Kind::Text, Kind::Action, Kind::Redaction, Kind::Redacted].map(|kind| json!(kind));
    assert_eq!(json!(enums["MessageKind"]), json!(kinds));
    assert_eq!(enums["AccountState"], AccountState::WORDS);
    assert_eq!(enums["InviteState"], InviteState::WORDS);
    assert_eq!(enums["DrainStep"], DrainStep::WORDS);
    assert_eq!(enums["MetricKind"], MetricKind::WORDS);
    assert_eq!(enums["NameKind"], NameKind::WORDS);
    assert_eq!(enums["UserRole"], UserRole::WORDS);
    assert_eq!(enums["BanKind"], BanKind::WORDS);
    assert_eq!(enums.len(), 11);
}

#[test]
fn the_errors_are_those_of_the_type_with_the_same_fields() {
    let service = Interface::parse(include_str!("../org.varlink.service.varlink"));
    let mut names = Vec::new();
    for interface in [described(), service] {
        for (name, fields) in &interface.errors {
            let name = format!("{}.{name}", interface.name);
            let sample = interface.sample(fields, true);
            let error = ControlError::decode(&name, sample.as_object().unwrap().clone());
            assert!(
                !matches!(error, ControlError::Other { .. }),
                "{name} {error:?}"
            );
            let written = error.encode();
            let keys = |value: &Value| {
                value
                    .as_object()
                    .unwrap()
                    .keys()
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert_eq!(keys(&written["parameters"]), keys(&sample), "{name}");
            names.push(name);
        }
    }
    assert_eq!(names, ControlError::NAMES);
}
