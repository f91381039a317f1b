//! A process that does not outlive its test.

use std::process::{Child, Command, ExitStatus};

/// A process that is killed, and waited for, when it is dropped: a test that fails leaves nothing
/// behind.
pub struct Running(pub Child);

impl Running {
    /// Kills it, as `kill -9` does.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to end, with SIGTERM.
    pub fn ask_to_stop(&self) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.ask_to_stop();
        self.0.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, or is to end now: either way there is nobody to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
