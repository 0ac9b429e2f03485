use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn yaml(path: &str) -> ImageEdit {
    ImageEdit { yaml: Some(YamlEdit { path: path.into(), ..YamlEdit::default() }), ..ImageEdit::default() }
}

fn kustomize(image: &str) -> ImageEdit {
    ImageEdit { kustomize: Some(KustomizeEdit { image: image.into() }), ..ImageEdit::default() }
}

fn helm(tag: &str, repository: Option<&str>, digest: Option<&str>) -> ImageEdit {
    let text = |text: &str| text.to_owned();
    let helm = HelmEdit { tag: Some(text(tag)), repository: repository.map(text), digest: digest.map(text) };
    ImageEdit { helm: Some(helm), ..ImageEdit::default() }
}

fn changed(text: &str, edit: &ImageEdit, from: &str, to: &str) -> String {
    match take_back(text, edit, from, to) {
        Ok(Edited::Changed(text)) => text,
        other => panic!("{other:?} of {text}"),
    }
}

#[test]
fn only_the_value_changes_in_a_manifest() {
    let before =
        "# über\r\nkind: Rollout\r\nspec:\r\n  containers: # 容器\r\n  - {name: web, image: 'web:v1.2.0' } # keep\r\n";
    let path = yaml("spec.containers[name=web].image");
    let after = changed(before, &path, "web:v1.2.0", "web:v1.1.0");
    assert_eq!(after, before.replace("web:v1.2.0", "web:v1.1.0"));
    assert_eq!(take_back(&after, &path, "web:v1.2.0", "web:v1.1.0"), Ok(Edited::There));
    let newer = before.replace("v1.2.0", "v1.3.0");
    assert_eq!(take_back(&newer, &path, "web:v1.2.0", "web:v1.1.0"), Ok(Edited::Other("web:v1.3.0".to_owned())));
}

#[test]
fn the_overlay_of_the_seed_is_taken_back() {
    let before = include_str!("../../tests/loop/seed/kustomize-overlay-prod.yaml");
    let (from, to) = ("registry.company.com/myapp:v1.2.0", "registry.company.com/myapp:v1.1.0");
    let after = changed(before, &kustomize("myapp"), from, to);
    assert_eq!(after, before.replace("newTag: v1.2.0", "newTag: v1.1.0"));
    let moved = changed(before, &kustomize("myapp"), from, "other.company.com/myapp:v1.0.0");
    let expect = before.replace("newTag: v1.2.0", "newTag: v1.0.0").replace("newName: registry", "newName: other");
    assert_eq!(moved, expect);
}

#[test]
fn helm_values_are_taken_back_by_their_paths() {
    let before = "image:\n  repository: reg/web\n  tag: \"v2\"   # the tag\n  digest: sha256:22\nother: v2\n";
    let edit = helm("image.tag", Some("image.repository"), Some("image.digest"));
    let after = changed(before, &edit, "reg/web:v2@sha256:22", "reg/web:v1@sha256:11");
    assert_eq!(after, "image:\n  repository: reg/web\n  tag: \"v1\"   # the tag\n  digest: sha256:11\nother: v2\n");
    let no_digest = take_back(before, &edit, "reg/web:v2@sha256:22", "reg/web:v1").unwrap_err();
    assert_eq!(no_digest, "holds a digest, and the image that was stable has none");
    let half = take_back("image: {tag: v2}\n", &helm("image.tag", None, None), "web:v2", "new/web:v1").unwrap_err();
    assert_eq!(half, "does not name the repository, which has to change too");
}

#[test]
fn a_text_that_would_be_read_as_a_number_gets_quotes() {
    let edit = helm("tag", None, None);
    assert_eq!(changed("tag: v2\n", &edit, "web:v2", "web:1.10"), "tag: \"1.10\"\n");
    assert_eq!(changed("tag: v2\n", &edit, "web:v2", "web:1e3"), "tag: \"1e3\"\n");
    assert_eq!(changed("tag: v2 # x\n", &edit, "web:v2", "web:1.10.0-rc"), "tag: 1.10.0-rc # x\n");
    assert_eq!(changed("tag: 'v2'\n", &edit, "web:v2", "web:on"), "tag: 'on'\n");
}

#[test]
fn what_cannot_be_changed_alone_is_refused() {
    let check = |text: &str, edit: ImageEdit, expect: &str| {
        let why = take_back(text, &edit, "web:v2", "web:v1").unwrap_err();
        assert!(why.contains(expect), "{why}");
    };
    check("a: &i web:v2\nb: *i\n", yaml("a"), "elsewhere too");
    check("a: &i web:v2\nb: *i\n", yaml("b"), "an alias at b");
    check("a: web:v2\na: web:v2\n", yaml("a"), "twice");
    check("a: |-\n  web:v2\n", yaml("a"), "as a block of text");
    check("a: [web:v2]\n", yaml("a"), "more than a value");
    check("b: 1\n", yaml("a"), "has no a");
    check("a: 1\n---\na: 2\n", yaml("a"), "several documents");
    check("a: [", yaml("a"), "is no YAML");
    check(&"[".repeat(5000), yaml("a"), "");
    check("images: [{name: web}]\n", kustomize("web"), "neither newTag nor digest");
    check("images: [{name: web, newTag: v2}, {name: web, newTag: v2}]\n", kustomize("web"), "several items");
}

#[test]
fn the_right_document_of_several_is_found() {
    let before = "kind: Service\nmetadata: {name: web}\n---\nkind: Rollout\nmetadata: {name: web}\nimage: web:v2\n";
    let edit = ImageEdit {
        yaml: Some(YamlEdit { path: "image".into(), kind: Some("Rollout".into()), name: Some("web".into()) }),
        ..ImageEdit::default()
    };
    assert_eq!(changed(before, &edit, "web:v2", "web:v1"), before.replace("v2", "v1"));
}

/// A file around a value: comments, quotes, other keys, line ends, letters of several bytes.
fn files() -> impl Strategy<Value = (String, String)> {
    let quote = prop_oneof![Just(""), Just("'"), Just("\"")];
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    let tag = "[a-z][a-z0-9.]{0,8}[a-z]";
    ("[ -~äß容]{0,20}", quote, end, tag, 0_usize..4).prop_map(|(comment, quote, end, tag, depth)| {
        let mut text = format!("# {comment}{end}");
        for level in 0..depth {
            let _ = write!(text, "{}k{level}: # {comment}{end}", "  ".repeat(level));
        }
        let indent = "  ".repeat(depth);
        let _ = write!(text, "{indent}before: [1, 'two']{end}{indent}image: {quote}web:{tag}{quote} # {comment}{end}");
        let _ = write!(text, "{indent}after: {{a: b}} # {comment}{end}");
        let path = (0..depth).fold(String::new(), |path, level| path + &format!("k{level}.")) + "image";
        (text, format!("{path}|{tag}"))
    })
}

proptest! {
    #[test]
    fn nothing_but_the_value_ever_changes((text, how) in files(), to in "[a-z0-9][a-z0-9.]{0,8}") {
        let (path, tag) = how.split_once('|').unwrap();
        let (from, to) = (format!("web:{tag}"), format!("web:{to}"));
        prop_assume!(from != to);
        let after = changed(&text, &yaml(path), &from, &to);
        let place = text.find("image: ").unwrap();
        let (head, tail) = (&text[..place], &text[place..]);
        prop_assert_eq!(after, format!("{head}{}", tail.replacen(&from, &to, 1)));
    }
}
