//! Who may do what in an account.

use crate::access_key::AccessKey;
use crate::ids::AccessKeyId;
use crate::ram_policy::RamPolicy;
use crate::ram_role::RamRole;
use crate::ram_user::RamUser;
use crate::state::AccountState;

impl AccountState {
    /// A RAM user.
    pub fn ram_user(&self, name: &str) -> Option<&RamUser> {
        self.ram_users.get(name)
    }

    /// All RAM users, by name.
    pub fn ram_users(&self) -> impl ExactSizeIterator<Item = &RamUser> {
        self.ram_users.values()
    }

    /// A RAM policy that the account made.
    pub fn ram_policy(&self, name: &str) -> Option<&RamPolicy> {
        self.ram_policies.get(name)
    }

    /// All RAM policies that the account made, by name.
    pub fn ram_policies(&self) -> impl ExactSizeIterator<Item = &RamPolicy> {
        self.ram_policies.values()
    }

    /// A RAM role.
    pub fn ram_role(&self, name: &str) -> Option<&RamRole> {
        self.ram_roles.get(name)
    }

    /// All RAM roles, by name.
    pub fn ram_roles(&self) -> impl ExactSizeIterator<Item = &RamRole> {
        self.ram_roles.values()
    }

    /// An AccessKey.
    pub fn access_key(&self, id: &AccessKeyId) -> Option<&AccessKey> {
        self.access_keys.get(id)
    }

    /// All AccessKeys, by id.
    pub fn access_keys(&self) -> impl Iterator<Item = &AccessKey> {
        self.access_keys.values()
    }
}
