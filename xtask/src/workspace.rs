//! The workspace: where it is and what is in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The workspace that this program was built from.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    packages: Vec<Package>,
}

/// A package, ours or one we depend on.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// A member of the workspace.
    pub(crate) ours: bool,
    /// The names of what it depends on, other than for its tests.
    pub(crate) dependencies: Vec<String>,
    /// Names and main files of its integration tests.
    pub(crate) tests: Vec<(String, PathBuf)>,
}

impl Workspace {
    /// Asks cargo about the workspace.
    pub(crate) fn open() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is not in a workspace")?;
        Self::at(root.to_owned())
    }

    /// The workspace of the fuzz targets, inside this one.
    pub(crate) fn fuzz(&self) -> Result<Self> {
        Self::at(self.root.join("fuzz"))
    }

    fn at(root: PathBuf) -> Result<Self> {
        let output = Command::new(cargo())
            .args(["metadata", "--format-version", "1", "--all-features"])
            .current_dir(&root)
            .output()
            .context("running cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
        let target = PathBuf::from(metadata["target_directory"].as_str().context("no target directory")?);
        let members = metadata["workspace_members"].as_array().context("no workspace members")?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let packages =
            packages.iter().map(|package| Package::read(package, members.contains(&package["id"])));
        Ok(Self { root, target, packages: packages.collect::<Option<_>>().context("reading a package")? })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo builds to.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    pub(crate) fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The built program `name` of a profile's folder.
    pub(crate) fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(name)
    }

    /// A cargo command in the workspace.
    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = Command::new(cargo());
        command.args(arguments).current_dir(&self.root);
        command
    }
}

impl Package {
    fn read(package: &Value, ours: bool) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let dependencies = package["dependencies"].as_array()?.iter();
        let dependencies = dependencies.filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        let targets = package["targets"].as_array()?.iter();
        let tests = targets.filter(|target| target["kind"][0] == "test");
        Some(Self {
            name: text(&package["name"])?,
            version: text(&package["version"])?,
            license: text(&package["license"]),
            ours,
            dependencies: dependencies.filter_map(|dependency| text(&dependency["name"])).collect(),
            tests: tests
                .filter_map(|test| Some((text(&test["name"])?, text(&test["src_path"])?.into())))
                .collect(),
        })
    }
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
