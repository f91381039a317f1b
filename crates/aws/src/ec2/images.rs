//! Images.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::{
        Page, PageToken,
        ec2::{Image, Images},
    },
    select::ServerFilter,
};

use super::{Ec2Client, PAGE, filters, next, read};

/// AWS's answers when an image is gone.
const GONE: [&str; 2] = ["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"];

#[async_trait]
impl Images for Ec2Client {
    async fn images(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Image>, Fault> {
        let call = self.call("listing images", "ec2:DescribeImages");
        let request = self
            .client
            .describe_images()
            // Without an owner AWS lists every public image there is.
            .owners("self")
            .include_disabled(true)
            .include_deprecated(true)
            .set_filters(filters(filter, "image-id"))
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.images().iter().map(read::image).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn deregister_image(&self, id: &str) -> Result<(), Fault> {
        let doing = format!("deregistering `{id}`");
        let call = self.call(&doing, "ec2:DeregisterImage");
        match call.answer(self.client.deregister_image().image_id(id).send().await) {
            Err(fault) if fault.code.as_deref().is_some_and(|it| GONE.contains(&it)) => Ok(()),
            answer => answer.map(|_| ()),
        }
    }
}
