//! `portcullis user`: people who sign in.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Global,
    ago::{ago, ago_or, date, timestamp},
    danger::Danger,
    desk::Desk,
    failure::{Failure, Outcome},
    find,
    output::{self, Facts, counted},
    password,
    table::Table,
};
use crate::{
    entropy,
    events::Step,
    login::account_name,
    protocol::vocabulary::Subject,
    serve,
    store::{About, NewUser, Revocation, User},
};

/// The subcommands of `user`.
#[derive(Debug, Subcommand)]
pub(super) enum Users {
    /// Make an account
    ///
    /// The password is asked for, without echo, or read from a line of standard input.
    #[command(after_help = "Examples:\n  portcullis user add ada\n  \
        pass show ada | portcullis user add ada --email ada@example.com --password-stdin")]
    Add(Add),
    /// List all accounts, newest first
    #[command(after_help = "Examples:\n  portcullis user list\n  portcullis user list --json")]
    List,
    /// Show one account
    #[command(after_help = "Examples:\n  portcullis user show ada\n  portcullis user show ada@example.com --json")]
    Show {
        /// Their name, e-mail address or id
        user: String,
    },
    /// Change a password; ends the person's sessions
    ///
    /// Apps stay connected. Where somebody else may have known the password, end with `--end-grants` what was allowed with it.
    #[command(after_help = "Examples:\n  portcullis user passwd ada\n  portcullis user passwd ada --end-grants\n  \
        pass show ada | portcullis user passwd ada --password-stdin")]
    Passwd {
        /// Their name, e-mail address or id
        user: String,
        /// Read the password from a line of standard input
        #[arg(long)]
        password_stdin: bool,
        /// Also revoke all that they allowed to apps
        #[arg(long)]
        end_grants: bool,
    },
    /// Shut an account out, and end all it allowed
    ///
    /// Ends the person's sessions and revokes what they allowed to apps. Nothing is deleted: `portcullis user enable` lets them sign in again.
    #[command(after_help = "Examples:\n  portcullis user disable ada --dry-run\n  portcullis user disable ada --yes")]
    Disable {
        /// Their name, e-mail address or id
        user: String,
        #[command(flatten)]
        danger: Danger,
    },
    /// Let a disabled account sign in again
    #[command(after_help = "Examples:\n  portcullis user enable ada\n  portcullis user enable ada --json")]
    Enable {
        /// Their name, e-mail address or id
        user: String,
    },
}

/// Who gets an account.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// What they sign in with
    name: String,
    /// Works for signing in as well
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Read the password from a line of standard input
    #[arg(long)]
    password_stdin: bool,
}

/// An account, for programs.
#[derive(Debug, Serialize)]
struct Record<'a> {
    id: &'a str,
    name: &'a str,
    email: Option<&'a str>,
    created_at: String,
    last_signed_in_at: Option<String>,
    disabled_at: Option<String>,
}

impl<'a> Record<'a> {
    fn of(user: &'a User) -> Self {
        Self {
            id: &user.id,
            name: &user.name,
            email: user.email.as_deref(),
            created_at: timestamp(user.created_at),
            last_signed_in_at: user.last_signed_in_at.map(timestamp),
            disabled_at: user.disabled_at.map(timestamp),
        }
    }
}

impl Users {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        match self {
            Self::Add(add) => Desk::change(global, async |desk| add.run(desk).await),
            Self::List => Desk::look(global, list),
            Self::Show { user } => Desk::look(global, async |desk| show(desk, user).await),
            Self::Passwd { user, password_stdin, end_grants } => {
                Desk::look(global, async |desk| passwd(desk, user, *password_stdin, *end_grants).await)
            }
            Self::Disable { user, danger } => Desk::look(global, async |desk| disable(desk, user, *danger).await),
            Self::Enable { user } => Desk::look(global, async |desk| enable(desk, user).await),
        }
    }
}

impl Add {
    async fn run(&self, desk: &Desk) -> Outcome {
        let name = self.name.trim();
        account_name::judge(name).map_err(|fault| Failure::Usage(fault.to_string()))?;
        let email = self.email.as_deref().map(str::trim);
        if let Some(email) = email {
            account_name::judge_email(email).map_err(|fault| Failure::Usage(fault.to_string()))?;
        }
        let password_hash = password::hashed(name, self.password_stdin).await?;
        let id = Subject::person(entropy::identifier(desk.now)?).to_string();
        let new = NewUser { id, name: name.to_owned(), email: email.map(str::to_owned), password_hash };
        desk.store.add_user(&new, desk.now).await?.map_err(|taken| Failure::Refused(format!("{name} was not added: {taken}")))?;
        desk.did(Step::UserAdded, about(&new.id, None)).await?;
        serve::remove_setup_link(&desk.config)?;
        let user = desk.store.user(&new.id).await?.ok_or_else(|| Failure::Failed(anyhow::anyhow!("{name} was removed at once")))?;
        desk.output.show(&Record::of(&user), &format!("Added {name}, who can sign in at {}", desk.config.issuer))
    }
}

/// What an event says of an account, and of what ended with it.
fn about(user_id: &str, ended: Option<Revocation>) -> About {
    let reason = ended.map(|ended| format!("{} revoked", output::ended(ended)));
    About { user_id: Some(user_id.to_owned()), reason, ..About::default() }
}

async fn list(desk: &Desk) -> Outcome {
    let users = desk.store.users().await?;
    let records: Vec<_> = users.iter().map(Record::of).collect();
    let mut table = Table::new(["name", "e-mail", "added", "signed in", "state"]);
    for user in &users {
        table.row([
            user.name.clone(),
            user.email.clone().unwrap_or_default(),
            ago(user.created_at, desk.now),
            ago_or(user.last_signed_in_at, "never", desk.now),
            state(user).to_owned(),
        ]);
    }
    desk.output.list(&records, &table, users.len(), &format!("no accounts {}", desk.place()))
}

fn state(user: &User) -> &'static str {
    if user.disabled_at.is_some() { "disabled" } else { "active" }
}

async fn show(desk: &Desk, given: &str) -> Outcome {
    let user = find::user(desk, given).await?;
    let grants = desk.store.grants_of(&user.id).await?.len();
    let tokens = desk.store.personal_tokens_of(&user.id).await?.len();
    let mut facts = Facts::default();
    facts.add("name", user.name.as_str()).add_some("e-mail", user.email.clone()).add("id", user.id.as_str());
    facts.add("added", format!("{}, {}", ago(user.created_at, desk.now), date(user.created_at)));
    facts.add("signed in", ago_or(user.last_signed_in_at, "never", desk.now));
    facts.add_some("disabled", user.disabled_at.map(|since| ago(since, desk.now)));
    facts.add("allowed", counted(i128::try_from(grants).unwrap_or_default(), "grant"));
    facts.add("made", counted(i128::try_from(tokens).unwrap_or_default(), "personal token"));
    desk.output.show(&Record::of(&user), &facts.render())
}

async fn passwd(desk: &Desk, given: &str, from_stdin: bool, end_grants: bool) -> Outcome {
    let user = find::user(desk, given).await?;
    let hash = password::hashed(&user.name, from_stdin).await?;
    desk.store.set_password(&user.id, &hash).await?;
    // The sessions have ended by now, so nothing new is allowed while the old ends.
    let ended = if end_grants { Some(desk.store.revoke_grants_of_user(&user.id, "the password was reset", desk.now).await?) } else { None };
    desk.did(Step::UserPassword, about(&user.id, ended)).await?;
    let grants = ended.map(|ended| format!(", and revoked {}", output::ended(ended))).unwrap_or_default();
    desk.output.show(&Record::of(&user), &format!("Changed the password of {} and ended their sessions{grants}", user.name))
}

async fn disable(desk: &Desk, given: &str, danger: Danger) -> Outcome {
    let user = find::user(desk, given).await?;
    let grants = u64::try_from(desk.store.grants_of(&user.id).await?.len()).unwrap_or_default();
    let personal_tokens = u64::try_from(desk.store.personal_tokens_of(&user.id).await?.len()).unwrap_or_default();
    let what = format!(
        "{} can no longer sign in, their sessions end, and {} to apps {} revoked.{}",
        user.name,
        counted(grants, "grant"),
        if grants == 1 { "is" } else { "are" },
        match personal_tokens {
            0 => String::new(),
            tokens => format!(" So {} {}.", if tokens == 1 { "is" } else { "are" }, counted(tokens, "personal token")),
        },
    );
    if danger.is_taken(&what)? {
        // The personal tokens end with the account itself.
        desk.store.set_user_disabled(&user.id, Some(desk.now)).await?;
        let ended = desk.store.revoke_grants_of_user(&user.id, "the account was disabled", desk.now).await?;
        desk.did(Step::UserDisabled, about(&user.id, Some(Revocation { personal_tokens, ..ended }))).await?;
    }
    let user = desk.store.user(&user.id).await?.unwrap_or(user);
    desk.output.show(&Record::of(&user), &danger.told(&format!("Disabled {}", user.name)))
}

async fn enable(desk: &Desk, given: &str) -> Outcome {
    let user = find::user(desk, given).await?;
    desk.store.set_user_disabled(&user.id, None).await?;
    desk.did(Step::UserEnabled, about(&user.id, None)).await?;
    let user = desk.store.user(&user.id).await?.unwrap_or(user);
    desk.output.show(&Record::of(&user), &format!("{} can sign in again; apps have to ask them again", user.name))
}
