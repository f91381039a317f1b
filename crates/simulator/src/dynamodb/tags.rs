//! Tags of tables. Source: DynamoDB Developer Guide, "Adding tags and labels to resources".

use lamplighter_core::Tags;
use serde::{Deserialize, Serialize};

use super::{bucket, find, on_table, table, validation};
use crate::{
    ec2,
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    pages,
    refusal::Refusal,
};

/// Tags on a page of `ListTagsOfResource`.
const PAGE: usize = 10;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// The tags that were sent, right or wrong.
pub(crate) fn read_any(tags: &[Tag]) -> Tags {
    tags.iter().map(|it| (it.key.clone(), it.value.clone())).collect()
}

/// The tags that were sent. Refuses those that no table can have.
pub(super) fn read(tags: &[Tag]) -> Result<Tags, Refusal> {
    let read = read_any(tags);
    if read.len() < tags.len() {
        return Err(validation("Duplicate tag keys found"));
    }
    check(&read)?;
    Ok(read)
}

/// Tables have the limits that all resources have, and fewer characters.
/// Source: DynamoDB Developer Guide, "Tagging restrictions in DynamoDB".
fn check(tags: &Tags) -> Result<(), Refusal> {
    let is_allowed =
        |it: char| it.is_alphanumeric() || it.is_whitespace() || "+-=._:/".contains(it);
    if let Some(odd) =
        tags.iter().flat_map(<[&String; 2]>::from).find(|it| !it.chars().all(is_allowed))
    {
        return Err(validation(format!("The tag contains characters that are not allowed: {odd}")));
    }
    ec2::tags::check(tags).map_err(|refusal| match refusal.code {
        "TagLimitExceeded" => validation("Tag quota has been exceeded"),
        _ => validation(refusal.message),
    })
}

/// Which table an ARN names.
fn table_of<'a>(cx: &Cx<'_>, arn: &'a str) -> Result<&'a str, Refusal> {
    let name = arn.strip_prefix(&table::arn(cx.place, ""));
    name.filter(|name| !name.contains('/')).ok_or_else(|| {
        let message = format!("Invalid TableArn: Invalid ResourceArn provided as input {arn}");
        validation(message)
    })
}

/// `TagResource`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct TagResource {
    pub(crate) resource_arn: String,
    pub(crate) tags: Vec<Tag>,
}

/// `UntagResource`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct UntagResource {
    pub(crate) resource_arn: String,
    pub(crate) tag_keys: Vec<String>,
}

/// `ListTagsOfResource`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ListTagsOfResource {
    pub(crate) resource_arn: String,
    #[serde(default)]
    pub(crate) next_token: Option<String>,
}

/// What `ListTagsOfResource` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed {
    pub(crate) tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

impl Operation for TagResource {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "TagResource",
        access: Access::Writes,
        bucket: bucket::FIVE,
    };

    type Answer<'s> = ();

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let need = on_table(cx, "dynamodb:TagResource", &self.resource_arn);
        let context = need.context.clone().with_request_tags(&read_any(&self.tags));
        vec![need.with(context)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let name = find(cx, table_of(cx, &self.resource_arn)?)?.name.clone();
        change(cx, &name, |tags| {
            tags.extend(read(&self.tags)?);
            Ok(())
        })
    }
}

impl Operation for UntagResource {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "UntagResource",
        access: Access::Writes,
        bucket: bucket::FIVE,
    };

    type Answer<'s> = ();

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let need = on_table(cx, "dynamodb:UntagResource", &self.resource_arn);
        let context: Context = need.context.clone();
        vec![need.with(context.with_all("aws:TagKeys", self.tag_keys.iter().cloned()))]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let name = find(cx, table_of(cx, &self.resource_arn)?)?.name.clone();
        change(cx, &name, |tags| {
            tags.retain(|key, _| !self.tag_keys.contains(key));
            Ok(())
        })
    }
}

/// Changes the tags of a table, or refuses and leaves them.
fn change(
    cx: &mut Cx<'_>,
    name: &str,
    change: impl FnOnce(&mut Tags) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut tags = find(cx, name)?.tags.clone();
    change(&mut tags)?;
    check(&tags)?;
    let now = cx.now;
    cx.here_mut().dynamodb.tables.change(name, now, |it| it.tags = tags);
    Ok(())
}

impl Operation for ListTagsOfResource {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "ListTagsOfResource",
        access: Access::Reads,
        bucket: bucket::LIST_TAGS,
    };

    type Answer<'s> = Listed;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:ListTagsOfResource", &self.resource_arn)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Listed, Refusal> {
        let name = table_of(cx, &self.resource_arn)?;
        let table = cx.here().dynamodb.tables.get_at(name, cx.seen);
        let tags = &table.ok_or_else(|| super::no_table(name))?.tags;
        let listing = pages::listing(cx.place, Self::SPEC.name, &self.resource_arn);
        let after = pages::after(listing, self.next_token.as_deref())
            .map_err(|it| validation(it.message))?;
        let rest = tags.iter().map(|(key, value)| (key.as_str(), value));
        let rest = rest.filter(|(key, _)| after.as_deref().is_none_or(|after| *key > after));
        let show =
            |key: &str, value: &String| Some(Tag { key: key.to_owned(), value: value.clone() });
        let (tags, next_token) = pages::page(listing, rest, PAGE, PAGE, show);
        Ok(Listed { tags, next_token })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{bed::Bed, dynamodb::table::Table};

    const ARN: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";

    fn bed() -> Bed {
        let bed = Bed::new();
        let table = Table::on_demand("orders", Vec::new(), Vec::new());
        bed.here(|it| it.dynamodb.tables.fill([("orders".into(), table)]));
        bed
    }

    fn tag(bed: &Bed, tags: &[(&str, &str)]) -> Result<serde_json::Value, &'static str> {
        let tag = |(key, value): &(&str, &str)| Tag {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        let tags = tags.iter().map(tag).collect();
        bed.ask(TagResource { resource_arn: ARN.to_owned(), tags })
    }

    fn list(bed: &Bed, token: Option<&str>) -> Result<serde_json::Value, &'static str> {
        let next_token = token.map(str::to_owned);
        bed.ask(ListTagsOfResource { resource_arn: ARN.to_owned(), next_token })
    }

    #[test]
    fn tags_are_added_and_taken_away() {
        let bed = bed();
        tag(&bed, &[("a", "1"), ("b", "2")]).unwrap();
        tag(&bed, &[("b", "3")]).unwrap();
        let expected = json!({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}]});
        assert_eq!(list(&bed, None), Ok(expected));
        let tag_keys = vec!["a".to_owned(), "c".to_owned()];
        bed.ask(UntagResource { resource_arn: ARN.to_owned(), tag_keys }).unwrap();
        assert_eq!(list(&bed, None), Ok(json!({"Tags": [{"Key": "b", "Value": "3"}]})));
    }

    #[test]
    fn tags_come_in_pages_of_ten() {
        let bed = bed();
        let keys: Vec<String> = (10..22).map(|n| n.to_string()).collect();
        tag(&bed, &keys.iter().map(|key| (&**key, "")).collect::<Vec<_>>()).unwrap();
        let first = list(&bed, None).unwrap();
        assert_eq!(first["Tags"].as_array().unwrap().len(), 10);
        let second = list(&bed, first["NextToken"].as_str()).unwrap();
        assert_eq!(second["Tags"].as_array().unwrap().len(), 2);
        assert_eq!(second.get("NextToken"), None);
        assert_eq!(list(&bed, Some("wrong")), Err("ValidationException"));
    }

    #[test]
    fn tags_that_no_table_can_have_change_nothing() {
        let bed = bed();
        assert_eq!(tag(&bed, &[("a", "1"), ("aws:b", "2")]), Err("ValidationException"));
        assert_eq!(tag(&bed, &[("a", "1"), ("a", "2")]), Err("ValidationException"));
        assert_eq!(list(&bed, None), Ok(json!({"Tags": []})));
        let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/other".to_owned();
        let other = bed.ask(TagResource { resource_arn: arn, tags: Vec::new() });
        assert_eq!(other, Err("ResourceNotFoundException"));
    }
}
