//! The regions of an account.

use serde::{Deserialize, Serialize};

use super::{bucket, filter::Filter};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wildcard,
};

/// `DescribeRegions`. There is no paging.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeRegions {
    pub(crate) filter: Vec<Filter>,
    pub(crate) region_name: Vec<String>,
    pub(crate) all_regions: bool,
}

/// What `DescribeRegions` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Regions {
    pub(crate) region_info: Vec<RegionInfo>,
}

/// A region in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegionInfo {
    pub(crate) region_name: String,
    region_endpoint: String,
    opt_in_status: &'static str,
}

impl Operation for DescribeRegions {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeRegions",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Regions;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeRegions")]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Regions, Refusal> {
        let account = cx.state.account(&cx.place.account);
        let enabled = account.into_iter().flat_map(|it| &it.regions).map(|region| RegionInfo {
            region_name: region.to_string(),
            region_endpoint: format!("ec2.{region}.amazonaws.com"),
            opt_in_status: "opt-in-not-required",
        });
        let mut shown = Vec::new();
        for it in enabled {
            let named = self.region_name.is_empty() || self.region_name.contains(&it.region_name);
            if named && admits(&self.filter, &it)? {
                shown.push(it);
            }
        }
        if let Some(unknown) =
            self.region_name.iter().find(|name| shown.iter().all(|it| it.region_name != **name))
        {
            let message = format!("Invalid region provided: {unknown}");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        Ok(Regions { region_info: shown })
    }
}

fn admits(filters: &[Filter], region: &RegionInfo) -> Result<bool, Refusal> {
    let mut admitted = true;
    for filter in filters {
        let value = match filter.name.as_str() {
            "endpoint" => region.region_endpoint.as_str(),
            "opt-in-status" => region.opt_in_status,
            "region-name" => region.region_name.as_str(),
            other => {
                let message = format!("The filter '{other}' is invalid");
                return Err(Refusal::new("InvalidParameterValue", message));
            }
        };
        admitted &= filter.value.iter().any(|it| wildcard::matches(it, value));
    }
    Ok(admitted)
}
