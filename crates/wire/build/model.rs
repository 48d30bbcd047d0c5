//! What a schema file says, as values. The parser makes these, the checks read them, the emitter
//! writes Rust from them, and the tests interpret them to make messages of their own.

use std::fmt;

/// The open end of a range such as `12+`.
pub const OPEN: i16 = i16::MAX;

/// A range of versions, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub first: i16,
    pub last: i16,
}

impl Versions {
    pub fn contains(self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }

    pub fn covers(self, other: Versions) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// The versions in both, if any.
    pub fn and(self, other: Versions) -> Option<Versions> {
        let both = Versions {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        };
        (both.first <= both.last).then_some(both)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (first, OPEN) => write!(f, "{first}+"),
            (first, last) if first == last => write!(f, "{first}"),
            (first, last) => write!(f, "{first}-{last}"),
        }
    }
}

/// A type that has no parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primitive {
    Bool,
    I8,
    I16,
    U16,
    I32,
    U32,
    I64,
    F64,
    Uuid,
    String,
    Bytes,
    Records,
}

impl Primitive {
    pub const NAMES: [(&'static str, Primitive); 12] = [
        ("bool", Primitive::Bool),
        ("i8", Primitive::I8),
        ("i16", Primitive::I16),
        ("u16", Primitive::U16),
        ("i32", Primitive::I32),
        ("u32", Primitive::U32),
        ("i64", Primitive::I64),
        ("f64", Primitive::F64),
        ("uuid", Primitive::Uuid),
        ("string", Primitive::String),
        ("bytes", Primitive::Bytes),
        ("records", Primitive::Records),
    ];

    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, it)| *it == self)
            .map_or("?", |(name, _)| name)
    }

    /// Only what has a length on the wire can say "null".
    pub fn can_be_null(self) -> bool {
        matches!(self, Primitive::String | Primitive::Bytes | Primitive::Records)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Primitive(Primitive),
    Struct(String),
    Array(Box<Type>),
}

impl Type {
    pub fn struct_name(&self) -> Option<&str> {
        match self {
            Type::Primitive(_) => None,
            Type::Struct(name) => Some(name),
            Type::Array(element) => element.struct_name(),
        }
    }
}

/// A default that is not the type's own (zero, false, empty, and null for `records`).
#[derive(Clone, Debug, PartialEq)]
pub enum Default {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub ty: Type,
    /// Where the field exists, within its struct's versions.
    pub versions: Versions,
    pub nullable: Option<Versions>,
    pub default: Option<Default>,
    pub tag: Option<(u32, Versions)>,
    /// May be left out silently in versions that lack it.
    pub ignorable: bool,
    pub doc: String,
    pub line: usize,
}

impl Field {
    pub fn nullable_at(&self, version: i16) -> bool {
        self.nullable.is_some_and(|versions| versions.contains(version))
    }

    pub fn tag_at(&self, version: i16) -> Option<u32> {
        self.tag
            .filter(|(_, versions)| versions.contains(version))
            .map(|(tag, _)| tag)
    }

    pub fn default_is_null(&self) -> bool {
        self.default == Some(Default::Null)
    }
}

#[derive(Clone, Debug)]
pub struct Struct {
    pub name: String,
    pub doc: String,
    /// Where this struct can stand.
    pub versions: Versions,
    pub fields: Vec<Field>,
    pub line: usize,
}

#[derive(Clone, Debug)]
pub enum Kind {
    /// A request and its response.
    Api {
        key: i16,
        /// The versions that this broker answers; absent where it knows the bytes only.
        served: Option<Versions>,
        /// What ApiVersions tells, where that differs from what is served.
        advertised: Option<Versions>,
    },
    /// A record of the metadata log.
    Record { id: u16 },
    /// The value of a control record, by its control type.
    Control { id: i16 },
    /// Bytes that stand alone.
    Data,
}

/// One schema file.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The file's name without its ending; names the generated module.
    pub stem: String,
    /// The path that errors name.
    pub file: String,
    pub name: String,
    pub doc: Vec<String>,
    pub kind: Kind,
    pub versions: Versions,
    /// The first flexible version, if there is one.
    pub flexible: Option<i16>,
    /// The structs that bytes can be decoded into: request and response, or the one record.
    pub roots: Vec<Struct>,
    /// The structs inside them.
    pub structs: Vec<Struct>,
    pub line: usize,
}

impl Schema {
    pub fn find(&self, name: &str) -> Option<&Struct> {
        self.structs.iter().chain(&self.roots).find(|it| it.name == name)
    }

    pub fn flexible_at(&self, version: i16) -> bool {
        self.flexible.is_some_and(|from| version >= from)
    }

    /// The fewest bytes that a struct takes at a version.
    pub fn min_size(&self, name: &str, version: i16) -> usize {
        let Some(it) = self.find(name) else { return 0 };
        let present = it
            .fields
            .iter()
            .filter(|f| f.versions.contains(version) && f.tag_at(version).is_none());
        let fields: usize = present.map(|f| self.min_field_size(f, version)).sum();
        fields + usize::from(self.flexible_at(version))
    }

    fn min_field_size(&self, field: &Field, version: i16) -> usize {
        match &field.ty {
            Type::Struct(_) if field.nullable_at(version) => 1,
            ty => self.min_type_size(ty, version),
        }
    }

    /// The fewest bytes that a value of a type takes at a version.
    pub fn min_type_size(&self, ty: &Type, version: i16) -> usize {
        let flexible = self.flexible_at(version);
        match ty {
            Type::Struct(name) => self.min_size(name, version),
            Type::Array(_) => {
                if flexible {
                    1
                } else {
                    4
                }
            }
            Type::Primitive(primitive) => match primitive {
                Primitive::Bool | Primitive::I8 => 1,
                Primitive::I16 | Primitive::U16 => 2,
                Primitive::I32 | Primitive::U32 => 4,
                Primitive::I64 | Primitive::F64 => 8,
                Primitive::Uuid => 16,
                Primitive::String => {
                    if flexible {
                        1
                    } else {
                        2
                    }
                }
                Primitive::Bytes | Primitive::Records => {
                    if flexible {
                        1
                    } else {
                        4
                    }
                }
            },
        }
    }
}

/// What is wrong with a schema, and where.
#[derive(Debug)]
pub struct SchemaError {
    pub file: String,
    pub line: usize,
    pub what: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}
