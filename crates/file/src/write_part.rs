//! Writes a piece of a part where it will be in the file. A part counts as there when its last piece is on stable storage.

use anser_contract::{
    Context,
    v1::{WritePartReply, WritePartRequest},
};
use anser_types::{Code, Error, Result, UploadId};

use crate::{
    PIECE_BYTES, Room, blocking, get_upload, staging,
    store::{self, OpenUpload},
};

pub(crate) async fn write_part(room: &Room, ctx: &Context, request: WritePartRequest) -> Result<WritePartReply> {
    let me = ctx.user()?;
    let id = UploadId::try_from(&request.upload_id[..])?;
    let WritePartRequest { part, offset, data, last, .. } = request;
    if data.len() > PIECE_BYTES {
        return Err(Error::new(Code::TooLarge, format!("a piece has at most {PIECE_BYTES} bytes")));
    }
    room.db.growth_allowed()?;
    let (upload, known) = room
        .db
        .read(move |reader| Ok((get_upload::open_upload(reader, me, id)?, store::has_part(reader, id, part)?)))
        .await?;
    let length = data.len() as i64;
    let place = place(&upload, part, offset, length, last)?;
    let doing = room.desk.write(id, part, offset, length)?;
    if offset == 0 && known {
        // What is written from here on is no longer what was said to be there.
        room.db.write(move |tx| store::delete_part(tx, id, part)).await?;
    }
    let path = room.staging.path(id);
    blocking(move || {
        let written = staging::write_at(&path, place, &data, last);
        // Only now, also where nobody waits any more.
        drop(doing);
        written
    })
    .await?;
    metrics::counter!("anser_file_written_bytes_total").increment(length as u64);
    if last {
        if !room.db.write(move |tx| store::insert_part(tx, id, part, offset + length)).await? {
            return Err(Error::not_found("upload"));
        }
        room.desk.part_done(id, part);
    }
    Ok(WritePartReply { next_offset: offset + length })
}

/// Where in the file the piece lies. The last piece ends where the part does; of a file whose size nobody knows yet, that
/// is where it says so.
fn place(upload: &OpenUpload, part: u32, offset: i64, length: i64, last: bool) -> Result<i64> {
    if !(1..=upload.parts).contains(&i64::from(part)) {
        return Err(Error::field("part", format!("must be from 1 to {}", upload.parts)));
    }
    let start = (i64::from(part) - 1) * upload.part_bytes;
    let known = upload.size >= 0;
    let most = if known { upload.part_bytes.min(upload.size - start) } else { upload.part_bytes };
    if offset < 0 || offset > most {
        return Err(Error::field("offset", format!("must be from 0 to {most}")));
    }
    let end = offset + length;
    if end > most {
        return Err(Error::new(Code::TooLarge, format!("this part has at most {most} bytes")));
    }
    if known && last && end != most {
        return Err(Error::invalid(format!("this part has {most} bytes, and not {end}")));
    }
    Ok(start + offset)
}

#[cfg(test)]
mod tests {
    use anser_types::UserId;

    use super::*;

    fn upload(size: i64) -> OpenUpload {
        OpenUpload {
            id: UploadId::default(),
            owner: UserId::default(),
            name: String::new(),
            size,
            sha256: Vec::new(),
            part_bytes: 10,
            parts: (size.max(1) + 9) / 10,
            at_once: false,
            created_at: 0,
            expires_at: 0,
        }
    }

    #[test]
    fn pieces_stay_within_their_part() {
        let upload = upload(25);
        assert_eq!(place(&upload, 1, 0, 10, true), Ok(0));
        assert_eq!(place(&upload, 3, 0, 5, true), Ok(20));
        assert_eq!(place(&upload, 2, 4, 6, true), Ok(14));
        assert_eq!(place(&upload, 2, 4, 2, false), Ok(14));
        for (part, offset, length, last) in
            [(0, 0, 1, false), (4, 0, 1, false), (1, -1, 1, false), (1, 8, 3, false), (3, 0, 6, true), (1, 0, 9, true)]
        {
            assert!(place(&upload, part, offset, length, last).is_err(), "{part} {offset} {length} {last}");
        }
    }

    #[test]
    fn a_file_of_unknown_size_ends_where_it_ends() {
        let upload = upload(-1);
        assert_eq!(place(&upload, 1, 3, 4, true), Ok(3));
        assert!(place(&upload, 1, 8, 3, true).is_err());
    }
}
