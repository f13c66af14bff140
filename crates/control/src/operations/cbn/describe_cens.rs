//! `DescribeCens`: lists the Cloud Enterprise Network instances.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::resource::cen::{Cen, CenView};
use crate::resource::tag::{self, TagFilter};
use crate::tx::Tx;

/// See the module.
pub struct DescribeCens;

/// Lists the instances that all filters let through, the oldest first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Only those that match all of these.
    #[serde(default)]
    pub filter: Vec<Filter>,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// Only those of this resource group.
    #[serde(default, deserialize_with = "optional")]
    pub resource_group_id: Option<String>,
    /// Only those with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,
}

/// A filter: the instance has one of the values.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct Filter {
    /// What is compared.
    pub key: FilterKey,
    /// With what: one of these.
    #[serde(default)]
    pub value: Vec<String>,
}

/// What an instance can be found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum FilterKey {
    /// Its id.
    CenId,
    /// Its name.
    Name,
}

/// How many filters a request may have, and values a filter.
const FILTERS_MAX: usize = 5;

impl Filter {
    fn matches(&self, cen: &Cen) -> bool {
        let own = match self.key {
            FilterKey::CenId => cen.id.as_str(),
            FilterKey::Name => cen.name.as_str(),
        };
        self.value.iter().any(|value| value == own)
    }
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    cens: CenListView,
    page_number: i32,
    page_size: i32,
    total_count: i32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct CenListView {
    cen: Vec<CenView>,
}

impl Operation for DescribeCens {
    const NAME: &'static str = "DescribeCens";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("cen:DescribeCens", Target::Cens)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let too_many = request.filter.iter().any(|filter| filter.value.len() > FILTERS_MAX);
        if too_many || request.filter.len() > FILTERS_MAX {
            let expected = format!("at most {FILTERS_MAX} filters of at most {FILTERS_MAX} values");
            return Err(ApiError::invalid("Filter", expected));
        }
        let wanted = |cen: &&Cen| {
            request.filter.iter().all(|filter| filter.matches(cen))
                && request.resource_group_id.as_ref().is_none_or(|group| *group == cen.resource_group_id)
                && tag::matches(&cen.tags, &request.tag)
        };
        let page = Page::new(request.page_number, request.page_size);
        let (cens, total_count) = page.of(tx.state().cens().filter(wanted));
        Ok(Response {
            cens: CenListView { cen: cens.into_iter().map(CenView::from).collect() },
            page_number: page.number(),
            page_size: page.size(),
            total_count,
        })
    }
}
