use serde_json::json;

use super::super::projection::{ReplicaSetRow, RolloutRow, VirtualServiceRow};
use super::*;

fn set(name: &str, version: &str, owner: &str) -> ReplicaSetRow {
    ReplicaSetRow::from_value(&json!({
        "metadata": {
            "namespace": "shop", "name": name, "resourceVersion": version, "uid": name,
            "ownerReferences": [{"kind": "Rollout", "name": "web", "uid": owner, "controller": true}]
        }
    }))
    .unwrap()
}

fn key(name: &str) -> Key {
    Key::new("shop", name)
}

fn listed(objects: Vec<ReplicaSetRow>, version: &str) -> Arc<Store<ReplicaSetRow>> {
    let store = Store::new(Clock::system());
    store.begin_list();
    for object in objects {
        store.apply(object);
    }
    store.end_list(version);
    store
}

fn version_of(store: &Store<ReplicaSetRow>, name: &str) -> String {
    store.get(&key(name)).seen().map(|object| object.version().to_owned()).unwrap_or_default()
}

fn names(store: &Store<ReplicaSetRow>, owner: &str) -> Vec<String> {
    let found = store.by_index(&IndexKey::owner(owner)).seen().unwrap();
    let mut names: Vec<String> = found.iter().map(|object| object.key().name().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn versions_compare_as_numbers_of_any_length() {
    let check = |this, other, expect| assert_eq!(newer(this, other), expect, "{this} against {other}");
    check("10", "9", true);
    check("9", "10", false);
    check("9", "9", false);
    check("99999999999999999999999", "99999999999999999999998", true);
    check("abc", "9", false);
    check("", "", false);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_absent_before_the_first_list_is_complete() {
    let store = Store::<ReplicaSetRow>::new(Clock::system());
    store.begin_list();
    store.apply(set("a", "1", "u"));
    assert_eq!(store.get(&key("b")).why_unreadable(), Some("replicasets.apps are not listed yet"));
    assert!(!store.is_settled());
    store.end_list("1");
    assert!(store.get(&key("b")).is_absent());
    assert!(store.is_settled());
}

#[tokio::test(start_paused = true)]
async fn an_object_is_found_by_its_owner_until_the_owner_changes() {
    let store = listed(vec![set("a", "1", "u"), set("b", "2", "u")], "2");
    assert_eq!(names(&store, "u"), ["a", "b"]);
    let change = store.apply(set("a", "3", "other")).unwrap();
    assert_eq!(change.index_keys(), vec![IndexKey::owner("other"), IndexKey::owner("u")]);
    assert_eq!(names(&store, "u"), ["b"]);
    assert_eq!(names(&store, "other"), ["a"]);
    store.remove(&key("a"), "4");
    assert_eq!(names(&store, "other"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn our_own_write_is_seen_at_once_and_not_undone_by_an_older_event() {
    let store = listed(vec![set("a", "5", "u")], "5");
    store.observe_own_write(set("a", "9", "u"));
    assert!(store.apply(set("a", "7", "u")).is_none());
    assert_eq!(version_of(&store, "a"), "9");
    assert_eq!(store.apply(set("a", "9", "u")).unwrap().news, News::Own);
    assert_eq!(store.apply(set("a", "9", "u")).unwrap().news, News::Known);
    assert_eq!(store.apply(set("a", "11", "u")).unwrap().news, News::Changed);
    store.observe_own_write(set("a", "10", "u"));
    assert_eq!(version_of(&store, "a"), "11");
}

#[tokio::test(start_paused = true)]
async fn whoever_brings_an_object_hears_whether_others_may_have_been_told_that_it_is_absent() {
    let store = listed(vec![set("a", "5", "u")], "5");
    assert_eq!(store.observe_own_write(set("b", "6", "u")), Taken::Appeared);
    assert_eq!(store.observe_own_write(set("b", "6", "u")), Taken::Old);
    assert_eq!(store.observe_own_write(set("a", "7", "u")), Taken::Newer);
    assert_eq!(store.observe_own_write(set("a", "4", "u")), Taken::Old);
    store.mark_unreadable(key("a"), "too deep".to_owned());
    assert_eq!(store.observe_own_write(set("a", "8", "u")), Taken::Appeared);
    assert!(store.get(&key("a")).is_seen(), "what we have read ourselves is readable");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_answered_after_its_object_has_gone_brings_it_back_in_no_way() {
    let store = listed(vec![set("a", "5", "u"), set("b", "5", "u")], "5");
    store.remove(&key("a"), "9");
    assert_eq!(store.observe_own_write(set("a", "7", "u")), Taken::Old);
    assert!(store.get(&key("a")).is_absent());
    store.begin_list();
    store.end_list("20");
    assert_eq!(store.observe_own_write(set("b", "8", "u")), Taken::Old);
    assert!(store.get(&key("b")).is_absent());
    assert_eq!(store.observe_own_write(set("a", "21", "u")), Taken::Appeared, "it was made again");
    // The watch never told of this one: it may be out of its scope.
    assert_eq!(store.observe_own_write(set("c", "3", "u")), Taken::Appeared);
}

#[tokio::test(start_paused = true)]
async fn what_has_gone_is_not_remembered_for_ever() {
    let store = listed(Vec::new(), "5");
    for second in 0..1000 {
        store.apply(set("a", &(10 + 2 * second).to_string(), "u"));
        store.remove(&key(&format!("a-{second}")), &(11 + 2 * second).to_string());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert!(store.read().gone.len() <= 62, "{}", store.read().gone.len());
    tokio::time::advance(Duration::from_secs(100)).await;
    store.touch(None);
    assert_eq!(store.read().gone.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_object_made_again_is_not_removed_by_the_end_of_its_predecessor() {
    let store = listed(vec![set("a", "5", "u")], "5");
    store.observe_own_write(set("a", "9", "u"));
    assert!(store.remove(&key("a"), "8").is_none());
    assert_eq!(version_of(&store, "a"), "9");
}

#[tokio::test(start_paused = true)]
async fn what_a_new_list_does_not_show_is_gone_but_for_what_is_newer_than_the_list() {
    let store = listed(vec![set("a", "1", "u"), set("b", "2", "u")], "2");
    store.observe_own_write(set("c", "30", "u"));
    store.begin_list();
    store.apply(set("a", "1", "u"));
    let gone = store.end_list("20");
    let gone: Vec<&str> = gone.iter().map(|change| change.key().name()).collect();
    assert_eq!(gone, ["b"]);
    assert_eq!(names(&store, "u"), ["a", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_falls_silent_makes_the_store_unreadable_but_not_forgetful() {
    let store = listed(vec![set("a", "1", "u")], "1");
    tokio::time::advance(STALE_AFTER).await;
    assert!(store.get(&key("a")).is_seen());
    store.fail("connection refused");
    tokio::time::advance(Duration::from_secs(1)).await;
    let reading = store.get(&key("a"));
    assert_eq!(reading.why_unreadable(), Some("nothing heard of replicasets.apps for 76 s: connection refused"));
    assert!(store.last_known(&key("a")).is_some());
    store.touch(Some("8"));
    assert!(store.get(&key("a")).is_seen());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_can_be_believed_again_says_so_and_only_then() {
    let store = Store::<ReplicaSetRow>::new(Clock::system());
    let count = store.regained();
    let check = |expect: u64, when: &str| assert_eq!(*count.borrow(), expect, "{when}");
    store.begin_list();
    store.touch(Some("1"));
    check(0, "its first list is not complete");
    store.end_list("1");
    check(1, "its first list is complete");
    store.begin_list();
    store.end_list("2");
    store.touch(Some("3"));
    check(1, "it was believed all the time");
    tokio::time::advance(STALE_AFTER + Duration::from_secs(1)).await;
    store.touch(None);
    check(2, "it was stale");
    store.set_unavailable("forbidden".to_owned());
    store.touch(Some("4"));
    check(2, "a sign of life is not enough where the kind could not be listed");
    store.begin_list();
    store.end_list("5");
    check(3, "the kind can be listed again");
    store.accept_older_history();
    store.end_list("1");
    check(4, "the list of a new history is complete");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_read_is_not_absent() {
    let store = listed(vec![], "1");
    store.mark_unreadable(key("a"), "too deep".to_owned());
    assert_eq!(store.get(&key("a")).why_unreadable(), Some("too deep"));
    store.apply(set("a", "4", "u"));
    assert!(store.get(&key("a")).is_seen());
}

#[tokio::test(start_paused = true)]
async fn a_history_that_was_replaced_is_taken_in_only_when_it_is_accepted() {
    let store = listed(vec![set("a", "500", "u")], "600");
    assert!(store.is_behind("599"));
    store.accept_older_history();
    assert!(!store.is_behind("3"));
    store.begin_list();
    store.apply(set("a", "2", "u"));
    store.end_list("3");
    assert_eq!(version_of(&store, "a"), "2");
}

#[tokio::test(start_paused = true)]
async fn objects_are_given_out_in_the_order_of_their_keys_however_they_came() {
    let names_of = |found: Vec<Arc<ReplicaSetRow>>| -> String {
        found.iter().map(|object| object.key().name().to_owned()).collect()
    };
    for order in ["abcdefgh", "hgfedcba", "dbhafceg"] {
        let sets = order.chars().enumerate().map(|(at, name)| set(&name.to_string(), &(at + 1).to_string(), "u"));
        let store = listed(sets.collect(), "9");
        assert_eq!(names_of(store.all()), "abcdefgh");
        assert_eq!(names_of(store.by_index(&IndexKey::owner("u")).seen().unwrap()), "abcdefgh");
        assert_eq!(store.keys_by_index(&IndexKey::owner("u")).iter().map(Key::name).collect::<String>(), "abcdefgh");
        store.mark_unreadable(key("i"), "too deep".to_owned());
        store.begin_list();
        let gone: String = store.end_list("99").iter().map(|change| change.key().name().to_owned()).collect();
        assert_eq!(gone, "abcdefghi");
    }
}

fn route(version: &str, more: &serde_json::Value) -> VirtualServiceRow {
    let mut object = json!({"metadata": {"namespace": "shop", "name": "vs", "resourceVersion": version}, "spec": {}});
    json_patch::merge(&mut object, more);
    VirtualServiceRow::from_value(&object).unwrap()
}

fn without_body(version: &str) -> VirtualServiceRow {
    let mut row = route(version, &json!({}));
    row.shed();
    row
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_body_was_given_up_is_read_once_and_then_kept() {
    let store = Store::<VirtualServiceRow>::new(Clock::system());
    store.begin_list();
    store.apply(without_body("3"));
    store.end_list("3");
    let vs = key("vs");
    let check = |readable: bool, when: &str| {
        assert_eq!((store.get(&vs).is_seen(), store.has_to_be_read(&vs)), (readable, !readable), "{when}");
        assert!(!store.get(&vs).is_absent(), "{when}");
    };
    check(false, "nobody named it");
    assert_eq!(store.observe_own_write(route("3", &json!({}))), Taken::Appeared);
    check(true, "it was read");
    assert_eq!(store.apply(route("3", &json!({}))).unwrap().news, News::Known);
    store.apply(route("5", &json!({})));
    check(true, "it has changed since");
    store.shed(&vs);
    check(false, "nobody names it any more");
    assert_eq!(store.observe_own_write(route("4", &json!({}))), Taken::Old);
    check(false, "what was read is older than what is held");
    assert_eq!(store.apply(route("5", &json!({}))).unwrap().news, News::Known);
    check(true, "a list showed it again after somebody named it");
    store.apply(without_body("5"));
    check(false, "a list showed it again after nobody named it any more");
    assert!(!store.has_to_be_read(&key("other")) && store.get(&key("other")).is_absent());
}

#[tokio::test(start_paused = true)]
async fn what_a_rollout_has_left_keeps_its_body() {
    let store = Store::<VirtualServiceRow>::new(Clock::system());
    store.begin_list();
    let mark = json!({"metadata": {"annotations": {"rollouts.serin.dev/aborted-revision": "web 5d4f: why"}}});
    store.apply(route("3", &mark));
    store.end_list("3");
    store.shed(&key("vs"));
    assert!(store.get(&key("vs")).is_seen());
}

/// How often keys are compared when one of so many objects is shown, written and removed; `row` makes the nth.
fn cost_among<K: Projection>(others: u64, row: impl Fn(u64) -> K) -> u64 {
    let store = Store::new(Clock::system());
    let at = |nth: u64, version: u64| {
        let mut object = row(nth);
        object.meta_mut().key = key(&format!("set-{nth}"));
        object.meta_mut().version = version.to_string().into();
        object
    };
    store.begin_list();
    for nth in 0..=others {
        store.apply(at(nth, 1));
    }
    store.end_list("1");
    let changes: Vec<(K, K)> = (2..8).map(|version| (at(0, 2 * version), at(0, 2 * version + 1))).collect();
    let one = key("set-0");
    crate::runtime::key::comparisons(|| {
        for (shown, written) in changes {
            store.apply(shown);
            store.observe_own_write(written);
            store.get(&one);
        }
        store.remove(&one, "99");
    })
}

#[track_caller]
fn check_cost<K: Projection>(row: impl Fn(u64) -> K) {
    let [one, hundred, many] = [1, 100, 10_000].map(|others| cost_among(others, &row));
    // A tree of 10,000 is twice as deep as one of 100.
    assert!(many <= 3 * hundred, "{one}, {hundred}, {many} comparisons");
}

#[tokio::test(start_paused = true)]
async fn a_write_costs_the_same_among_ten_thousand_objects_that_share_an_owner_or_a_template() {
    let sibling = set("a", "1", "u");
    check_cost(|_| sibling.clone());
    let rollout = RolloutRow::from_value(&json!({
        "metadata": {"namespace": "shop", "name": "web", "resourceVersion": "1"},
        "spec": {"strategy": {"canary": {"analysis": {"templates": [{"templateName": "shared"}]}}}}
    }));
    let rollout = rollout.unwrap();
    check_cost(|_| rollout.clone());
}

#[tokio::test(start_paused = true)]
async fn a_write_costs_the_same_among_ten_thousand_unrelated_objects() {
    check_cost(|nth| set("a", "1", &nth.to_string()));
}

#[tokio::test(start_paused = true)]
async fn siblings_share_their_owner() {
    let store = listed(vec![set("a", "1", "u"), set("b", "2", "u"), set("c", "3", "v")], "3");
    let owner = |name| store.get(&key(name)).seen().unwrap().meta.owner.clone().unwrap();
    assert!(Arc::ptr_eq(&owner("a"), &owner("b")));
    assert!(!Arc::ptr_eq(&owner("a"), &owner("c")));
}

#[tokio::test(start_paused = true)]
async fn a_replica_set_costs_some_hundred_bytes() {
    assert!(std::mem::size_of::<ReplicaSetRow>() <= 320, "{}", std::mem::size_of::<ReplicaSetRow>());
}
