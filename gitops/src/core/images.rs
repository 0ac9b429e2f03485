//! Images: their parts, and which of them differ between two versions.

use std::collections::BTreeMap;

use serde_json::Value;
use serin_crds::rollback::ImageChange;

/// The images of a pod template by container, init containers included.
pub type Images = BTreeMap<String, String>;

/// An image taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRef {
    /// Registry and path.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest, with its algorithm.
    pub digest: Option<String>,
}

impl ImageRef {
    /// Takes an image apart; a colon before the last slash belongs to the registry.
    pub fn read(image: &str) -> Self {
        let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (name, None),
        };
        Self { repository: repository.to_owned(), tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) }
    }
}

/// The images of a pod template.
pub fn of_template(template: &Value) -> Images {
    let lists = ["/spec/initContainers", "/spec/containers"];
    let containers = lists.iter().filter_map(|list| template.pointer(list)?.as_array()).flatten();
    let text = |container: &Value, field: &str| container.get(field).and_then(Value::as_str).map(str::to_owned);
    containers.filter_map(|container| Some((text(container, "name")?, text(container, "image")?))).collect()
}

/// The images that differ, of containers that both have.
pub fn differences(from: &Images, to: &Images) -> Vec<ImageChange> {
    let change = |(container, from): (&String, &String)| {
        let to = to.get(container).filter(|to| *to != from)?;
        Some(ImageChange { container: container.clone(), from: from.clone(), to: to.clone() })
    };
    from.iter().filter_map(change).collect()
}

/// What people call the two versions: the tags where only those differ and all are the same, else the images.
pub fn titles(changes: &[ImageChange]) -> (String, String) {
    let tag = |change: &ImageChange| {
        let (from, to) = (ImageRef::read(&change.from), ImageRef::read(&change.to));
        let only_tags = from.repository == to.repository && from.digest.is_none() && to.digest.is_none();
        only_tags.then_some(from.tag.zip(to.tag)).flatten()
    };
    let mut tags: Vec<_> = changes.iter().map(tag).collect();
    tags.dedup();
    if let [Some(tags)] = tags.as_slice() {
        return tags.clone();
    }
    let list = |image: fn(&ImageChange) -> &str| changes.iter().map(image).collect::<Vec<_>>().join(", ");
    (list(|change| &change.from), list(|change| &change.to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_taken_apart() {
        let check = |image: &str, repository: &str, tag: Option<&str>, digest: Option<&str>| {
            let read = ImageRef::read(image);
            let expect = (repository, tag, digest);
            assert_eq!((read.repository.as_str(), read.tag.as_deref(), read.digest.as_deref()), expect, "{image}");
        };
        check("web", "web", None, None);
        check("reg:5000/web", "reg:5000/web", None, None);
        check("reg:5000/a/web:v1", "reg:5000/a/web", Some("v1"), None);
        check("web:v1@sha256:ab", "web", Some("v1"), Some("sha256:ab"));
        check("web@sha256:ab", "web", None, Some("sha256:ab"));
    }

    #[test]
    fn versions_are_called_by_their_tags_where_only_those_differ() {
        let of = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, image)| ((*name).into(), (*image).into())).collect();
        let titles = |from: &[(&str, &str)], to: &[(&str, &str)]| titles(&differences(&of(from), &of(to)));
        let words = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(titles(&[("a", "x:2"), ("b", "y:1")], &[("a", "x:1"), ("b", "y:1")]), words("2", "1"));
        assert_eq!(titles(&[("a", "x:2"), ("b", "y:2")], &[("a", "x:1"), ("b", "y:1")]), words("2", "1"));
        assert_eq!(titles(&[("a", "x:2")], &[("a", "z:1")]), words("x:2", "z:1"));
        assert_eq!(titles(&[("a", "x:2"), ("b", "y:3")], &[("a", "x:1"), ("b", "y:1")]), words("x:2, y:3", "x:1, y:1"));
    }
}
