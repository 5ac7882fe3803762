//! The configuration file: whatever is in it, what is said about it is one harmless line that names the file.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use chatd::daemon::complaint;

static FILE: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chatd.toml");
    (folder, file)
});

pub fn check(data: &[u8]) {
    let file = &FILE.1;
    fs::write(file, data).unwrap();
    let Some(said) = complaint(file) else {
        assert!(
            std::str::from_utf8(data).is_ok(),
            "what is no text is no configuration"
        );
        // Nothing is lost by a remark at the end.
        fs::write(file, [data, b"\n# remark"].concat()).unwrap();
        return assert_eq!(complaint(file), None);
    };
    super::must_be_harmless(&said);
    let place = format!("'{}'", file.display());
    assert!(said.contains(&place) || said.starts_with('`'), "{said}");
    let what = said.replace(&place, "");
    assert!(what.trim().len() > 8, "{said}");
}
