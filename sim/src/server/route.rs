//! Reads paths and queries.

use super::{
    journal::Verb,
    kind::{GroupVersion, Registry},
    write::Target,
};

/// The parameters of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads the part of a URI after the question mark.
    pub fn parse(text: &str) -> Self {
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        };
        Self { pairs: text.split('&').filter(|part| !part.is_empty()).map(pair).collect() }
    }

    /// Returns a parameter; empty when it is not given.
    pub fn get(&self, key: &str) -> &str {
        self.pairs.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value.as_str())
    }

    /// Tells whether a parameter is set to something true.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), "true" | "1" | "True")
    }
}

/// Decodes `%20` and `+`.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap_or_default(), rest.next().unwrap_or_default()];
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                bytes.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Finds the object or the collection that a path names.
pub fn target(registry: &Registry, path: &str) -> Option<Target> {
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => (GroupVersion::new("", version), rest),
        ["apis", group, version, rest @ ..] => (GroupVersion::new(group, version), rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, plural, ..] if !matches!(*plural, "status" | "finalize") => {
            (*namespace, rest.get(2..).unwrap_or_default())
        }
        _ => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, subresource] => (*plural, *name, *subresource),
        _ => return None,
    };
    let kind = registry.at(&version, plural)?;
    if (kind.namespaced && namespace.is_empty() && !name.is_empty()) || (!kind.namespaced && !namespace.is_empty()) {
        return None;
    }
    Some(Target {
        kind,
        version,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        subresource: subresource.to_owned(),
    })
}

/// Tells whether a kind has the subresource that a target names.
pub fn has_subresource(target: &Target) -> bool {
    match target.subresource.as_str() {
        "" => true,
        "status" => target.kind.subresources.status,
        "scale" => target.kind.subresources.scale.is_some(),
        "eviction" => target.kind.names.kind == "Pod",
        "finalize" => target.kind.names.kind == "Namespace",
        _ => false,
    }
}

/// Tells what a method does at a target; nothing when it isn't allowed there.
pub fn verb(method: &http::Method, target: &Target, query: &Query) -> Option<Verb> {
    let named = !target.name.is_empty();
    let whole = target.subresource.is_empty();
    let everywhere = target.kind.namespaced && target.namespace.is_empty();
    Some(match *method {
        http::Method::GET if named => Verb::Get,
        http::Method::GET if query.flag("watch") => Verb::Watch,
        http::Method::GET => Verb::List,
        http::Method::POST if target.subresource == "eviction" => Verb::Create,
        http::Method::POST if !named && !everywhere => Verb::Create,
        http::Method::PUT if named => Verb::Update,
        http::Method::PATCH if named => Verb::Patch,
        http::Method::DELETE if named && whole => Verb::Delete,
        http::Method::DELETE if !named && !everywhere => Verb::DeleteCollection,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let check = |text: &str, key: &str, expect: &str| assert_eq!(Query::parse(text).get(key), expect);
        check("&limit=5", "limit", "5");
        check("labelSelector=app%3Dweb%2Ctier+in+%28a%29", "labelSelector", "app=web,tier in (a)");
        check("watch=true", "resourceVersion", "");
    }
}
