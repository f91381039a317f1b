//! The reference page of an action with every kind of parameter.

#![expect(clippy::disallowed_methods, reason = "the expected page is a file")]

use std::{collections::BTreeMap, env, fs, num::NonZeroU32, path::Path, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_catalog::reference;
use lamplighter_core::{
    Action, Fault, Progress, Resource, Scope, Spec, StepCx, Tags, Verdict,
    action::{Effect, GateSpec, PlanCx},
    cloud::{Page, PageToken},
    select::ServerFilter,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Lamp {
    /// Its id.
    id: String,
    /// How bright it is, in lumens.
    brightness: Option<f64>,
    /// What it does.
    state: State,
    /// When it was lit.
    lit_at: Option<Timestamp>,
    /// Where it hangs.
    posts: Vec<Post>,
    /// Its tags.
    tags: Tags,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Post {
    /// The street.
    street: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// It burns.
    Lit,
    /// It does not.
    Dark,
}

#[async_trait]
impl Resource for Lamp {
    const KIND: &'static str = "lamps";
    const PERMISSIONS: &'static [&'static str] = &["lamp:DescribeLamps"];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    async fn list(
        _: &dyn Scope,
        _: &ServerFilter,
        _: Option<PageToken>,
    ) -> Result<Page<Lamp>, Fault> {
        Ok(Page { items: Vec::new(), next: None })
    }
}

#[derive(Debug)]
struct LightLamp;

/// How lamps are lit.
/// All of them the same way.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "only the schema is of interest")]
struct Params {
    /// What to burn:
    /// oil | gas.
    ///
    /// Nothing else.
    fuel: String,
    /// How bright.
    #[serde(default = "ten")]
    brightness: NonZeroU32,
    /// What is written on them.
    label: Option<String>,
    /// More tags.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Who may put them out.
    keepers: Option<Vec<Keeper>>,
    /// How long they burn.
    until: Until,
    /// When they are cleaned.
    #[serde(default)]
    rules: BTreeMap<String, Rule>,
    /// Whether they flicker.
    #[serde(default)]
    flicker: bool,
}

fn ten() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(9)
}

/// Somebody.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "only the schema is of interest")]
struct Keeper {
    /// Who.
    name: String,
    /// For how many days.
    #[schemars(range(max = 365))]
    days: Option<u16>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "only the schema is of interest")]
enum Until {
    /// Until the sun rises.
    Dawn,
    /// For a time.
    For {
        /// How many hours.
        hours: u32,
    },
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "only the schema is of interest")]
struct Rule {
    /// Once in how many days.
    every: u32,
}

#[async_trait]
impl Action for LightLamp {
    type Params = Params;
    type Target = Lamp;
    type State = ();
    type Known = ();

    const SPEC: Spec = Spec {
        name: "lamp.light",
        summary: "Lights each selected lamp.",
        permissions: &["lamp:CreateTags", "lamp:LightLamp"],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(90 * 60),
        gate: Some(GateSpec { name: "lamplighters", limit: 20 }),
    };

    fn plan(_: &Params, _: &PlanCx<'_>, _: &[Lamp], _: &()) -> Vec<Verdict> {
        Vec::new()
    }

    async fn step(
        &self,
        _: &StepCx<'_>,
        _: &Params,
        _: &Lamp,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        Ok(Progress::Done(String::new()))
    }
}

/// `UPDATE_EXPECT=1` writes it.
#[test]
fn the_page_says_all_there_is_to_know() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference.md");
    let page = reference(&LightLamp);
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(page, fs::read_to_string(&path).unwrap());
}
