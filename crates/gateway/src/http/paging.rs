//! Lists: how many, from where, and the shape of the answer.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, Ref, RefOr, Schema, schema::ArrayBuilder},
};

const DEFAULT_LIMIT: u32 = 50;
const MOST: u32 = 200;

/// The page of a list that is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub struct Paging {
    /// How many items, 50 where it is missing or 0; more than 200 means 200.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before; missing or empty for the first page.
    pub cursor: String,
}

impl Paging {
    /// How many items to ask the service for.
    pub fn limit(&self) -> u32 {
        limit(self.limit)
    }
}

/// How many items a `limit` means.
pub fn limit(asked: Option<u32>) -> u32 {
    asked.filter(|&limit| limit > 0).unwrap_or(DEFAULT_LIMIT).min(MOST)
}

/// One page of a list.
#[derive(Serialize)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; empty where this is the last.
    pub next_cursor: String,
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .description(Some("One page of a list. `next_cursor` is empty where this is the last page."))
            .property("items", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .property("next_cursor", String::schema())
            .required("items")
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_a_default_and_a_most() {
        assert_eq!((limit(None), limit(Some(0)), limit(Some(7)), limit(Some(1_000))), (50, 50, 7, 200));
    }
}
