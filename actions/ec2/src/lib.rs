//! Actions on EC2 instances.

mod bounds;
mod fit;
mod halt;
mod image;
mod imaging;
mod launch;
mod power;
mod reboot;
mod resize;
mod start;
mod stop;
mod terminate;

pub use image::CreateImage;
pub use power::PowerInstance;
pub use reboot::RebootInstance;
pub use resize::ResizeInstance;
pub use start::StartInstance;
pub use stop::StopInstance;
pub use terminate::TerminateInstance;
