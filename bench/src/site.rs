//! Where the programs are, and how each side is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::bulk;
use crate::cases::{Case, Front, Kind, Side, Talk, Way};
use crate::message::Framing;
use crate::server::Program;
use crate::tls::Identity;

const EXTENSION: &str = "php-ext/modules/skep.so";
const BASELINE: &str = "bench/baseline";
/// Programs of one file each, and what all of them include.
const BARE: [&str; 3] = ["epoll_echo", "udp_echo", "bulk"];
const INCLUDED: &str = "server.h";

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
        let root = here.ancestors().find(|dir| dir.join(BASELINE).exists());
        root.map(Path::to_path_buf).with_context(|| {
            format!(
                "not inside the repository: no {BASELINE} above {}",
                here.display()
            )
        })
    }

    /// What the sides of the cases need and what is cheaper made than kept: bare servers, a
    /// certificate, the file of `sendfile`.
    pub(crate) fn prepare(&self, cases: &[Case]) -> Result<()> {
        std::fs::create_dir_all(self.made())?;
        BARE.into_iter().try_for_each(|name| self.compile(name))?;
        self.identity().write()?;
        for case in cases {
            let by_file = |(side, _): &(Side, _)| side.talk == Talk::Bulk(Way::SendFile);
            if let Kind::Bulk { bytes } = case.kind
                && case.sides.iter().any(by_file)
            {
                bulk::make_file(&self.bulk_file(), bytes)?;
            }
        }
        Ok(())
    }

    /// Unless that has been done since the last change.
    fn compile(&self, name: &str) -> Result<()> {
        let dir = self.root.join(BASELINE);
        let (source, binary) = (dir.join(format!("{name}.c")), self.made().join(name));
        let changed = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
        if changed(&binary) > changed(&source).max(changed(&dir.join(INCLUDED))) {
            return Ok(());
        }
        let status = Command::new("gcc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&binary, &source])
            .status()
            .context("cannot run gcc")?;
        ensure!(status.success(), "gcc cannot compile {}", source.display());
        Ok(())
    }

    fn made(&self) -> PathBuf {
        self.target.join("bench")
    }

    fn bulk_file(&self) -> PathBuf {
        self.made().join("bulk.bin")
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity::in_dir(&self.made())
    }

    /// `Err` names the file that has not been built.
    pub(crate) fn program(&self, side: Side) -> Result<Program, String> {
        match side.front {
            Front::Bare => self.bare(side.talk),
            Front::C => self.existing(
                self.made().join(match side.talk {
                    Talk::Errands(_) => "tasks_c",
                    _ => "echo_c",
                }),
                self.settings(side.talk),
                sizes(1, 1),
            ),
            Front::Rust => {
                self.existing(self.target.join("release/skep-bench-tasks"), vec![], vec![])
            }
            Front::Lane => self.existing(
                self.target.join("release/examples/lane_bench"),
                vec![],
                vec![],
            ),
            Front::Table { what, processes } => {
                let mut program = self.php(true)?;
                let args = ["bench/servers/table.php", what, &processes.to_string()];
                program.args.extend(args.map(String::from));
                Ok(program)
            }
            Front::Php { reactors, workers } => {
                let mut program = self.php(true)?;
                program.args.extend(self.script(side.talk));
                program.args.extend(self.settings(side.talk));
                program.env = sizes(reactors, workers);
                Ok(program)
            }
        }
    }

    fn bare(&self, talk: Talk) -> Result<Program, String> {
        let made = |name| self.made().join(name);
        let (command, mut args) = match talk {
            Talk::Datagrams => (made("udp_echo"), vec![]),
            Talk::Bulk(Way::Send) => (made("bulk"), vec!["send".into()]),
            Talk::Bulk(Way::SendFile) => (
                made("bulk"),
                vec!["sendfile".into(), text(&self.bulk_file())],
            ),
            Talk::Tls => {
                let Identity { certificate, key } = self.identity();
                let args = vec!["0".into(), text(&certificate), text(&key)];
                let command = self.target.join("release/skep-rustls-echo");
                return self.existing(command, args, vec![]);
            }
            Talk::Plain | Talk::Frames { .. } | Talk::Dispatch(_) | Talk::Errands(_) => {
                (made("epoll_echo"), vec![])
            }
        };
        args.push("0".into());
        self.existing(command, args, vec![])
    }

    /// The PHP server and what it takes before the settings.
    fn script(&self, talk: Talk) -> Vec<String> {
        let file = text(&self.bulk_file());
        let (name, args) = match talk {
            Talk::Plain | Talk::Frames { .. } => ("echo", vec!["tcp".into()]),
            Talk::Errands(_) => ("tasks", vec![]),
            Talk::Tls => ("echo", vec!["tls".into()]),
            Talk::Datagrams => ("echo", vec!["udp".into()]),
            Talk::Bulk(Way::Send) => ("bulk", vec!["send".into()]),
            Talk::Bulk(Way::SendFile) => ("bulk", vec!["sendfile".into(), file]),
            Talk::Dispatch(_) => ("blocking", vec![]),
        };
        let mut script = vec![format!("bench/servers/{name}.php")];
        script.extend(args);
        script
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

impl Site {
    /// Beyond what every server of the benches sets.
    fn settings(&self, talk: Talk) -> Vec<String> {
        let settings: &[&str] = match talk {
            Talk::Frames { framing, .. } => match framing {
                Framing::None => &[],
                Framing::Eof => &["open_eof_split=true", "package_eof=\r\n"],
                Framing::Length => &[
                    "open_length_check=true",
                    "package_length_type=N",
                    "package_length_offset=0",
                    "package_body_offset=4",
                ],
            },
            // Told to go on while there is still something to send, as anybody in a hurry would.
            Talk::Bulk(Way::Send) => &["buffer_low_watermark=4194304", "log_level=5"],
            Talk::Tls => {
                let Identity { certificate, key } = self.identity();
                return vec![
                    format!("ssl_cert_file={}", text(&certificate)),
                    format!("ssl_key_file={}", text(&key)),
                ];
            }
            Talk::Dispatch(mode) => return vec![format!("dispatch_mode={mode}")],
            Talk::Plain | Talk::Datagrams | Talk::Errands(_) | Talk::Bulk(Way::SendFile) => &[],
        };
        settings.iter().map(|s| (*s).to_string()).collect()
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn sizes(reactors: usize, workers: usize) -> Vec<(&'static str, String)> {
    vec![
        ("SKEP_REACTORS", reactors.to_string()),
        ("SKEP_WORKERS", workers.to_string()),
        ("PORT", "0".to_string()),
    ]
}
