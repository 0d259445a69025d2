//! `user`, `group`, `chroot`: checked before anything is forked, taken on by each worker of each generation.
//!
//! Master and manager keep their rights: they fork, bind, signal and reopen files.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::log::Log;
use crate::settings::DaemonSettings;
use crate::sys::identity::{self as sys, Account};
use crate::sys::process;

/// What a worker becomes.
pub(super) struct Identity {
    account: Option<Account>,
    /// Its own, or the account's.
    gid: Option<u32>,
    groups: Vec<u32>,
    root: Option<PathBuf>,
}

impl Identity {
    /// Look everything up. Nothing is taken on trust until the first worker finds out.
    pub(super) fn find(wanted: &DaemonSettings) -> Result<Identity> {
        for (key, value) in [
            ("user", &wanted.user),
            ("group", &wanted.group),
            ("chroot", &wanted.chroot),
        ] {
            if let Some(value) = value
                && !process::is_root()
            {
                return refuse(format!(
                    "{key} '{value}' needs a server that is started as root"
                ));
            }
        }
        let account = match &wanted.user {
            None => None,
            Some(name) => match sys::account(name) {
                Ok(Some(account)) => Some(account),
                Ok(None) => return refuse(format!("get user [{name}] info failed")),
                Err(error) => return refuse(format!("get user [{name}] info failed: {error}")),
            },
        };
        let gid = match &wanted.group {
            None => account.as_ref().map(|account| account.gid),
            Some(name) => match sys::group(name) {
                Ok(Some(gid)) => Some(gid),
                Ok(None) => return refuse(format!("get group [{name}] info failed")),
                Err(error) => return refuse(format!("get group [{name}] info failed: {error}")),
            },
        };
        let groups = match (&account, gid) {
            (Some(account), Some(gid)) => sys::groups_of(account, gid).or_else(|error| {
                refuse(format!("the groups of the user cannot be found: {error}"))
            })?,
            (None, Some(gid)) => vec![gid],
            (_, None) => Vec::new(),
        };
        let root = wanted.chroot.as_ref().map(PathBuf::from);
        if let Some(root) = root.as_ref().filter(|root| !root.is_dir()) {
            return refuse(format!("chroot '{}' is not a directory", root.display()));
        }
        Ok(Identity {
            account,
            gid,
            groups,
            root,
        })
    }

    /// The ids that files for workers shall have.
    pub(super) fn ids(&self) -> Option<(u32, u32)> {
        let account = self.account.as_ref()?;
        Some((account.uid, self.gid.unwrap_or(account.gid)))
    }

    /// Root directory first, user last.
    pub(super) fn take_on(&self, log: &Log) -> Result<(), String> {
        if let Some(root) = &self.root {
            sys::change_root(root)
                .map_err(|error| format!("chroot('{}') failed, Error: {error}", root.display()))?;
            log.seal();
        }
        if let Some(gid) = self.gid {
            let uid = self.account.as_ref().map(|account| account.uid);
            sys::take_on(&self.groups, gid, uid)
                .map_err(|error| format!("the user cannot be changed, Error: {error}"))?;
        }
        Ok(())
    }
}

fn refuse<T>(text: String) -> Result<T> {
    Err(Error::BadSetting(text))
}
