//! Where the programs are, and how each side is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cases::Side;
use crate::server::Program;

const EXTENSION: &str = "php-ext/modules/skep.so";
const BARE_LOOP: &str = "bench/baseline/epoll_echo.c";

/// A checkout and what was built from it.
#[derive(Clone, Debug)]
pub struct Site {
    /// The top of the repository.
    pub root: PathBuf,
    /// Cargo's target directory; the C programs are under `bench/` in it.
    pub target: PathBuf,
    /// The PHP interpreter.
    pub php: PathBuf,
}

impl Site {
    /// The repository around the current directory.
    pub fn find_root() -> Result<PathBuf> {
        let here = std::env::current_dir().context("no current directory")?;
        let root = here.ancestors().find(|dir| dir.join(BARE_LOOP).exists());
        root.map(Path::to_path_buf).with_context(|| {
            format!(
                "not inside the repository: no {BARE_LOOP} above {}",
                here.display()
            )
        })
    }

    /// Compiles the bare loop unless that has been done since it was last changed.
    pub(crate) fn build_bare_loop(&self) -> Result<()> {
        let (source, binary) = (self.root.join(BARE_LOOP), self.bare_loop());
        let changed = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
        if changed(&binary) > changed(&source) {
            return Ok(());
        }
        std::fs::create_dir_all(self.target.join("bench"))?;
        let status = Command::new("gcc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&binary, &source])
            .status()
            .context("cannot run gcc")?;
        ensure!(status.success(), "gcc cannot compile {}", source.display());
        Ok(())
    }

    fn bare_loop(&self) -> PathBuf {
        self.target.join("bench/epoll_echo")
    }

    /// `Err` names the file that has not been built.
    pub(crate) fn program(&self, side: Side) -> Result<Program, String> {
        match side {
            Side::Bare => self.existing(self.bare_loop(), vec!["0".into()], vec![]),
            Side::C => self.existing(self.target.join("bench/echo_c"), vec![], sizes(1, 1)),
            Side::Lane => self.existing(
                self.target.join("release/examples/lane_bench"),
                vec![],
                vec![],
            ),
            Side::Php { reactors, workers } => {
                let mut program = self.php(true)?;
                program.args.push("bench/servers/echo.php".into());
                program.env = sizes(reactors, workers);
                Ok(program)
            }
        }
    }

    /// The interpreter doing nothing, for its memory to be subtracted.
    pub(crate) fn sleeping_php(&self, extension: bool) -> Result<Program, String> {
        let mut program = self.php(extension)?;
        program
            .args
            .extend(["-r", r#"echo "READY 1\n"; sleep(600);"#].map(String::from));
        Ok(program)
    }

    /// Without ini files: a distribution's own choice of extensions must not be part of a figure.
    fn php(&self, extension: bool) -> Result<Program, String> {
        if extension && !self.root.join(EXTENSION).exists() {
            return Err(format!("{EXTENSION} is not there"));
        }
        let mut args = vec!["-n".to_string()];
        if extension {
            args.extend(["-d".into(), format!("extension={EXTENSION}")]);
        }
        Ok(Program {
            command: self.php.clone(),
            args,
            env: vec![],
            dir: self.root.clone(),
        })
    }

    fn existing(
        &self,
        command: PathBuf,
        args: Vec<String>,
        env: Vec<(&'static str, String)>,
    ) -> Result<Program, String> {
        if !command.exists() {
            let shown = command.strip_prefix(&self.root).unwrap_or(&command);
            return Err(format!("{} is not there", shown.display()));
        }
        Ok(Program {
            command,
            args,
            env,
            dir: self.root.clone(),
        })
    }
}

fn sizes(reactors: usize, workers: usize) -> Vec<(&'static str, String)> {
    vec![
        ("SKEP_REACTORS", reactors.to_string()),
        ("SKEP_WORKERS", workers.to_string()),
        ("PORT", "0".to_string()),
    ]
}
