//! `init`: a small, commented configuration.

use std::{fs, io::Write, path::Path};

use crate::{
    exit::{Exit, Failure},
    output,
};

const FILES: [(&str, &str); 3] = [
    ("accounts.yaml", include_str!("init/accounts.yaml")),
    ("backups.yaml", include_str!("init/backups.yaml")),
    ("backups.test.yaml", include_str!("init/backups.test.yaml")),
];

pub(crate) fn run(dir: &Path) -> Result<Exit, Failure> {
    let shown = dir.display();
    fs::create_dir_all(dir)
        .map_err(|error| Failure::io(format_args!("creating `{shown}`"), &error))?;
    if let Some((name, _)) = FILES.iter().find(|(name, _)| dir.join(name).exists()) {
        return Err(Failure::usage(format!(
            "`{}` exists already: nothing was written",
            dir.join(name).display()
        )));
    }
    for (name, text) in FILES {
        let path = dir.join(name);
        fs::File::create_new(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| Failure::io(format_args!("writing `{}`", path.display()), &error))?;
        output::print(&format!("wrote {}", path.display()))?;
    }
    output::print(&format!(
        "\nNow edit {shown}/accounts.yaml, then:\n  \
         lamplighter --config {shown} check\n  \
         lamplighter --config {shown} test\n  \
         lamplighter --config {shown} calendar\n  \
         lamplighter --config {shown} plan nightly-backup"
    ))?;
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration;

    #[test]
    fn what_it_writes_is_a_valid_configuration_and_nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(run(dir.path()).unwrap(), Exit::Fine);
        let config = configuration::load(dir.path()).unwrap();
        assert_eq!(config.tasks.len(), 2);
        assert_eq!(run(dir.path()).unwrap_err().exit, Exit::Usage);
    }
}
