//! The cloud as an AWS end point on this machine.

use std::{io, net::SocketAddr, sync::Arc};

use crate::{
    cloud::Cloud,
    wire::{dispatch, server::Server},
};

/// A port of this machine that answers as AWS does, for `AWS_ENDPOINT_URL`.
#[derive(Debug)]
pub struct EndPoint(Server);

impl EndPoint {
    /// Listens on a port of 127.0.0.1. Port 0 is any that is free.
    pub async fn bind(port: u16) -> io::Result<EndPoint> {
        Server::bind(port).await.map(EndPoint)
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }

    /// Answers until `stop`, then finishes the answers that were begun.
    pub async fn serve(self, cloud: Cloud, stop: impl Future<Output = ()>) -> io::Result<()> {
        let cloud = Arc::new(cloud);
        let handler = move |request| {
            let cloud = Arc::clone(&cloud);
            async move { dispatch::answer(&cloud, request).await }
        };
        self.0.serve(handler, stop).await
    }
}
