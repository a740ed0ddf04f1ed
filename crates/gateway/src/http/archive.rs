//! Several files as one archive (`/v1/files:zip`), which is made while it is taken.
//!
//! The archive is a ZIP whose files are stored as they are (APPNOTE 6.3.9): sizes and check sums are known beforehand, so
//! its length is too, and a broken transfer shows. Files and archives beyond 4 GiB use the ZIP64 fields.

mod zip;

use std::{collections::HashSet, sync::Arc};

use anser_contract::v1::{File, FileVariant};
use anser_types::{Code, Error, FileId};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, header};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        extract::{Call, Json},
        file_content::{disposition, harmless},
        transfer::{self, Wanted},
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

use zip::{Archive, Member};

/// Files that one archive may hold.
const MOST: usize = 200;
/// The name of the list of what could not be given.
const MISSING: &str = "missing.txt";

/// The row of this resource.
pub fn routes() -> Vec<Route> {
    let row = route(Method::POST, "/v1/files:zip", "download_files", download)
        .class(Class::User)
        .rate(Rate::Read)
        .tag("files")
        .about("Download several files as one archive")
        .details(
            "A ZIP of up to 200 files. Those that are not there, or not yours to read, are left out and named in its \
             `missing.txt`; the others come all the same. Files of the same name are numbered.",
        )
        .takes::<Several>()
        .answers_other(200, Some("application/zip"), "The archive")
        .refuses(&[Code::FileStoreUnavailable]);
    vec![row]
}

/// Which files.
#[derive(Deserialize, ToSchema)]
struct Several {
    /// At most 200.
    #[schema(value_type = Vec<String>)]
    file_ids: Vec<FileId>,
}

async fn download(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Json(Several { file_ids }): Json<Several>,
) -> Answer<Response> {
    if file_ids.is_empty() || file_ids.len() > MOST {
        return Err(Error::field("file_ids", format!("1 to {MOST}")).into());
    }
    let mut wanted = Vec::new();
    for id in file_ids {
        if !wanted.contains(&id.to_vec()) {
            wanted.push(id.to_vec());
        }
    }
    let files = transfer::readable(&gateway, &ctx, &wanted).await?;
    let missing = missing(&wanted, &files);
    let place = transfer::place(&gateway, &ctx, u64::MAX)?;

    let mut members: Vec<Member> = files.iter().map(member).collect();
    if !missing.is_empty() {
        members.push(Member {
            name: MISSING.to_owned(),
            size: missing.len() as u64,
            crc32: crc32(missing.as_bytes()),
            modified_at: gateway.clock.now(),
        });
    }
    number_namesakes(&mut members);
    let archive = Archive::new(members);
    let (length, tail) = (archive.length(), Bytes::from(archive.tail()));
    let heads: Vec<Bytes> = archive.heads().map(Bytes::from).collect();
    let mut bodies: Vec<Option<File>> = files.into_iter().map(Some).collect();
    bodies.resize_with(heads.len(), || None);

    let parts = stream::iter(heads.into_iter().zip(bodies)).flat_map(move |(head, file)| {
        let head = stream::once(async { Ok(head) });
        match file {
            Some(file) => {
                let size = file.size as u64;
                let wanted = Wanted { file_id: file.file_id, variant: FileVariant::Original };
                head.chain(wanted.pieces(gateway.clone(), ctx.clone(), 0..size, place.clone())).boxed()
            }
            None => {
                let missing = Bytes::from(missing.clone());
                head.chain(stream::once(async { Ok(missing) })).boxed()
            }
        }
    });
    let body = parts.chain(stream::once(async { Ok(tail) }));
    let named = disposition("files.zip", false);
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, named),
    ];
    let mut response = (headers, Body::from_stream(body)).into_response();
    harmless(response.headers_mut());
    Ok(response)
}

/// A line for each file that cannot be given.
fn missing(wanted: &[Vec<u8>], files: &[File]) -> String {
    let known: HashSet<&[u8]> = files.iter().map(|file| &file.file_id[..]).collect();
    let ids = wanted.iter().filter(|id| !known.contains(&id[..]));
    ids.filter_map(|id| Some(format!("{}\n", FileId::try_from(&id[..]).ok()?))).collect()
}

fn member(file: &File) -> Member {
    Member { name: file.name.clone(), size: file.size as u64, crc32: file.crc32, modified_at: file.created_at }
}

/// `a.txt`, `a (2).txt`, `a (3).txt`: some file systems take upper and lower case for the same.
fn number_namesakes(members: &mut [Member]) {
    let mut taken = HashSet::new();
    for member in members {
        let (stem, ending) = match member.name.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() => (stem.to_owned(), format!(".{ending}")),
            _ => (member.name.clone(), String::new()),
        };
        let mut number = 1;
        while !taken.insert(member.name.to_lowercase()) {
            number += 1;
            member.name = format!("{stem} ({number}){ending}");
        }
    }
}

/// CRC-32 as archives want it. Only the list of what is missing is summed here, which is short.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, bit: u32| if (crc ^ bit) & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    let byte = |crc, byte: &u8| (0..8).fold(crc, |crc, bit| step(crc, u32::from(*byte) >> bit & 1));
    !bytes.iter().fold(!0, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn namesakes_are_numbered() {
        let named = |name: &str| Member { name: name.into(), size: 0, crc32: 0, modified_at: 0 };
        let mut members = ["a.txt", "A.txt", "a (2).txt", ".profile", ".profile", "a.txt"].map(named);
        number_namesakes(&mut members);
        let names: HashSet<String> = members.iter().map(|member| member.name.to_lowercase()).collect();
        assert_eq!(names.len(), 6, "{names:?}");
        assert_eq!(members[1].name, "A (2).txt");
        assert_eq!(members[4].name, ".profile (2)");
    }
}
