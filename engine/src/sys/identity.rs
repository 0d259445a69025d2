//! Who a process is: user, groups, root directory. Looked up early, taken on late and for good.

use std::ffi::CString;
use std::io;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User};

/// An account as the system knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    name: CString,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The account of this name; `None`: there is none.
pub(crate) fn account(name: &str) -> io::Result<Option<Account>> {
    let Ok(text) = CString::new(name) else {
        return Ok(None);
    };
    let found = User::from_name(name)?;
    Ok(found.map(|user| Account {
        name: text,
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
    }))
}

/// The number of the group of this name; `None`: there is none.
pub(crate) fn group(name: &str) -> io::Result<Option<u32>> {
    if name.contains('\0') {
        return Ok(None);
    }
    Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()))
}

/// Make `directory` the root directory of this process.
pub(crate) fn change_root(directory: &Path) -> io::Result<()> {
    nix::unistd::chroot(directory)?;
    Ok(nix::unistd::chdir("/")?)
}

/// The groups of this account and `gid`, no others; looks into the system's files, so before a change of
/// the root directory.
pub(crate) fn groups_of(account: &Account, gid: u32) -> io::Result<Vec<u32>> {
    let groups = nix::unistd::getgrouplist(&account.name, Gid::from_raw(gid))?;
    Ok(groups.into_iter().map(Gid::as_raw).collect())
}

/// Supplementary groups, then group, then user: each needs the rights that the next one takes away.
pub(crate) fn take_on(groups: &[u32], gid: u32, uid: Option<u32>) -> io::Result<()> {
    let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
    nix::unistd::setgroups(&groups)?;
    let gid = Gid::from_raw(gid);
    nix::unistd::setresgid(gid, gid, gid)?;
    if let Some(uid) = uid.map(Uid::from_raw) {
        nix::unistd::setresuid(uid, uid, uid)?;
    }
    Ok(())
}
