//! Tags: keys with values that their owner gives to resources.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::ApiError;
use crate::fields::{TagKey, TagValue};

/// How many tags a resource may have, and a request may name.
pub const TAGS_MAX: usize = 20;

/// The tags of a resource, by key.
pub type Tags = BTreeMap<String, String>;

/// One tag, as a client sends it to create it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct TagOption {
    /// The key.
    pub key: TagKey,
    /// The value; empty when absent.
    #[serde(default)]
    pub value: Option<TagValue>,
}

/// The tags that a request wants to be there.
///
/// # Errors
///
/// `Invalid{ParameterName}` for too many and for a key that is named twice; `field` is the parameter.
pub fn collect(field: &str, options: Vec<TagOption>) -> Result<Tags, ApiError> {
    if options.len() > TAGS_MAX {
        return Err(ApiError::invalid(field, format!("at most {TAGS_MAX} tags")));
    }
    let mut tags = Tags::new();
    for (position, TagOption { key, value }) in options.into_iter().enumerate() {
        let value = value.map(String::from).unwrap_or_default();
        if tags.insert(key.into(), value).is_some() {
            let field = format!("{field}.{}.Key", position + 1);
            return Err(ApiError::invalid(&field, "every key once"));
        }
    }
    Ok(tags)
}

/// Adds `more` to the tags of a resource; what is there under the same key is replaced.
///
/// # Errors
///
/// `NumberExceed.Tags`.
pub fn add(tags: &mut Tags, more: &Tags) -> Result<(), ApiError> {
    tags.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
    if tags.len() > TAGS_MAX { Err(ApiError::new(&catalogue::TAGS_EXCEEDED)) } else { Ok(()) }
}

/// One tag that a resource must have to be listed: with any value, when none is given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct TagFilter {
    /// The key.
    #[serde(default)]
    pub key: Option<String>,
    /// The value.
    #[serde(default)]
    pub value: Option<String>,
}

/// Whether a resource has all of the tags that are asked for.
pub fn matches(tags: &Tags, filters: &[TagFilter]) -> bool {
    filters.iter().all(|filter| {
        tags.iter().any(|(key, value)| {
            filter.key.as_ref().is_none_or(|wanted| wanted == key)
                && filter.value.as_ref().is_none_or(|wanted| wanted == value)
        })
    })
}

/// Whether what is shown has all of the tags that are asked for.
pub fn matches_views(tags: &[TagView], filters: &[TagFilter]) -> bool {
    let tags = tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
    matches(&tags, filters)
}

/// Refuses more filters than the API takes.
///
/// # Errors
///
/// `InvalidTag`.
pub fn check_filters(filters: &[TagFilter]) -> Result<(), ApiError> {
    if filters.len() > TAGS_MAX {
        return Err(ApiError::invalid("Tag", format!("at most {TAGS_MAX} tags")));
    }
    Ok(())
}

/// One tag in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct TagView {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// The tags in an answer.
pub fn views(tags: &Tags) -> Vec<TagView> {
    tags.iter().map(|(key, value)| TagView { key: key.clone(), value: value.clone() }).collect()
}

/// The tags in an answer that wraps its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct TagListView {
    tag: Vec<TagView>,
}

impl From<&Tags> for TagListView {
    fn from(tags: &Tags) -> Self {
        Self { tag: views(tags) }
    }
}
