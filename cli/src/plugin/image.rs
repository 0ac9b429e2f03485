//! `set image`: a new image for one container, or for all of them.

use serde_json::Value;

use super::{
    Failure, Printer,
    cluster::{Cluster, DEPLOYMENTS, ROLLOUTS, Resource},
};

/// How often a change is tried when somebody else writes at the same time.
const ATTEMPTS: usize = 5;

/// What can be set.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Set {
    /// Change the image of a container
    Image(Image),
}

/// A new image.
#[derive(clap::Args, Clone, Debug)]
pub struct Image {
    /// The name of the Rollout
    name: String,
    /// The container and its new image, such as shop=shop:v2; * stands for all containers
    #[arg(value_name = "CONTAINER=IMAGE", value_parser = change)]
    change: (String, String),
}

fn change(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((container, image)) if !container.is_empty() && !image.is_empty() && !image.contains('=') => {
            Ok((container.to_owned(), image.to_owned()))
        }
        _ => Err("write the container and its image, such as shop=shop:v2".to_owned()),
    }
}

impl Set {
    pub(super) async fn run(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let Self::Image(image) = self;
        let mut attempt = 1;
        let changed = loop {
            match image.set(cluster).await {
                Err(Failure::Conflict(_)) if attempt < ATTEMPTS => attempt += 1,
                other => break other?,
            }
        };
        let text = |pointer: &str| changed.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        printer.say(&format!("{} \"{}\" image updated\n", text("/kind").to_lowercase(), text("/metadata/name")));
        Ok(())
    }
}

impl Image {
    /// Reads and replaces the object that holds the pod template: the Rollout, or the Deployment that it refers to.
    async fn set(&self, cluster: &Cluster) -> Result<Value, Failure> {
        let rollout = cluster.get(ROLLOUTS, &self.name).await?;
        let referred = rollout.pointer("/spec/workloadRef").filter(|reference| !reference.is_null());
        let Some(referred) = referred else {
            return self.replace(cluster, ROLLOUTS, &self.name, rollout).await;
        };
        let kind = referred.get("kind").and_then(Value::as_str).unwrap_or_default();
        let name = referred.get("name").and_then(Value::as_str).unwrap_or_default();
        if kind != "Deployment" {
            let why = format!("spec.workloadRef of {} refers to a {kind}; change the image of that object", self.name);
            return Err(Failure::Usage(why));
        }
        let deployment = cluster.get(DEPLOYMENTS, name).await?;
        self.replace(cluster, DEPLOYMENTS, name, deployment).await
    }

    async fn replace(
        &self,
        cluster: &Cluster,
        resource: Resource,
        name: &str,
        mut object: Value,
    ) -> Result<Value, Failure> {
        let (container, image) = &self.change;
        if change_images(&mut object, container, image) == 0 {
            return Err(Failure::Usage(format!("unable to find container named \"{container}\"")));
        }
        cluster.replace(resource, name, &object).await
    }
}

/// Changes the image of containers of this name, `*` being all; answers how many there were.
fn change_images(object: &mut Value, container: &str, image: &str) -> usize {
    let mut changed = 0;
    for field in ["initContainers", "containers", "ephemeralContainers"] {
        let all = object.pointer_mut(&format!("/spec/template/spec/{field}")).and_then(Value::as_array_mut);
        for one in all.into_iter().flatten().filter_map(Value::as_object_mut) {
            if container == "*" || one.get("name").is_some_and(|name| name == container) {
                one.insert("image".to_owned(), image.into());
                changed += 1;
            }
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_container_or_all_get_the_image() {
        let object = json!({"spec": {"template": {"spec": {
            "initContainers": [{"name": "init", "image": "i:1"}],
            "containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}],
        }}}});
        let check = |container: &str, count: usize, images: [&str; 3]| {
            let mut object = object.clone();
            assert_eq!(change_images(&mut object, container, "x:2"), count, "{container}");
            let at = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let pods = "/spec/template/spec";
            let seen = [
                at(&format!("{pods}/initContainers/0/image")),
                at(&format!("{pods}/containers/0/image")),
                at(&format!("{pods}/containers/1/image")),
            ];
            assert_eq!(seen, images);
        };
        check("b", 1, ["i:1", "a:1", "x:2"]);
        check("init", 1, ["x:2", "a:1", "b:1"]);
        check("*", 3, ["x:2", "x:2", "x:2"]);
        check("c", 0, ["i:1", "a:1", "b:1"]);
    }

    #[test]
    fn a_change_names_a_container_and_an_image() {
        assert_eq!(change("a=b:1"), Ok(("a".to_owned(), "b:1".to_owned())));
        for odd in ["", "a", "=", "a=", "=b", "a=b=c"] {
            assert!(change(odd).is_err(), "{odd}");
        }
    }
}
