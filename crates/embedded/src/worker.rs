//! Who is alive: each open journal holds a lock on a file of its own, and the system takes it
//! away when the process ends, however it ends.
//!
//! Names are never used twice and a file appears under its name already locked. So whoever gets
//! the lock of a name knows that its worker is gone for good.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

/// This worker.
pub(crate) struct Worker {
    name: String,
    path: PathBuf,
    /// Held as long as the worker lives.
    _lock: File,
}

/// A worker that is gone, kept from others while its leases are ended.
pub(crate) struct Dead {
    name: String,
    path: PathBuf,
    _lock: File,
}

impl Worker {
    /// Registers a worker with a new name.
    pub(crate) fn register(directory: &Path) -> io::Result<Worker> {
        fs::create_dir_all(directory)?;
        let name = new_name();
        // Nobody looks at a file with a dot: locked first, visible then.
        let hidden = directory.join(format!(".{name}"));
        let lock = File::create_new(&hidden)?;
        lock.try_lock()?;
        let path = directory.join(&name);
        fs::rename(&hidden, &path)?;
        Ok(Worker { name, path, _lock: lock })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Signs off a worker that holds no lease.
    pub(crate) fn sign_off(&self) {
        // If it stays, it is the file of a worker that is gone, and is found as one.
        let _ = fs::remove_file(&self.path);
    }
}

impl Dead {
    /// The workers that are gone.
    pub(crate) fn find(directory: &Path) -> io::Result<Vec<Dead>> {
        let mut dead = Vec::new();
        let entries = match fs::read_dir(directory) {
            // Somebody has cleared it away: then leases end by their time.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(dead),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            let lock = match File::open(&path) {
                Ok(file) => file,
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            match lock.try_lock() {
                Ok(()) => dead.push(Dead { name, path, _lock: lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(dead)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Forgets the worker, once its leases have ended.
    pub(crate) fn forget(self) {
        // If it stays, it is found again, and has no leases.
        let _ = fs::remove_file(&self.path);
    }
}

/// A name that no worker of this journal had before: process ids come back, instants do not.
fn new_name() -> String {
    static WORKERS: AtomicU64 = AtomicU64::new(0);
    let count = WORKERS.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}-{count}", process::id(), since.as_nanos())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::atomic::AtomicBool, thread};

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        Dead::find(directory).unwrap().iter().map(|it| it.name().to_owned()).collect()
    }

    #[test]
    fn a_worker_is_dead_when_its_lock_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let worker = Worker::register(directory.path()).unwrap();
        assert_eq!(names(directory.path()), <[String; 0]>::default());
        let name = worker.name().to_owned();
        drop(worker);
        // Who has found it first keeps it from the others.
        let found = Dead::find(directory.path()).unwrap();
        assert_eq!(names(directory.path()), <[String; 0]>::default());
        drop(found);
        assert_eq!(names(directory.path()), [name]);
        Dead::find(directory.path()).unwrap().into_iter().for_each(Dead::forget);
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
        assert_eq!(names(&directory.path().join("cleared away")), <[String; 0]>::default());
    }

    #[test]
    fn a_worker_is_seen_only_when_it_is_locked() {
        let directory = tempfile::tempdir().unwrap();
        let done = AtomicBool::new(false);
        let workers: Vec<Worker> = thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(names(directory.path()), <[String; 0]>::default());
                }
            });
            let workers = (0..500).map(|_| Worker::register(directory.path()).unwrap()).collect();
            done.store(true, Ordering::Relaxed);
            workers
        });
        let unique: BTreeSet<&str> = workers.iter().map(Worker::name).collect();
        assert_eq!(unique.len(), workers.len());
    }
}
