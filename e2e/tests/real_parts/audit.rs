//! Nothing that a controller writes is hidden from the promises: no kind, and no way of deleting.

use serde_json::json;
use serin_e2e::{
    runner::Fault,
    stage,
    world::{Options, User, World},
};

const EVERYTHING: &str = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: serin-may-do-everything}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: serin}]
";

const SET: &str = r"
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: shop, labels: {app: shop}}
spec:
  replicas: 0
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: 'shop:v1'}]}
";

pub async fn nothing_is_hidden() -> Result<(), Fault> {
    let options = Options { mesh: false, prometheus: false, pods: false, ..Options::default() };
    let world = World::start(options).await?;
    world.create(User::Admin, EVERYTHING).await?;
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes"}});
    world.create_object(User::Serin, &config).await?;
    world.create(User::Person, SET).await?;
    world.create(User::Person, &SET.replace("name: shop,", "name: shop-2,")).await?;
    let sets = "/apis/apps/v1/namespaces/default/replicasets?labelSelector=app%3Dshop";
    world.delete(User::Serin, sets).await?;
    world.delete(User::Serin, "/api/v1/namespaces/default/configmaps/notes").await?;

    let broken = stage::broken_promises(&world).await?;
    let told: Vec<_> = broken.iter().map(|one| (one.invariant, one.object.to_string())).collect();
    // None of them is a Rollout's, and no Rollout lives there: each breaks two promises.
    let objects = [
        "configmaps default/notes",
        "replicasets default/shop",
        "replicasets default/shop-2",
        "configmaps default/notes",
    ];
    let expect: Vec<_> = objects.into_iter().flat_map(|object| [("S11", object), ("S19", object)]).collect();
    let told: Vec<_> = told.iter().map(|(invariant, object)| (*invariant, object.as_str())).collect();
    if told == expect { Ok(()) } else { Err(format!("{told:#?}").into()) }
}
