//! The CRDs in `generated/` are those that the types make, and small enough to be applied plainly.

use std::{fs, path::Path};

use serin_crds::schema::crds;

#[test]
fn the_committed_crds_are_what_the_types_make() {
    for crd in crds() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("generated").join(&crd.file);
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == crd.to_yaml().expect("yaml"), "{} is out of date; run `make crds`", crd.file);
    }
}

/// Plain `kubectl apply` keeps a copy in an annotation, which may have 256 KiB.
#[test]
fn each_crd_is_less_than_200_kb_of_compact_json() {
    for crd in crds() {
        let size = crd.definition.to_string().len();
        assert!(size < 200_000, "{}: {size} bytes", crd.file);
    }
}

#[test]
fn the_yaml_says_what_the_definition_says() {
    for crd in crds() {
        let yaml = crd.to_yaml().expect("yaml");
        let read: serde_json::Value = serde_saphyr::from_str(&yaml).expect(&crd.file);
        assert_eq!(read, crd.definition, "{}", crd.file);
    }
}
