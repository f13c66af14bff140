//! `causeway keys`: RAM users, their AccessKeys and their policies, through the API (product Ram).
//!
//! Each command is one operation and prints its answer as JSON. An AccessKey's secret is shown once, when
//! it is made.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::DataFolder;
use crate::client::{Client, Credentials, RAM};

/// What `causeway keys` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    data: DataFolder,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a RAM user.
    CreateUser {
        /// The user's name.
        name: String,
    },
    /// Delete a RAM user who has neither AccessKeys nor policies.
    DeleteUser {
        /// The user's name.
        name: String,
    },
    /// List the RAM users.
    ListUsers,
    /// Make an AccessKey; without --user, one of the account itself.
    CreateAccessKey {
        /// The user.
        #[arg(long)]
        user: Option<String>,
    },
    /// List the AccessKeys; without --user, those of the account itself.
    ListAccessKeys {
        /// The user.
        #[arg(long)]
        user: Option<String>,
    },
    /// Delete an AccessKey.
    DeleteAccessKey {
        /// The AccessKey's id.
        id: String,
        /// The user; without it, the account itself.
        #[arg(long)]
        user: Option<String>,
    },
    /// Switch an AccessKey on or off.
    SetAccessKey {
        /// The AccessKey's id.
        id: String,
        /// Whether it may be used.
        #[arg(value_parser = ["Active", "Inactive"])]
        status: String,
        /// The user; without it, the account itself.
        #[arg(long)]
        user: Option<String>,
    },
    /// Make a policy of a file and attach it to a user.
    AttachPolicy {
        /// The user.
        #[arg(long)]
        user: String,
        /// The RAM policy, JSON.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// The policy's name; the file's name without its ending otherwise.
        #[arg(long)]
        name: Option<String>,
    },
    /// Detach a policy from a user, and delete it.
    DetachPolicy {
        /// The user.
        #[arg(long)]
        user: String,
        /// The policy's name.
        #[arg(long)]
        name: String,
    },
    /// List the policies of a user.
    ListPolicies {
        /// The user.
        #[arg(long)]
        user: String,
    },
}

/// Calls the operation and prints its answer.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let client = Client::new(Credentials::load(&arguments.data.path())?);
    let answer = carry_out(&client, &arguments.command)?;
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(ExitCode::SUCCESS)
}

fn carry_out(client: &Client, command: &Command) -> Result<Value> {
    match command {
        Command::CreateUser { name } => client.call(RAM, "CreateUser", &[("UserName", name)]),
        Command::DeleteUser { name } => client.call(RAM, "DeleteUser", &[("UserName", name)]),
        Command::ListUsers => client.call(RAM, "ListUsers", &[]),
        Command::CreateAccessKey { user } => {
            // The key itself is what is wanted, not the envelope around it.
            let answer = client.call(RAM, "CreateAccessKey", &of_user(user.as_deref()))?;
            Ok(answer.get("AccessKey").cloned().unwrap_or(answer))
        }
        Command::ListAccessKeys { user } => client.call(RAM, "ListAccessKeys", &of_user(user.as_deref())),
        Command::DeleteAccessKey { id, user } => {
            let key = [("UserAccessKeyId", id.as_str())];
            client.call(RAM, "DeleteAccessKey", &[&key[..], &of_user(user.as_deref())].concat())
        }
        Command::SetAccessKey { id, status, user } => {
            let key = [("UserAccessKeyId", id.as_str()), ("Status", status.as_str())];
            client.call(RAM, "UpdateAccessKey", &[&key[..], &of_user(user.as_deref())].concat())
        }
        Command::AttachPolicy { user, file, name } => attach_policy(client, user, file, name.as_deref()),
        Command::DetachPolicy { user, name } => {
            let policy =
                [("PolicyType", "Custom"), ("PolicyName", name.as_str()), ("UserName", user.as_str())];
            client.call(RAM, "DetachPolicyFromUser", &policy)?;
            client.call(RAM, "DeletePolicy", &[("PolicyName", name)])
        }
        Command::ListPolicies { user } => client.call(RAM, "ListPoliciesForUser", &[("UserName", user)]),
    }
}

fn attach_policy(client: &Client, user: &str, file: &Path, name: Option<&str>) -> Result<Value> {
    let document =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let name = name.or(stem).context("the policy has no name; give one with --name")?;
    client.call(RAM, "CreatePolicy", &[("PolicyName", name), ("PolicyDocument", &document)])?;
    client.call(
        RAM,
        "AttachPolicyToUser",
        &[("PolicyType", "Custom"), ("PolicyName", name), ("UserName", user)],
    )
}

fn of_user(user: Option<&str>) -> Vec<(&str, &str)> {
    user.map(|user| ("UserName", user)).into_iter().collect()
}
