//! What the operations that make or change a connection have in common: its tunnels, and the networks behind them.

use ipnet::Ipv4Net;

use crate::catalogue;
use crate::error::ApiError;
use crate::ids::{CustomerGatewayId, IdSource, RegionId};
use crate::resource::bgp_config::BgpOptions;
use crate::resource::ike_config::IkeOptions;
use crate::resource::ipsec_config::IpsecOptions;
use crate::resource::tunnel::{self, Tunnel, TunnelOptions};
use crate::resource::vpn_connection::VpnConnection;
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

/// What a request says about tunnels: about the one, or in `TunnelOptionsSpecification` about two.
#[derive(Debug, Default)]
pub struct TunnelParameters {
    /// What the parameters beside `TunnelOptionsSpecification` say. `EnableDpd` and `EnableNatTraversal` count for two tunnels
    /// as well, where a tunnel does not say it itself.
    pub single: SingleTunnelOptions,
    /// `TunnelOptionsSpecification`.
    pub two: Vec<TunnelOptions>,
}

impl TunnelParameters {
    /// The tunnels that are asked for: two, each of which `tunnel` makes with its defaults, or one in the older form.
    ///
    /// # Errors
    ///
    /// What is wrong, with the name of the parameter or member.
    pub fn create(
        mut self,
        tunnel: fn(u8, CustomerGatewayId, &mut IdSource) -> Tunnel,
        ids: &mut IdSource,
    ) -> Result<Vec<Tunnel>, ApiError> {
        if self.two.is_empty() {
            let Some(peer) = self.single.customer_gateway_id.clone() else {
                return Err(ApiError::missing("CustomerGatewayId"));
            };
            let mut tunnel = Tunnel::of_vpn_gateway(1, peer, ids);
            self.single.change(&mut tunnel)?;
            return Ok(vec![tunnel]);
        }
        self.single.must_not_describe_one()?;
        for options in &mut self.two {
            options.enable_dpd = options.enable_dpd.or(self.single.enable_dpd);
            options.enable_nat_traversal = options.enable_nat_traversal.or(self.single.enable_nat_traversal);
        }
        tunnel::two(self.two, tunnel, ids)
    }

    /// Changes the tunnels that there are.
    ///
    /// # Errors
    ///
    /// What is wrong, with the name of the parameter or member.
    pub fn change(self, tunnels: &mut [Tunnel]) -> Result<(), ApiError> {
        if let [tunnel] = tunnels {
            if !self.two.is_empty() {
                let expected =
                    "nothing, because the connection has one tunnel, described in IkeConfig and IpsecConfig";
                return Err(ApiError::invalid(tunnel::PARAMETER, expected));
            }
            return self.single.change(tunnel);
        }
        self.single.must_not_describe_one()?;
        for tunnel in tunnels.iter_mut() {
            tunnel.enable_dpd = self.single.enable_dpd.unwrap_or(tunnel.enable_dpd);
            tunnel.enable_nat_traversal =
                self.single.enable_nat_traversal.unwrap_or(tunnel.enable_nat_traversal);
        }
        tunnel::change(tunnels, self.two)
    }
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

/// Refuses networks that lie on both sides of a connection, or twice on one. 0.0.0.0/0 stands for whatever routes say.
///
/// # Errors
///
/// `IllegalParam.LocalSubnet` or `IllegalParam.RemoteSubnet`, with the two that overlap.
pub fn check_subnets(local: &[Ipv4Net], remote: &[Ipv4Net]) -> Result<(), ApiError> {
    must_not_overlap("LocalSubnet", pairs(local))?;
    must_not_overlap("RemoteSubnet", pairs(remote))?;
    let both_sides = remote.iter().flat_map(|one| local.iter().map(move |other| (*one, *other)));
    must_not_overlap(
        "RemoteSubnet",
        both_sides.filter(|(one, other)| one.prefix_len() > 0 && other.prefix_len() > 0),
    )
}

fn pairs(nets: &[Ipv4Net]) -> impl Iterator<Item = (Ipv4Net, Ipv4Net)> {
    nets.iter().enumerate().flat_map(|(at, one)| nets[at + 1..].iter().map(move |other| (*one, *other)))
}

fn must_not_overlap(
    field: &str,
    mut pairs: impl Iterator<Item = (Ipv4Net, Ipv4Net)>,
) -> Result<(), ApiError> {
    let overlap = |one: Ipv4Net, other: Ipv4Net| one.contains(&other) || other.contains(&one);
    match pairs.find(|(one, other)| overlap(*one, *other)) {
        Some((one, other)) => {
            let expected = format!("networks that do not overlap; {one} and {other} do");
            Err(ApiError::invalid(field, expected).value(one.to_string()))
        }
        None => Ok(()),
    }
}

/// Refuses a link network (`TunnelCidr`) that another tunnel of the same forwarding domain has.
///
/// # Errors
///
/// `InvalidTunnelOptionsSpecification` or `InvalidBgpConfig`, with the connection that has it.
pub fn check_tunnel_cidrs(tx: &Tx<'_>, connection: &VpnConnection) -> Result<(), ApiError> {
    let own: Vec<Ipv4Net> = connection.tunnels.iter().filter_map(|tunnel| tunnel.bgp.tunnel_cidr).collect();
    if own.is_empty() {
        return Ok(());
    }
    let field = match connection.single_tunnel() {
        Some(_) => "BgpConfig.TunnelCidr".to_owned(),
        None => format!("{}.TunnelBgpConfig.TunnelCidr", tunnel::PARAMETER),
    };
    if let [one, other] = own.as_slice()
        && one == other
    {
        return Err(ApiError::invalid(
            &field,
            format!("a link network of its own for each tunnel; {one} is there twice"),
        ));
    }
    let domain = connection.domain_owner();
    let neighbours = tx
        .state()
        .vpn_connections(&connection.region)
        .filter(|other| other.id != connection.id && domain.is_some() && other.domain_owner() == domain);
    for neighbour in neighbours {
        let taken = neighbour.tunnels.iter().filter_map(|tunnel| tunnel.bgp.tunnel_cidr);
        if let Some(cidr) = taken.into_iter().find(|cidr| own.contains(cidr)) {
            return Err(ApiError::invalid(
                &field,
                format!("a link network that is free; {} has {cidr}", neighbour.id),
            ));
        }
    }
    Ok(())
}
