//! What the operations that describe the tunnels of a connection have in common.

use crate::catalogue;
use crate::error::ApiError;
use crate::ids::{CustomerGatewayId, RegionId};
use crate::resource::bgp_config::BgpOptions;
use crate::resource::ike_config::IkeOptions;
use crate::resource::ipsec_config::IpsecOptions;
use crate::resource::tunnel::{self, Tunnel};
use crate::tx::Tx;

/// What the parameters beside `TunnelOptionsSpecification` say about the one tunnel of a connection in the older
/// form.
#[derive(Debug, Default)]
pub struct SingleTunnelOptions {
    /// `CustomerGatewayId`.
    pub customer_gateway_id: Option<CustomerGatewayId>,
    /// `IkeConfig`.
    pub ike: Option<IkeOptions>,
    /// `IpsecConfig`.
    pub ipsec: Option<IpsecOptions>,
    /// `BgpConfig`.
    pub bgp: Option<BgpOptions>,
    /// `EnableDpd`.
    pub enable_dpd: Option<bool>,
    /// `EnableNatTraversal`.
    pub enable_nat_traversal: Option<bool>,
}

impl SingleTunnelOptions {
    /// Takes over what was sent.
    ///
    /// # Errors
    ///
    /// `InvalidBgpConfig`.
    pub fn change(self, tunnel: &mut Tunnel) -> Result<(), ApiError> {
        if let Some(id) = self.customer_gateway_id {
            tunnel.customer_gateway_id = id;
        }
        if let Some(ike) = self.ike {
            tunnel.ike = ike.over(tunnel.ike.clone());
        }
        if let Some(ipsec) = self.ipsec {
            tunnel.ipsec = ipsec.over(tunnel.ipsec.clone());
        }
        if let Some(bgp) = self.bgp {
            tunnel.bgp = bgp.session().over(tunnel.bgp.clone());
            tunnel.bgp.check("BgpConfig.LocalBgpIp")?;
        }
        tunnel.enable_dpd = self.enable_dpd.unwrap_or(tunnel.enable_dpd);
        tunnel.enable_nat_traversal = self.enable_nat_traversal.unwrap_or(tunnel.enable_nat_traversal);
        Ok(())
    }

    /// Refuses parameters that would have no effect on a connection of two tunnels.
    ///
    /// # Errors
    ///
    /// `Invalid{ParameterName}`.
    pub fn must_not_describe_one(&self) -> Result<(), ApiError> {
        let there = [
            ("CustomerGatewayId", self.customer_gateway_id.is_some()),
            ("IkeConfig", self.ike.is_some()),
            ("IpsecConfig", self.ipsec.is_some()),
            ("BgpConfig", self.bgp.is_some()),
        ];
        match there.into_iter().find(|(_, there)| *there) {
            Some((name, _)) => Err(ApiError {
                field: Some(name.into()),
                ..ApiError::new(&catalogue::INVALID_PARAMETER).detail(format!(
                    "{name} describes a connection of one tunnel; this one has two, each of which is described in {}.",
                    tunnel::PARAMETER
                ))
            }),
            None => Ok(()),
        }
    }
}

/// Refuses tunnels to peers that do not exist in the region.
///
/// # Errors
///
/// `InvalidCustomerGatewayInstanceId.NotFound`.
pub fn check_peers(tx: &Tx<'_>, region: &RegionId, tunnels: &[Tunnel]) -> Result<(), ApiError> {
    for tunnel in tunnels {
        let id = &tunnel.customer_gateway_id;
        tx.customer_gateway(region, id)
            .map_err(|refusal| refusal.detail(format!("There is no {id} in {region}.")))?;
    }
    Ok(())
}
