//! One setting: what a row of the table says, and how a text becomes a value of it.
//!
//! A row is built by a chain of `const` functions so that the table reads as a table:
//! `int("num.partitions", "1").at_least(1).doc("…")`.

use std::fmt;

/// A row of the settings table.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub kind: Kind,
    /// The default as it would be written in a file; `None` when there is none (Kafka's null).
    pub default: Option<&'static str>,
    pub allowed: Allowed,
    pub scope: Scope,
    /// Topic settings: the broker's settings that give the topic's default, strongest first.
    pub synonyms: &'static [Synonym],
    /// May be altered while the broker runs.
    pub dynamic: bool,
    pub effect: Effect,
    /// Taken from files and requests, never listed to clients (Kafka's "internal").
    pub internal: bool,
    /// Not one of Kafka's names.
    pub ours: bool,
    /// Kafka's default, where ours differs.
    pub kafka_default: Option<&'static str>,
    pub doc: &'static str,
}

/// Kafka's configuration types, with the ids that DescribeConfigs uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

/// What a value must satisfy beyond its type.
#[derive(Clone, Copy, Debug)]
pub enum Allowed {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    /// A range, or this one value outside of it.
    BetweenOr(i64, i64, i64),
    /// A real number within both bounds.
    Fraction(f64, f64),
    OneOf(&'static [&'static str]),
    OneOfIgnoringCase(&'static [&'static str]),
    /// Each item of a list is one of these.
    Items(&'static [&'static str]),
    /// `*`, or partition:broker pairs with commas between.
    ThrottledReplicas,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Broker,
    Topic,
}

/// A broker setting that gives a topic setting its default, in another unit perhaps.
#[derive(Clone, Copy, Debug)]
pub struct Synonym {
    pub name: &'static str,
    /// The topic's value = the broker's × this.
    pub times: i64,
}

/// Whether a setting does anything yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does what its doc says.
    Now,
    /// What it governs is not built yet: accepted and said so.
    Later,
    /// What it governs does not exist here, and will not: accepted and said so.
    Moot,
}

/// A checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<String>),
}

pub const fn boolean(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, Kind::Bool, Some(default))
}
pub const fn int(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, Kind::Int, Some(default))
}
pub const fn short(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, Kind::Short, Some(default))
}
pub const fn long(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, Kind::Long, Some(default))
}
pub const fn double(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, Kind::Double, Some(default))
}
pub const fn string(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, Kind::String, Some(default))
}
pub const fn list(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, Kind::List, Some(default))
}
pub const fn class(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, Kind::Class, Some(default))
}
/// A setting without a default.
pub const fn unset(name: &'static str, kind: Kind) -> Setting {
    Setting::new(name, kind, None)
}
/// A broker synonym in the same unit.
pub const fn same(name: &'static str) -> Synonym {
    Synonym { name, times: 1 }
}
/// A broker synonym in another unit.
pub const fn scaled(name: &'static str, times: i64) -> Synonym {
    Synonym { name, times }
}

impl Setting {
    const fn new(name: &'static str, kind: Kind, default: Option<&'static str>) -> Setting {
        Setting {
            name,
            kind,
            default,
            allowed: Allowed::Any,
            scope: Scope::Broker,
            synonyms: &[],
            dynamic: false,
            effect: Effect::Now,
            internal: false,
            ours: false,
            kafka_default: None,
            doc: "",
        }
    }
    pub const fn doc(mut self, doc: &'static str) -> Setting {
        self.doc = doc;
        self
    }
    pub const fn at_least(mut self, least: i64) -> Setting {
        self.allowed = Allowed::AtLeast(least);
        self
    }
    pub const fn between(mut self, least: i64, most: i64) -> Setting {
        self.allowed = Allowed::Between(least, most);
        self
    }
    pub const fn between_or(mut self, least: i64, most: i64, or: i64) -> Setting {
        self.allowed = Allowed::BetweenOr(least, most, or);
        self
    }
    pub const fn fraction(mut self, least: f64, most: f64) -> Setting {
        self.allowed = Allowed::Fraction(least, most);
        self
    }
    pub const fn one_of(mut self, words: &'static [&'static str]) -> Setting {
        self.allowed = Allowed::OneOf(words);
        self
    }
    pub const fn one_of_ignoring_case(mut self, words: &'static [&'static str]) -> Setting {
        self.allowed = Allowed::OneOfIgnoringCase(words);
        self
    }
    pub const fn items(mut self, words: &'static [&'static str]) -> Setting {
        self.allowed = Allowed::Items(words);
        self
    }
    pub const fn throttled_replicas(mut self) -> Setting {
        self.allowed = Allowed::ThrottledReplicas;
        self
    }
    /// A setting of topics, with the broker settings that give its default.
    pub const fn topic(mut self, synonyms: &'static [Synonym]) -> Setting {
        self.scope = Scope::Topic;
        self.synonyms = synonyms;
        self.dynamic = true;
        self
    }
    pub const fn dynamic(mut self) -> Setting {
        self.dynamic = true;
        self
    }
    pub const fn later(mut self) -> Setting {
        self.effect = Effect::Later;
        self
    }
    pub const fn moot(mut self) -> Setting {
        self.effect = Effect::Moot;
        self
    }
    pub const fn internal(mut self) -> Setting {
        self.internal = true;
        self
    }
    pub const fn ours(mut self) -> Setting {
        self.ours = true;
        self
    }
    /// Ours differs from Kafka's default, which is this ("" for none).
    pub const fn kafka_default(mut self, default: &'static str) -> Setting {
        self.kafka_default = Some(default);
        self
    }

    /// Whether its value must not be shown.
    pub fn sensitive(&self) -> bool {
        self.kind == Kind::Password
    }

    /// Turns text into a checked value, or says what is allowed instead.
    pub fn parse(&self, text: &str) -> Result<Value, BadValue> {
        let text = text.trim();
        let value = self.kind.parse(text).filter(|value| self.allowed.holds(value));
        value.ok_or_else(|| BadValue {
            key: self.name.to_string(),
            value: if self.sensitive() {
                "[hidden]".into()
            } else {
                text.to_string()
            },
            allowed: self.allowed_text(),
        })
    }

    /// The default as a value; the table's test holds that it parses.
    pub fn default_value(&self) -> Option<Value> {
        self.default.map(|text| {
            self.parse(text)
                .expect("the table's defaults are valid: a test checks each")
        })
    }

    /// What is allowed, for people.
    pub fn allowed_text(&self) -> String {
        let words = |words: &[&str]| words.join(", ");
        match self.allowed {
            Allowed::Any => self.kind.in_words().to_string(),
            Allowed::AtLeast(least) => format!("{}, {least} or more", self.kind.in_words()),
            Allowed::Between(least, most) => {
                format!("{} from {least} to {most}", self.kind.in_words())
            }
            Allowed::BetweenOr(least, most, or) => {
                format!("{} from {least} to {most}, or {or}", self.kind.in_words())
            }
            Allowed::Fraction(least, most) => {
                format!("{} from {least} to {most}", self.kind.in_words())
            }
            Allowed::OneOf(of) => format!("one of {}", words(of)),
            Allowed::OneOfIgnoringCase(of) => format!("one of {}, in any case", words(of)),
            Allowed::Items(of) => format!("a list of {}", words(of)),
            Allowed::ThrottledReplicas => "* or a list of partition:broker, such as 0:1,1:2".to_string(),
        }
    }
}

impl Kind {
    /// DescribeConfigs' config_type.
    pub fn id(self) -> i8 {
        match self {
            Kind::Bool => 1,
            Kind::String => 2,
            Kind::Int => 3,
            Kind::Short => 4,
            Kind::Long => 5,
            Kind::Double => 6,
            Kind::List => 7,
            Kind::Class => 8,
            Kind::Password => 9,
        }
    }

    fn parse(self, text: &str) -> Option<Value> {
        let int = |least: i64, most: i64| {
            let number = text.parse::<i64>().ok()?;
            (least..=most).contains(&number).then_some(Value::Int(number))
        };
        match self {
            Kind::Bool if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
            Kind::Bool if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
            Kind::Bool => None,
            Kind::String | Kind::Class | Kind::Password => Some(Value::Text(text.to_string())),
            Kind::Short => int(i16::MIN.into(), i16::MAX.into()),
            Kind::Int => int(i32::MIN.into(), i32::MAX.into()),
            Kind::Long => int(i64::MIN, i64::MAX),
            Kind::Double => text
                .parse::<f64>()
                .ok()
                .filter(|n| !n.is_nan())
                .map(Value::Double),
            Kind::List => Some(Value::List(split_list(text))),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Kind::Bool => "true or false",
            Kind::String => "a text",
            Kind::Int => "an integer of 32 bits",
            Kind::Short => "an integer of 16 bits",
            Kind::Long => "an integer of 64 bits",
            Kind::Double => "a number",
            Kind::List => "a list with commas between",
            Kind::Class => "the name of a class",
            Kind::Password => "a secret",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Bool => "boolean",
            Kind::String => "string",
            Kind::Int => "int",
            Kind::Short => "short",
            Kind::Long => "long",
            Kind::Double => "double",
            Kind::List => "list",
            Kind::Class => "class",
            Kind::Password => "password",
        })
    }
}

impl Allowed {
    fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Allowed::Any, _) => true,
            (Allowed::AtLeast(least), Value::Int(n)) => n >= least,
            (Allowed::Between(least, most), Value::Int(n)) => (least..=most).contains(&n),
            (Allowed::BetweenOr(least, most, or), Value::Int(n)) => n == or || (least..=most).contains(&n),
            (Allowed::Fraction(least, most), Value::Double(n)) => (least..=most).contains(&n),
            (Allowed::OneOf(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Allowed::OneOfIgnoringCase(words), Value::Text(text)) => {
                words.iter().any(|word| word.eq_ignore_ascii_case(text))
            }
            (Allowed::Items(words), Value::List(items)) => {
                items.iter().all(|item| words.contains(&item.as_str()))
            }
            (Allowed::ThrottledReplicas, Value::List(items)) => throttled_replicas(items),
            // a row whose bound does not fit its type; the table's test finds it through its default
            _ => false,
        }
    }
}

fn throttled_replicas(items: &[String]) -> bool {
    let number = |text: &str| text.parse::<u32>().is_ok();
    items == ["*"]
        || items.iter().all(|item| {
            item.split_once(':')
                .is_some_and(|(partition, broker)| number(partition) && number(broker))
        })
}

/// Kafka's lists: commas, blanks around items dropped, an empty text is no item.
pub fn split_list(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(|item| item.trim().to_string()).collect()
}

/// A value that its setting does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}={value} is not allowed: it must be {allowed}")]
pub struct BadValue {
    pub key: String,
    pub value: String,
    pub allowed: String,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(n) => write!(f, "{n}"),
            // as Java prints a double
            Value::Double(n) if n.abs() >= 1e7 => write!(f, "{n:E}"),
            Value::Double(n) => write!(f, "{n:?}"),
            Value::Text(text) => f.write_str(text),
            Value::List(items) => f.write_str(&items.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_by_type_and_bound() {
        let partitions = int("num.partitions", "1").at_least(1);
        assert_eq!(partitions.parse(" 3 "), Ok(Value::Int(3)));
        for bad in ["0", "-1", "3.5", "", "2147483648", "three"] {
            let error = partitions.parse(bad).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("num.partitions={bad} is not allowed: it must be an integer of 32 bits, 1 or more")
            );
        }
        let level = int("level", "-1").between_or(1, 9, -1);
        assert!(level.parse("-1").is_ok() && level.parse("9").is_ok() && level.parse("0").is_err());
        let policy = list("policy", "delete").items(&["compact", "delete"]);
        assert!(policy.parse("compact, delete").is_ok() && policy.parse("compress").is_err());
        let throttled = list("throttled", "").throttled_replicas();
        assert!(throttled.parse("*").is_ok() && throttled.parse("0:1,2:3").is_ok());
        assert!(throttled.parse("0:1,2").is_err());
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = unset("ssl.key.password", Kind::Password);
        assert!(secret.sensitive());
        assert!(secret.parse("hush").is_ok());
    }
}
