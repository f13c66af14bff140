//! The ledger: every account's state in memory, one revision ahead of the disk at the most by what is queued.
//!
//! A change is planned and applied to the head of its account under one lock, handed to the store in the
//! same order, and answered when it is durable. A read takes the head and is answered once everything it
//! saw is durable. So a read sees every change that was answered before it, and nothing that could still
//! be lost.
//!
//! When the store fails with a commit (disk full, another writer), everything planned on top of it is void:
//! the account is loaded again, and each caller whose change was queued hears that it did not happen. What it does not even
//! queue (too much waits already) concerns nobody else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use causeway_control::desired;
use causeway_control::ids::{AccessKeyId, AccountId, Secret, VpnConnectionId, VpnGatewayId};
use causeway_control::resource::vpn_gateway::VpnGateway;
use causeway_control::role_session::Sealer;
use causeway_control::state::{AccountState, Change, Record};
use causeway_store::{Commit, Image, Row, Store, StoreError, Vault, Write};
use tokio::sync::watch;

use crate::metrics::Commits;
use crate::shown::Shown;

/// Why the ledger cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row that cannot be read back.
    #[error(
        "the stored {kind} {id} of account {account} cannot be read: {reason}; restore the data folder from a backup"
    )]
    Row {
        /// Whose row it is.
        account: String,
        /// What it is.
        kind: String,
        /// Which one.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// All accounts.
pub struct Ledger {
    /// The commits so far, counted.
    pub commits: Commits,
    /// What the gateway is shown of them.
    pub shown: Shown,
    store: Arc<dyn Store>,
    vault: Vault,
    heads: RwLock<BTreeMap<AccountId, Arc<Head>>>,
    keys: RwLock<BTreeMap<AccessKeyId, AccountId>>,
}

/// One account: its state with everything planned so far, and how much of that is durable.
pub struct Head {
    state: RwLock<AccountState>,
    durable: watch::Sender<Durable>,
    vpn_gateways: Mutex<BTreeMap<VpnGatewayId, VpnGateway>>,
}

/// How far the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// Rises when queued changes were void and the account was loaded again.
    pub epoch: u64,
    /// The revision that is durable.
    pub revision: u64,
}

/// A change on its way to the disk.
pub struct Pending {
    head: Arc<Head>,
    account: AccountId,
    epoch: u64,
    touched: Vec<(VpnConnectionId, Option<u64>)>,
    touched_vpn_gateways: Vec<(VpnGatewayId, Option<VpnGateway>)>,
    keys: Vec<(AccessKeyId, bool)>,
    ticket: causeway_store::Ticket,
    submitted: Instant,
}

impl Ledger {
    /// Loads every account from the store.
    pub fn open(store: Arc<dyn Store>, vault: Vault) -> Result<Self, LedgerError> {
        let mut heads = BTreeMap::new();
        let mut keys = BTreeMap::new();
        let shown = Shown::default();
        for image in store.load()? {
            let state = restore(&image, &vault)?;
            let account = state.account_id().clone();
            keys.extend(state.access_keys().map(|key| (key.id.clone(), account.clone())));
            shown.replace(&account, desired::generations(&state));
            heads.insert(account, Arc::new(Head::new(state)));
        }
        Ok(Self {
            commits: Commits::default(),
            shown,
            store,
            vault,
            heads: RwLock::new(heads),
            keys: RwLock::new(keys),
        })
    }

    /// The accounts there are.
    pub fn accounts(&self) -> Vec<Arc<Head>> {
        read(&self.heads).values().cloned().collect()
    }

    /// One account.
    pub fn head(&self, account: &AccountId) -> Option<Arc<Head>> {
        read(&self.heads).get(account).cloned()
    }

    /// The account that an AccessKey belongs to.
    pub fn account_of(&self, key: &AccessKeyId) -> Option<AccountId> {
        read(&self.keys).get(key).cloned()
    }

    /// Begins an account: its first records are durable when this returns.
    pub async fn begin(&self, account: AccountId, records: Vec<Record>) -> Result<(), LedgerError> {
        let head = Arc::new(Head::new(AccountState::new(account.clone())));
        let pending = {
            let mut state = head.write();
            self.submit(&head, &mut state, records.into_iter().map(Change::Put).collect())
        };
        write(&self.heads).insert(account.clone(), Arc::clone(&head));
        let result = self.settle(pending).await;
        if result.is_err() {
            write(&self.heads).remove(&account);
        }
        result
    }

    /// Queues planned changes for the disk and applies them to the head. What the store does not even queue is not applied, and
    /// leaves alone what was queued before.
    pub fn submit(&self, head: &Arc<Head>, state: &mut AccountState, changes: Vec<Change>) -> Pending {
        let account = state.account_id().clone();
        let expected_revision = state.revision();
        let writes = changes.iter().map(|change| self.seal(&account, change)).collect();
        let touched = changes.iter().filter_map(touched_connection).collect();
        let touched_vpn_gateways = changes.iter().filter_map(touched_vpn_gateway).collect();
        let keys = changes.iter().filter_map(touched_key).collect();
        let commit = Commit { account: account.to_string(), expected_revision, writes };
        let epoch = head.durable.borrow().epoch;
        let submitted = Instant::now();
        let ticket = self.store.submit(commit);
        if !ticket.is_refused() {
            state.apply(&changes);
        }
        let head = Arc::clone(head);
        Pending { head, account, epoch, touched, touched_vpn_gateways, keys, ticket, submitted }
    }

    /// Waits until a change is durable, or says that it did not happen.
    pub async fn settle(&self, pending: Pending) -> Result<(), LedgerError> {
        let Pending { head, account, epoch, touched, touched_vpn_gateways, keys, ticket, submitted } =
            pending;
        let was_queued = !ticket.is_refused();
        let outcome = ticket.await;
        self.commits.settled(outcome.is_ok(), submitted.elapsed());
        match outcome {
            Ok(revision) => {
                self.shown.changed(&account, revision, touched);
                head.show_vpn_gateways(touched_vpn_gateways);
                let mut known = write(&self.keys);
                for (key, exists) in keys {
                    if exists {
                        known.insert(key, account.clone());
                    } else {
                        known.remove(&key);
                    }
                }
                drop(known);
                head.durable.send_if_modified(|durable| {
                    let ahead = durable.epoch == epoch && durable.revision < revision;
                    if ahead {
                        durable.revision = revision;
                    }
                    ahead
                });
                Ok(())
            }
            Err(error) => {
                if was_queued {
                    self.reload(&head, &account, epoch)?;
                }
                Err(error.into())
            }
        }
    }

    /// Throws away what was planned on top of a commit that failed.
    fn reload(&self, head: &Head, account: &AccountId, epoch: u64) -> Result<(), LedgerError> {
        let mut state = head.write();
        if head.durable.borrow().epoch != epoch {
            return Ok(());
        }
        let images = self.store.load()?;
        let restored = match images.iter().find(|image| image.account == account.as_str()) {
            Some(image) => restore(image, &self.vault)?,
            None => AccountState::new(account.clone()),
        };
        let revision = restored.revision();
        self.shown.replace(account, desired::generations(&restored));
        *head.lock_vpn_gateways() = stored_vpn_gateways(&restored);
        *state = restored;
        tracing::error!(%account, revision, "changes could not be stored; the account is as it was last stored");
        head.durable.send_replace(Durable { epoch: epoch + 1, revision });
        Ok(())
    }

    fn seal(&self, account: &AccountId, change: &Change) -> Write {
        match change {
            Change::Put(record) => {
                let (kind, id) = (record.kind().to_owned(), record.id());
                let place = place(account.as_str(), &kind, &id);
                let mut sealed = record.clone();
                for secret in sealed.secrets_mut() {
                    let text = self.vault.seal(secret.expose().as_bytes(), &place);
                    *secret = Secret::new(text);
                }
                Write { kind, id, value: Some(sealed.to_json()) }
            }
            Change::Delete { kind, id } => Write { kind: (*kind).to_owned(), id: id.clone(), value: None },
        }
    }
}

/// Tokens of role sessions are sealed with the same key as what is stored.
impl Sealer for Ledger {
    fn seal(&self, plain: &Secret) -> String {
        self.vault.seal(plain.expose().as_bytes(), ROLE_SESSION)
    }

    fn open(&self, sealed: &str) -> Option<Secret> {
        let plain = self.vault.open(sealed, ROLE_SESSION).ok()?;
        std::str::from_utf8(&plain).ok().map(Secret::new)
    }
}

impl Head {
    fn new(state: AccountState) -> Self {
        let durable = Durable { epoch: 0, revision: state.revision() };
        let vpn_gateways = Mutex::new(stored_vpn_gateways(&state));
        Self { durable: watch::Sender::new(durable), vpn_gateways, state: RwLock::new(state) }
    }

    /// The account with everything planned so far.
    pub fn read(&self) -> RwLockReadGuard<'_, AccountState> {
        read(&self.state)
    }

    /// The same, to plan a change.
    pub fn write(&self) -> RwLockWriteGuard<'_, AccountState> {
        write(&self.state)
    }

    /// What must be durable before what was read of this state may be told.
    pub fn seen(&self, state: &AccountState) -> Durable {
        Durable { epoch: self.durable.borrow().epoch, revision: state.revision() }
    }

    /// Waits until what was read at `seen` is durable. False: it was void, and must be read again.
    pub async fn until_durable(&self, seen: Durable) -> bool {
        let mut durable = self.durable.subscribe();
        let reached = durable
            .wait_for(|durable| durable.epoch != seen.epoch || durable.revision >= seen.revision)
            .await
            .map(|durable| durable.epoch == seen.epoch);
        reached.unwrap_or(false)
    }

    /// The durable VPN gateways, also those that were deleted and are not forgotten yet, each with its account.
    pub fn vpn_gateways(&self) -> Vec<(AccountId, VpnGateway)> {
        let gateways: Vec<_> = self.lock_vpn_gateways().values().cloned().collect();
        if gateways.is_empty() {
            return Vec::new();
        }
        let account = self.read().account_id().clone();
        gateways.into_iter().map(|gateway| (account.clone(), gateway)).collect()
    }

    /// What has become durable; of two changes, whichever is settled first, the later one stays.
    fn show_vpn_gateways(&self, touched: Vec<(VpnGatewayId, Option<VpnGateway>)>) {
        let mut shown = self.lock_vpn_gateways();
        for (id, gateway) in touched {
            match gateway {
                Some(gateway) if shown.get(&id).is_none_or(|it| it.generation <= gateway.generation) => {
                    shown.insert(id, gateway);
                }
                Some(_) => {}
                None => drop(shown.remove(&id)),
            }
        }
    }

    fn lock_vpn_gateways(&self) -> MutexGuard<'_, BTreeMap<VpnGatewayId, VpnGateway>> {
        self.vpn_gateways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn touched_connection(change: &Change) -> Option<(VpnConnectionId, Option<u64>)> {
    match change {
        Change::Put(Record::VpnConnection(connection)) => {
            Some((connection.id.clone(), connection.domain_owner().map(|_bound| connection.generation)))
        }
        Change::Delete { kind, id } if *kind == Record::VPN_CONNECTION => {
            id.parse().ok().map(|id| (id, None))
        }
        _ => None,
    }
}

fn touched_vpn_gateway(change: &Change) -> Option<(VpnGatewayId, Option<VpnGateway>)> {
    match change {
        Change::Put(Record::VpnGateway(gateway)) => {
            Some((gateway.id.clone(), Some(gateway.as_ref().clone())))
        }
        Change::Delete { kind, id } if *kind == Record::VPN_GATEWAY => id.parse().ok().map(|id| (id, None)),
        _ => None,
    }
}

fn stored_vpn_gateways(state: &AccountState) -> BTreeMap<VpnGatewayId, VpnGateway> {
    state.all_vpn_gateways().map(|gateway| (gateway.id.clone(), gateway.clone())).collect()
}

fn touched_key(change: &Change) -> Option<(AccessKeyId, bool)> {
    match change {
        Change::Put(Record::AccessKey(key)) => Some((key.id.clone(), true)),
        Change::Delete { kind, id } if *kind == Record::ACCESS_KEY => id.parse().ok().map(|id| (id, false)),
        _ => None,
    }
}

fn restore(image: &Image, vault: &Vault) -> Result<AccountState, LedgerError> {
    let wrong = |row: &Row, reason: String| LedgerError::Row {
        account: image.account.clone(),
        kind: row.kind.clone(),
        id: row.id.clone(),
        reason,
    };
    let mut records = Vec::with_capacity(image.rows.len());
    for row in &image.rows {
        let mut record =
            Record::from_json(&row.kind, &row.value).map_err(|error| wrong(row, error.to_string()))?;
        let place = place(&image.account, &row.kind, &row.id);
        for secret in record.secrets_mut() {
            let plain = vault.open(secret.expose(), &place).map_err(|error| wrong(row, error.to_string()))?;
            let text = String::from_utf8(plain.to_vec())
                .map_err(|_not_text| wrong(row, "its secret is not text".into()))?;
            *secret = Secret::new(text);
        }
        records.push(record);
    }
    let account = image.account.parse().map_err(|_malformed| {
        wrong(
            &Row { kind: "account".into(), id: image.account.clone(), value: Vec::new() },
            "not an account id".into(),
        )
    })?;
    Ok(AccountState::restore(account, image.revision, records))
}

/// Where the token of a role session belongs: with no record.
const ROLE_SESSION: &str = "role-session";

/// Where a sealed secret belongs, so that it cannot be moved to another record.
fn place(account: &str, kind: &str, id: &str) -> String {
    format!("{account}/{kind}/{id}")
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use causeway_control::ids::AccountId;
    use causeway_control::ram_user::RamUser;
    use causeway_control::state::{Change, Record};
    use causeway_store::{Commit, Image, MemoryStore, Store, StoreError, Ticket, Vault};

    use super::Ledger;

    /// A store that has no room for more while it is full.
    #[derive(Default)]
    struct Bounded {
        store: MemoryStore,
        is_full: AtomicBool,
    }

    impl Store for Bounded {
        fn load(&self) -> Result<Vec<Image>, StoreError> {
            // What is queued before a refusal need not be on the disk when somebody hears of the refusal.
            Ok(Vec::new())
        }

        fn submit(&self, commit: Commit) -> Ticket {
            match self.is_full.load(Ordering::Relaxed) {
                true => Ticket::refused(StoreError::Overloaded { commits: 1, bytes: 1 }),
                false => self.store.submit(commit),
            }
        }
    }

    fn user(name: &str) -> Vec<Change> {
        let user = RamUser::new(name.to_owned(), "200000000000000001".to_owned(), 0);
        vec![Change::Put(Record::RamUser(user))]
    }

    #[tokio::test]
    async fn what_the_store_does_not_queue_leaves_alone_what_was_queued_before() {
        let store = Arc::new(Bounded::default());
        let ledger = Ledger::open(store.clone(), Vault::ephemeral().unwrap()).unwrap();
        let account: AccountId = "1234567890123456".parse().unwrap();
        ledger.begin(account.clone(), Vec::new()).await.unwrap();
        let head = ledger.head(&account).unwrap();
        let queued = ledger.submit(&head, &mut head.write(), user("first"));
        store.is_full.store(true, Ordering::Relaxed);
        let refused = ledger.submit(&head, &mut head.write(), user("second"));
        ledger.settle(refused).await.unwrap_err();
        ledger.settle(queued).await.unwrap();
        let names = |names: &[&str]| {
            let state = head.read();
            assert_eq!(state.ram_users().map(|user| user.name.as_str()).collect::<Vec<_>>(), names);
            head.seen(&state)
        };
        let seen = names(&["first"]);
        assert!(head.until_durable(seen).await);
        store.is_full.store(false, Ordering::Relaxed);
        let next = ledger.submit(&head, &mut head.write(), user("third"));
        ledger.settle(next).await.unwrap();
        names(&["first", "third"]);
    }
}
