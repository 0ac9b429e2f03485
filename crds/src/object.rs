//! Makes a type with `metadata`, `spec` and perhaps `status` an object of an API group.

/// Implements `kube::Resource`, `Serialize` (with `apiVersion` and `kind`) and `new` for an object: of the group of Argo
/// Rollouts, or of our own where `serin` is written in front.
macro_rules! resource {
    (serin $type:ident, $kind:literal, $plural:literal, $scope:ty $(, $status:ident)?) => {
        crate::object::resource!(
            @ crate::names::SERIN_GROUP, crate::names::SERIN_API_VERSION, $type, $kind, $plural, $scope $(, $status)?
        );
    };
    ($type:ident, $kind:literal, $plural:literal, $scope:ty $(, $status:ident)?) => {
        crate::object::resource!(
            @ crate::names::GROUP, crate::names::API_VERSION, $type, $kind, $plural, $scope $(, $status)?
        );
    };
    (@ $group:expr, $api:expr, $type:ident, $kind:literal, $plural:literal, $scope:ty $(, $status:ident)?) => {
        impl $type {
            /// Kind of the object, as manifests name it.
            pub const KIND: &'static str = $kind;

            /// An object with this name and nothing else.
            pub fn new(name: &str) -> Self {
                Self {
                    metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
                    ..Self::default()
                }
            }
        }

        impl kube::Resource for $type {
            type DynamicType = ();
            type Scope = $scope;

            fn kind((): &()) -> std::borrow::Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> std::borrow::Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> std::borrow::Cow<'_, str> {
                crate::names::VERSION.into()
            }

            fn plural((): &()) -> std::borrow::Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct as _;
                let Self { metadata, spec $(, $status)? } = self;
                let mut object = serializer.serialize_struct($kind, 5)?;
                object.serialize_field("apiVersion", $api)?;
                object.serialize_field("kind", $kind)?;
                object.serialize_field("metadata", metadata)?;
                object.serialize_field("spec", spec)?;
                $(
                    if !crate::lenient::is_default($status) {
                        object.serialize_field(stringify!($status), $status)?;
                    }
                )?
                object.end()
            }
        }
    };
}

pub(crate) use resource;
