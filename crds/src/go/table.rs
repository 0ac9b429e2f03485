//! The tables of types: which fields, in which order, of which kind.

use std::{collections::BTreeMap, sync::OnceLock};

/// What kind of value a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    Bool,
    Quantity,
    Time,
    IntOrText,
    Any,
    List(Box<Kind>),
    Map(Box<Kind>),
    Pointer(Box<Kind>),
    Struct(String),
}

/// One field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub name: String,
    /// Whether Go leaves it out when it is empty.
    pub omit: bool,
    pub kind: Kind,
}

/// All structs by name.
#[derive(Debug, Default)]
pub(crate) struct Table {
    structs: BTreeMap<String, Vec<Field>>,
}

impl Table {
    /// The fields of a struct in Go's order; none for a name that is not in the tables.
    pub fn fields(&self, name: &str) -> &[Field] {
        self.structs.get(name).map_or(&[], Vec::as_slice)
    }

    fn read(&mut self, text: &str) {
        let mut fields: Option<&mut Vec<Field>> = None;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let rest = match line.split_once(" = ") {
                Some((name, rest)) => {
                    fields = Some(self.structs.entry(name.to_owned()).or_default());
                    rest
                }
                None => line,
            };
            if let Some(fields) = fields.as_mut() {
                fields.extend(rest.split_whitespace().filter_map(field));
            }
        }
    }
}

/// The struct of this name, as a kind.
pub(crate) fn struct_kind(name: &str) -> Kind {
    Kind::Struct(name.to_owned())
}

/// The tables of pod templates and of canary steps, read once.
pub(crate) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Table::default();
        table.read(include_str!("core-v1.txt"));
        table.read(include_str!("steps.txt"));
        table
    })
}

fn field(text: &str) -> Option<Field> {
    let (name, kind) = text.split_once(':')?;
    let (name, omit) = match name.strip_suffix('?') {
        Some(name) => (name, true),
        None => (name, false),
    };
    Some(Field { name: name.to_owned(), omit, kind: kind_of(kind) })
}

fn kind_of(text: &str) -> Kind {
    if let Some(inner) = text.strip_prefix('*') {
        return Kind::Pointer(Box::new(kind_of(inner)));
    }
    if let Some(inner) = text.strip_prefix("[]") {
        return Kind::List(Box::new(kind_of(inner)));
    }
    if let Some(inner) = text.strip_prefix("{}") {
        return Kind::Map(Box::new(kind_of(inner)));
    }
    match text {
        "string" => Kind::Text,
        "int" => Kind::Int,
        "bool" => Kind::Bool,
        "quantity" => Kind::Quantity,
        "time" => Kind::Time,
        "intstr" => Kind::IntOrText,
        "any" => Kind::Any,
        name => struct_kind(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_struct_that_a_field_names_is_in_the_tables() {
        fn check(table: &Table, kind: &Kind) {
            match kind {
                Kind::List(kind) | Kind::Map(kind) | Kind::Pointer(kind) => check(table, kind),
                Kind::Struct(name) => assert!(!table.fields(name).is_empty(), "{name} is missing"),
                _ => {}
            }
        }
        let table = table();
        assert!(table.structs.len() > 120);
        for field in table.structs.values().flatten() {
            check(table, &field.kind);
        }
    }
}
