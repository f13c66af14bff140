//! The diagnoses of VPN gateways.

use crate::ids::{DiagnoseId, VpnGatewayId};
use crate::resource::diagnosis::Diagnosis;
use crate::state::AccountState;

impl AccountState {
    /// A diagnosis.
    pub fn diagnosis(&self, id: &DiagnoseId) -> Option<&Diagnosis> {
        self.diagnoses.get(id)
    }

    /// The diagnoses that are kept, the oldest first.
    pub fn diagnoses(&self) -> impl DoubleEndedIterator<Item = &Diagnosis> {
        self.diagnoses.iter_of(&())
    }

    /// The latest diagnosis of a VPN gateway that is kept.
    pub fn latest_diagnosis_of(&self, id: &VpnGatewayId) -> Option<&Diagnosis> {
        self.diagnoses().rev().find(|diagnosis| diagnosis.vpn_gateway_id == *id)
    }

    /// How many diagnoses are kept.
    pub fn diagnosis_count(&self) -> usize {
        self.diagnoses.len()
    }

    pub(super) fn put_diagnosis(&mut self, diagnosis: Diagnosis) {
        let order = i64::try_from(diagnosis.revision).unwrap_or(i64::MAX);
        self.diagnoses.put((), diagnosis.id.clone(), order, diagnosis);
    }
}
