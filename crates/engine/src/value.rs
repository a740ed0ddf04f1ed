//! Values that go into statements and rows that come out: the portable subset, and nothing of a dialect.

use anser_types::{
    ConversationId, DeviceId, Error, FileId, FriendCategoryId, FriendRequestId, Id, JoinLinkId, MessageId, Result,
    SessionId, UserId,
};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

/// A parameter of a statement. Borrowed, so that binding copies nothing.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// A BIGINT or SMALLINT.
    Int(i64),
    /// A VARCHAR or TEXT.
    Text(&'a str),
    /// A VARBINARY or BLOB.
    Blob(&'a [u8]),
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Value::Int(i64::from(number))
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Value::Int(i64::from(number))
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Value::Int(i64::from(flag))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Value::Blob(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Value::Blob(bytes)
    }
}

impl<'a, T> From<Option<T>> for Value<'a>
where
    Value<'a>: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Value::from)
    }
}

macro_rules! ids {
    ($($name:ident),*) => {$(
        impl<'a> From<&'a $name> for Value<'a> {
            fn from(id: &'a $name) -> Self {
                Value::Blob(&id.0)
            }
        }
    )*};
}

ids!(Id, UserId, ConversationId, SessionId, DeviceId, FriendCategoryId, FriendRequestId, JoinLinkId, MessageId, FileId);

/// One row of an answer. Columns are read by their place in the SELECT, counted from 0.
///
/// A column of another type than asked for is an `internal` error: the statement and the schema disagree.
pub struct Row<'r>(pub(crate) &'r rusqlite::Row<'r>);

impl Row<'_> {
    /// A number.
    pub fn int(&self, column: usize) -> Result<i64> {
        self.value(column)?.as_i64().map_err(|_| mismatch(column))
    }

    /// A number or NULL.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        self.value(column)?.as_i64_or_null().map_err(|_| mismatch(column))
    }

    /// A flag kept as a SMALLINT.
    pub fn flag(&self, column: usize) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    /// A text.
    pub fn text(&self, column: usize) -> Result<String> {
        self.value(column)?.as_str().map(str::to_owned).map_err(|_| mismatch(column))
    }

    /// Bytes.
    pub fn blob(&self, column: usize) -> Result<Vec<u8>> {
        self.bytes(column).map(<[u8]>::to_vec)
    }

    /// Bytes, borrowed for as long as the row stands.
    pub fn bytes(&self, column: usize) -> Result<&[u8]> {
        self.value(column)?.as_blob().map_err(|_| mismatch(column))
    }

    /// Bytes or NULL.
    pub fn opt_blob(&self, column: usize) -> Result<Option<Vec<u8>>> {
        Ok(self.value(column)?.as_blob_or_null().map_err(|_| mismatch(column))?.map(<[u8]>::to_vec))
    }

    /// A typed id.
    pub fn id<T: for<'b> TryFrom<&'b [u8]>>(&self, column: usize) -> Result<T> {
        T::try_from(self.bytes(column)?).map_err(|_| mismatch(column))
    }

    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        self.0.get_ref(column).map_err(|_| mismatch(column))
    }
}

fn mismatch(column: usize) -> Error {
    Error::internal(format!("column {column} is missing or of another type"))
}
