//! `undo`: back to the pod template of an earlier revision.

use serde_json::{Value, json};
use serin_crds::names::{HASH_LABEL, REVISION_ANNOTATION};

use super::{
    Failure, Printer,
    cluster::{Cluster, DEPLOYMENTS, POD_TEMPLATES, PatchKind, REPLICA_SETS, ROLLOUTS, Resource, Selection},
    get::selector,
};

/// Goes back to an earlier revision.
#[derive(clap::Args, Clone, Debug)]
pub struct Undo {
    /// The name of the Rollout
    name: String,
    /// The revision to go back to; 0 is the one before the newest
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    to_revision: i64,
}

impl Undo {
    pub(super) async fn run(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let rollout = cluster.get(ROLLOUTS, &self.name).await?;
        let selection =
            Selection { namespace: cluster.namespace().to_owned(), labels: selector(&rollout), ..Selection::default() };
        let (sets, _) = cluster.list(REPLICA_SETS, &selection).await?;
        let mut template = self.template(&rollout, &sets)?.clone();
        let holder = holder(&rollout, &self.name)?;
        let held = match &holder {
            Holder { resource: ROLLOUTS, .. } => rollout,
            Holder { resource, name, .. } => cluster.get(*resource, name).await?,
        };
        if contains(&template, held.pointer(holder.path).unwrap_or(&Value::Null)) {
            let revision = self.to_revision;
            printer.say(&format!("skipped rollback (current template already matches revision {revision})"));
            return Ok(());
        }
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove(HASH_LABEL);
        }
        let patch = json!([{"op": "replace", "path": holder.path, "value": template}]);
        cluster.patch(holder.resource, &holder.name, "", (PatchKind::Operations, &patch)).await?;
        printer.say(&format!("rollout '{}' undo\n", self.name));
        Ok(())
    }

    /// The pod template of the revision that is asked for.
    fn template<'a>(&self, rollout: &Value, sets: &'a [Value]) -> Result<&'a Value, Failure> {
        let uid = rollout.pointer("/metadata/uid");
        let own = |set: &&Value| {
            let owners = set.pointer("/metadata/ownerReferences").and_then(Value::as_array);
            owners.is_some_and(|owners| owners.iter().any(|owner| owner.get("uid") == uid))
        };
        let mut revisions: Vec<(i64, &Value)> = sets.iter().filter(own).filter_map(revision).collect();
        revisions.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let wanted = match self.to_revision {
            0 => revisions.get(1),
            wanted => revisions.iter().find(|(number, _)| *number == wanted),
        };
        let missing = || match self.to_revision {
            0 => Failure::Usage(format!("no revision found for rollout \"{}\"", self.name)),
            wanted => Failure::Usage(format!("unable to find specified revision {wanted} in history")),
        };
        wanted.map(|(_, template)| *template).ok_or_else(missing)
    }
}

fn revision(set: &Value) -> Option<(i64, &Value)> {
    let number = set.pointer("/metadata/annotations").and_then(|all| all.get(REVISION_ANNOTATION));
    let number = number.map_or(Some(0), |number| number.as_str()?.parse().ok())?;
    Some((number, set.pointer("/spec/template")?))
}

/// The object whose pod template counts: the Rollout, or the workload that it refers to.
#[derive(Debug, PartialEq)]
struct Holder {
    resource: Resource,
    name: String,
    /// Where the template stands in it.
    path: &'static str,
}

fn holder(rollout: &Value, name: &str) -> Result<Holder, Failure> {
    let in_spec = |resource, name| Holder { resource, name, path: "/spec/template" };
    let Some(reference) = rollout.pointer("/spec/workloadRef").filter(|reference| !reference.is_null()) else {
        return Ok(in_spec(ROLLOUTS, name.to_owned()));
    };
    let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    match text("kind").as_str() {
        "Deployment" => Ok(in_spec(DEPLOYMENTS, text("name"))),
        "ReplicaSet" => Ok(in_spec(REPLICA_SETS, text("name"))),
        "PodTemplate" => Ok(Holder { resource: POD_TEMPLATES, name: text("name"), path: "/template" }),
        kind => Err(Failure::Usage(format!("workload of type {kind} is not supported"))),
    }
}

/// Says whether everything that the small value says is in the large one: what the server has added does not count.
fn contains(large: &Value, small: &Value) -> bool {
    match (large, small) {
        (_, Value::Null) => true,
        (Value::Object(large), Value::Object(small)) => small
            .iter()
            .filter(|(key, _)| *key != HASH_LABEL)
            .all(|(key, small)| contains(large.get(key).unwrap_or(&Value::Null), small)),
        (Value::Array(large), Value::Array(small)) => {
            small.is_empty() || (large.len() == small.len() && large.iter().zip(small).all(|(l, s)| contains(l, s)))
        }
        _ => large == small,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(revision: &str, image: &str) -> Value {
        json!({
            "metadata": {"annotations": {REVISION_ANNOTATION: revision}, "ownerReferences": [{"uid": "r"}]},
            "spec": {"template": {"image": image}},
        })
    }

    #[track_caller]
    fn check(to_revision: i64, sets: &[Value], expect: &str) {
        let undo = Undo { name: "shop".to_owned(), to_revision };
        let rollout = json!({"metadata": {"uid": "r"}});
        let seen =
            undo.template(&rollout, sets).map(|template| template["image"].as_str().unwrap_or_default().to_owned());
        assert_eq!(seen.unwrap_or_else(|error| error.to_string()), expect);
    }

    #[test]
    fn the_revision_that_is_asked_for_or_the_one_before_the_newest() {
        let sets = [set("2", "b"), set("7", "d"), set("1", "a"), set("3", "c"), set("x", "?")];
        check(0, &sets, "c");
        check(1, &sets, "a");
        check(9, &sets, "unable to find specified revision 9 in history");
        check(0, &sets[..1], "no revision found for rollout \"shop\"");
    }

    #[test]
    fn the_template_is_written_where_the_rollout_takes_it_from() {
        let held = |kind: &str| {
            let rollout = json!({"spec": {"workloadRef": {"kind": kind, "name": "web"}}});
            holder(&rollout, "shop").map_err(|error| error.to_string())
        };
        let at = |resource, name: &str, path| Holder { resource, name: name.to_owned(), path };
        let own = json!({"spec": {"workloadRef": null}});
        assert_eq!(holder(&own, "shop").ok(), Some(at(ROLLOUTS, "shop", "/spec/template")));
        assert_eq!(held("Deployment"), Ok(at(DEPLOYMENTS, "web", "/spec/template")));
        assert_eq!(held("ReplicaSet"), Ok(at(REPLICA_SETS, "web", "/spec/template")));
        assert_eq!(held("PodTemplate"), Ok(at(POD_TEMPLATES, "web", "/template")));
        assert_eq!(held("Job"), Err("workload of type Job is not supported".to_owned()));
    }

    #[test]
    fn what_the_server_has_added_is_no_difference() {
        let small = json!({"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"image": "a"}]}});
        let mut large = small.clone();
        large["metadata"]["labels"][HASH_LABEL] = json!("x");
        large["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
        assert!(contains(&large, &small) && !contains(&small, &json!({"metadata": {"labels": {"a": "b"}}})));
        large["spec"]["containers"][0]["image"] = json!("b");
        assert!(!contains(&large, &small));
    }
}
