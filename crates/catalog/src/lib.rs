//! The list of all actions, and what is generated from it.
//!
//! To add an action, add its line to [`ACTIONS`].

mod parameters;
mod reference;

use lamplighter_core::Catalog;

pub use reference::reference;

/// All actions that this program knows, in alphabetical order of their names.
pub static ACTIONS: Catalog = &[
    &lamplighter_dynamodb::CreateBackup,
    &lamplighter_dynamodb::DeleteBackup,
    &lamplighter_dynamodb::SetBilling,
    &lamplighter_dynamodb::SetCapacity,
    &lamplighter_ebs::ArchiveSnapshot,
    &lamplighter_ebs::CopySnapshot,
    &lamplighter_ebs::CreateSnapshot,
    &lamplighter_ebs::DeleteSnapshot,
    &lamplighter_ebs::FastRestoreSnapshot,
    &lamplighter_ebs::LockSnapshot,
    &lamplighter_ebs::ShareSnapshot,
    &lamplighter_ebs::ModifyVolume,
    &lamplighter_ebs::RestoreVolume,
    &lamplighter_ebs::CopyImage,
    &lamplighter_ec2::CreateImage,
    &lamplighter_ebs::DeleteImage,
    &lamplighter_ebs::ShareImage,
    &lamplighter_ec2::PowerInstance,
    &lamplighter_ec2::RebootInstance,
    &lamplighter_ec2::ResizeInstance,
    &lamplighter_ebs::SnapshotInstance,
    &lamplighter_ec2::StartInstance,
    &lamplighter_ec2::StopInstance,
    &lamplighter_ec2::TerminateInstance,
    &lamplighter_rds::CopySnapshot::OF_CLUSTERS,
    &lamplighter_rds::CreateSnapshot::OF_CLUSTERS,
    &lamplighter_rds::DeleteSnapshot::OF_CLUSTERS,
    &lamplighter_rds::ShareSnapshot::OF_CLUSTERS,
    &lamplighter_rds::Delete::OF_CLUSTERS,
    &lamplighter_rds::FollowTimetable::OF_CLUSTERS,
    &lamplighter_rds::Start::OF_CLUSTERS,
    &lamplighter_rds::Stop::OF_CLUSTERS,
    &lamplighter_rds::Delete::OF_INSTANCES,
    &lamplighter_rds::FollowTimetable::OF_INSTANCES,
    &lamplighter_rds::RebootInstance,
    &lamplighter_rds::Start::OF_INSTANCES,
    &lamplighter_rds::Stop::OF_INSTANCES,
    &lamplighter_rds::CopySnapshot::OF_INSTANCES,
    &lamplighter_rds::CreateSnapshot::OF_INSTANCES,
    &lamplighter_rds::DeleteSnapshot::OF_INSTANCES,
    &lamplighter_rds::ShareSnapshot::OF_INSTANCES,
    &lamplighter_tags::CheckTags,
    &lamplighter_tags::RemoveTags,
    &lamplighter_tags::SetTags,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lamplighter_core::select::Fields;
    use serde_json::Value;

    use super::{ACTIONS, parameters::parameters};

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(ACTIONS.is_sorted_by(|a, b| a.spec().name < b.spec().name));
    }

    #[test]
    fn names_are_dotted_words_in_lower_case() {
        for action in ACTIONS {
            let name = action.spec().name;
            let is_word = |word: &str| {
                word.starts_with(|first: char| first.is_ascii_lowercase())
                    && word.bytes().all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            };
            assert!(name.split('.').count() >= 2 && name.split('.').all(is_word), "{name}");
        }
    }

    #[test]
    fn summaries_are_one_sentence() {
        for action in ACTIONS {
            let summary = action.spec().summary;
            assert!(
                summary.starts_with(char::is_uppercase)
                    && summary.ends_with('.')
                    && !summary.contains('\n'),
                "{summary}"
            );
        }
    }

    #[test]
    fn permissions_are_sorted_unique_and_well_formed() {
        for action in ACTIONS {
            let name = action.spec().name;
            assert!(action.spec().permissions.is_sorted_by(|a, b| a < b), "{name}");
            let all = action.permissions();
            assert!(!all.is_empty(), "{name} lists no resources");
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{name}");
            for permission in all {
                let good = permission.split_once(':').is_some_and(|(service, call)| {
                    service
                        .bytes()
                        .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
                        && call.starts_with(|first: char| first.is_ascii_uppercase())
                        && call.bytes().all(|it| it.is_ascii_alphanumeric())
                });
                assert!(good, "{name}: {permission}");
            }
        }
    }

    #[test]
    fn every_parameter_is_documented() {
        for action in ACTIONS {
            for parameter in parameters(&action.params_schema().to_value()) {
                assert!(!parameter.doc.is_empty(), "{}: {}", action.spec().name, parameter.path);
            }
        }
    }

    #[test]
    fn no_unknown_parameter_is_accepted() {
        #[track_caller]
        fn check(name: &str, schema: &Value) {
            if schema["properties"].is_object() {
                assert_eq!(schema["additionalProperties"], false, "{name}: {schema:#}");
            }
            let fields = schema.as_object().into_iter().flat_map(|it| it.values());
            let items = schema.as_array().into_iter().flatten();
            fields.chain(items).for_each(|part| check(name, part));
        }
        for action in ACTIONS {
            let schema = action.params_schema().to_value();
            // A block without parameters has no properties, and must be closed all the same.
            assert_eq!(schema["additionalProperties"], false, "{}", action.spec().name);
            check(action.spec().name, &schema);
        }
    }

    #[test]
    fn every_field_of_a_target_is_documented() {
        for action in ACTIONS {
            let fields = Fields::from_schema(&action.target_schema());
            for (field, about) in fields.iter() {
                assert!(!about.doc.is_empty(), "{}: `target.{field}`", action.spec().name);
            }
        }
    }
}
