//! demo
use crate::{
    cli::DemoArgs,
    exit::{Exit, Failure},
};
pub(crate) async fn run(_: &DemoArgs) -> Result<Exit, Failure> {
    Ok(Exit::Fine)
}
