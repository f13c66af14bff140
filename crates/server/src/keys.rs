//! `causeway keys`: RAM users, roles, their AccessKeys and their policies, through the API (products Ram and Sts).
//!
//! Each command is one operation and prints its answer as JSON. An AccessKey's secret is shown once, when
//! it is made.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::DataFolder;
use crate::client::{Client, Credentials, RAM, STS};

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
    /// Make a role that the users of the account can assume, or only those that are named.
    CreateRole {
        /// The role's name.
        name: String,
        /// A user who can assume it; may be given several times.
        #[arg(long, value_name = "USER")]
        trust: Vec<String>,
    },
    /// Delete a role that has no policies; its sessions end.
    DeleteRole {
        /// The role's name.
        name: String,
    },
    /// List the roles.
    ListRoles,
    /// Assume a role as the user whose AccessKey is in the environment, and print the session's AccessKey and token.
    AssumeRole {
        /// The role's name.
        name: String,
        /// What the session is called.
        #[arg(long, default_value = "causeway-keys")]
        session: String,
        /// How long it lives, in seconds.
        #[arg(long)]
        seconds: Option<u32>,
        #[command(flatten)]
        as_user: UserKey,
    },
    /// Make a policy of a file and attach it to a user or a role.
    AttachPolicy {
        #[command(flatten)]
        to: Principal,
        /// The RAM policy, JSON.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// The policy's name; the file's name without its ending otherwise.
        #[arg(long)]
        name: Option<String>,
    },
    /// Detach a policy from a user or a role, and delete it.
    DetachPolicy {
        #[command(flatten)]
        from: Principal,
        /// The policy's name.
        #[arg(long)]
        name: String,
    },
    /// List the policies of a user or a role.
    ListPolicies {
        #[command(flatten)]
        of: Principal,
    },
}

/// A user or a role.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Principal {
    /// The user.
    #[arg(long)]
    user: Option<String>,
    /// The role.
    #[arg(long)]
    role: Option<String>,
}

/// The AccessKey of a user, where the SDKs look for it. The account itself cannot assume a role.
#[derive(Debug, clap::Args)]
struct UserKey {
    /// The id of the user's AccessKey.
    #[arg(long, env = "ALIBABA_CLOUD_ACCESS_KEY_ID", value_name = "ID")]
    access_key_id: String,
}

/// The variable that holds the secret of the user's AccessKey. It is no argument, which everybody could see.
const SECRET_VARIABLE: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";

/// Calls the operation and prints its answer.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let credentials = Credentials::load(&arguments.data.path())?;
    let answer = carry_out(credentials, &arguments.command)?;
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(ExitCode::SUCCESS)
}

fn carry_out(credentials: Credentials, command: &Command) -> Result<Value> {
    let client = &Client::new(credentials.clone());
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
        Command::CreateRole { name, trust } => {
            let trust = trust_policy(&credentials.account_id, trust).to_string();
            let role = [("RoleName", name.as_str()), ("AssumeRolePolicyDocument", &trust)];
            client.call(RAM, "CreateRole", &role)
        }
        Command::DeleteRole { name } => client.call(RAM, "DeleteRole", &[("RoleName", name)]),
        Command::ListRoles => client.call(RAM, "ListRoles", &[]),
        Command::AssumeRole { name, session, seconds, as_user } => {
            assume_role(credentials, (name, session), *seconds, as_user)
        }
        Command::AttachPolicy { to, file, name } => attach_policy(client, to, file, name.as_deref()),
        Command::DetachPolicy { from, name } => {
            let policy = [("PolicyType", "Custom"), ("PolicyName", name.as_str()), from.parameter()];
            client.call(RAM, from.operation("DetachPolicyFromUser", "DetachPolicyFromRole"), &policy)?;
            client.call(RAM, "DeletePolicy", &[("PolicyName", name)])
        }
        Command::ListPolicies { of } => {
            client.call(RAM, of.operation("ListPoliciesForUser", "ListPoliciesForRole"), &[of.parameter()])
        }
    }
}

impl Principal {
    fn operation(&self, of_user: &'static str, of_role: &'static str) -> &'static str {
        if self.role.is_some() { of_role } else { of_user }
    }

    fn parameter(&self) -> (&str, &str) {
        match (&self.user, &self.role) {
            (_, Some(role)) => ("RoleName", role),
            (user, None) => ("UserName", user.as_deref().unwrap_or_default()),
        }
    }
}

fn attach_policy(client: &Client, to: &Principal, file: &Path, name: Option<&str>) -> Result<Value> {
    let document =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let name = name.or(stem).context("the policy has no name; give one with --name")?;
    client.call(RAM, "CreatePolicy", &[("PolicyName", name), ("PolicyDocument", &document)])?;
    let policy = [("PolicyType", "Custom"), ("PolicyName", name), to.parameter()];
    client.call(RAM, to.operation("AttachPolicyToUser", "AttachPolicyToRole"), &policy)
}

/// Trusts all users of the account, or those that are named.
fn trust_policy(account: &str, users: &[String]) -> Value {
    let everybody = vec![format!("acs:ram::{account}:root")];
    let named: Vec<String> = users.iter().map(|user| format!("acs:ram::{account}:user/{user}")).collect();
    let principals = if named.is_empty() { everybody } else { named };
    json!({
        "Version": "1",
        "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "RAM": principals } }],
    })
}

fn assume_role(
    credentials: Credentials,
    (role, session): (&str, &str),
    seconds: Option<u32>,
    as_user: &UserKey,
) -> Result<Value> {
    let secret = std::env::var(SECRET_VARIABLE)
        .with_context(|| format!("{SECRET_VARIABLE} must hold the secret of the user's AccessKey"))?;
    let arn = format!("acs:ram::{}:role/{role}", credentials.account_id);
    let client = Client::new(Credentials {
        access_key_id: as_user.access_key_id.clone(),
        access_key_secret: secret,
        ..credentials
    });
    let seconds = seconds.map(|seconds| seconds.to_string());
    let mut parameters = vec![("RoleArn", arn.as_str()), ("RoleSessionName", session)];
    parameters.extend(seconds.as_deref().map(|seconds| ("DurationSeconds", seconds)));
    let answer = client.call(STS, "AssumeRole", &parameters)?;
    Ok(answer.get("Credentials").cloned().unwrap_or(answer))
}

fn of_user(user: Option<&str>) -> Vec<(&str, &str)> {
    user.map(|user| ("UserName", user)).into_iter().collect()
}
