//! `DescribeInstanceTypeOfferings`. Source: EC2 API, the same.

use lamplighter_core::Tags;
use serde::{Deserialize, Serialize};

use super::{types::TYPES, zones};
use crate::{
    ec2::{
        bucket,
        filter::{self, Filter, Filtered},
        listing,
    },
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    pages,
    refusal::Refusal,
};

/// `DescribeInstanceTypeOfferings`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeInstanceTypeOfferings {
    pub(crate) filter: Vec<Filter>,
    /// `None`: `region`.
    pub(crate) location_type: Option<String>,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeInstanceTypeOfferings` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Offerings {
    instance_type_offering_set: Vec<Offering>,
    next_token: Option<String>,
}

/// That a type is offered somewhere.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Offering {
    instance_type: &'static str,
    location_type: &'static str,
    location: String,
}

/// Offerings have no tags.
static NO_TAGS: Tags = Tags::new();

impl Filtered for Offering {
    const FILTERS: &'static [&'static str] = &["instance-type", "location"];

    fn any(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        match name {
            "instance-type" => test(self.instance_type),
            "location" => test(&self.location),
            _ => false,
        }
    }

    fn tags(&self) -> &Tags {
        &NO_TAGS
    }
}

impl Operation for DescribeInstanceTypeOfferings {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeInstanceTypeOfferings",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Offerings;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeInstanceTypeOfferings")]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Offerings, Refusal> {
        filter::check::<Offering>(&self.filter)?;
        if let Some(many @ 1001..) = self.max_results {
            let message = format!("MaxResults must be 5 to 1000, not {many}");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let most = listing::page_length(self.max_results)?;
        let location_type = self.location_type()?;
        let question = (&self.filter, location_type, self.max_results);
        let listing = pages::listing(cx.place, Self::SPEC.name, &question);
        let after = pages::after(listing, self.next_token.as_deref())?;
        let all = offerings(cx, location_type);
        let rest = all.iter().filter(|(id, _)| after.as_deref().is_none_or(|it| &**id > it));
        let rest = rest.map(|(id, it)| (&**id, it));
        let looks = cx.state.dials.page_size.unwrap_or(usize::MAX);
        let shows = |_: &str, it: &Offering| filter::admits(&self.filter, it).then(|| it.clone());
        let (instance_type_offering_set, next_token) =
            pages::page(listing, rest, most, looks, shows);
        Ok(Offerings { instance_type_offering_set, next_token })
    }
}

impl DescribeInstanceTypeOfferings {
    fn location_type(&self) -> Result<&'static str, Refusal> {
        match self.location_type.as_deref() {
            None | Some("region") => Ok("region"),
            Some("availability-zone") => Ok("availability-zone"),
            Some("availability-zone-id") => Ok("availability-zone-id"),
            Some(other) => {
                let message = format!("Value ({other}) for parameter locationType is invalid.");
                Err(Refusal::new("InvalidParameterValue", message))
            }
        }
    }
}

/// Every offering in this kind of location, by what names it. A region offers what one of its
/// zones does.
fn offerings(cx: &Cx<'_>, location_type: &'static str) -> Vec<(String, Offering)> {
    let market = &cx.here().ec2.market;
    let zones = zones(&cx.place.region);
    let mut all = Vec::new();
    for kind in TYPES {
        let offering = zones.iter().filter(|(name, _)| market.offers(kind, name));
        let locations: Vec<String> = match location_type {
            "availability-zone" => offering.map(|(name, _)| name.clone()).collect(),
            "availability-zone-id" => offering.map(|(_, id)| id.clone()).collect(),
            _ => offering.take(1).map(|_| cx.place.region.to_string()).collect(),
        };
        let offer = |location| Offering { instance_type: kind.name, location_type, location };
        let offers = locations.into_iter().map(offer);
        all.extend(offers.map(|it| (format!("{}/{}", it.instance_type, it.location), it)));
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}
