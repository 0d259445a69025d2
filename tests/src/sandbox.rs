//! A place of one's own: `/tmp`, `/dev/shm`, `/var/tmp` and System V IPC that nobody else uses, so that
//! whatever turns up there was left by the servers under test.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Directories where programs leave things.
pub const PLACES: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Let this thread, and all threads and processes it starts, have them to themselves. `keep` stays visible.
pub fn enter(keep: &[PathBuf]) -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC)
        .map_err(|error| format!("no namespaces: {error}"))?;
    attach(None, Path::new("/"), MsFlags::MS_REC | MsFlags::MS_PRIVATE)?;
    let open = |path: &PathBuf| {
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(libc::O_PATH).open(path);
        Some((path.clone(), file.ok()?))
    };
    for place in PLACES.map(Path::new) {
        let inside = keep.iter().filter(|path| path.starts_with(place));
        let kept: Vec<(PathBuf, File)> = inside.filter_map(open).collect();
        attach(Some("tmpfs"), place, MsFlags::empty())?;
        for (path, file) in &kept {
            fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let source = format!("/proc/thread-self/fd/{}", file.as_raw_fd());
            attach(Some(&source), path, MsFlags::MS_BIND | MsFlags::MS_REC)?;
        }
    }
    Ok(())
}

fn attach(source: Option<&str>, target: &Path, flags: MsFlags) -> Result<(), String> {
    let kind = (source == Some("tmpfs")).then_some("tmpfs");
    mount(source, target, kind, flags, None::<&str>)
        .map_err(|error| format!("mount on {}: {error}", target.display()))
}
