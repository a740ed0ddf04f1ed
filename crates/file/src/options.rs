//! What can be set about files.

use std::time::Duration;

/// What can be set about files.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// The largest file, in bytes.
    pub largest: i64,
    /// The largest file that comes with one request, in bytes.
    pub largest_at_once: i64,
    /// The media types that are taken, as they are found in the bytes, such as `image/png` or `image/*`; none named: all.
    pub types: Vec<String>,
    /// What one person's files may come to, in bytes, what is still coming included.
    pub quota: i64,
    /// The size of a part, unless a file is so large that it would have too many.
    pub part_bytes: i64,
    /// Uploads that one person may have open.
    pub uploads_a_user: i64,
    /// How long an upload may take.
    pub upload_ttl: Duration,
    /// How long a file stays that no message names.
    pub unclaimed_ttl: Duration,
    /// How long a word for a download is good.
    pub download_ttl: Duration,
    /// Pictures with more pixels are not looked into.
    pub pixels: u64,
    /// Pictures with a longer side are not looked into.
    pub side: u32,
    /// Larger pictures get no thumbnail and make no face, in bytes.
    pub picture_bytes: i64,
    /// Thumbnails that are made at the same time.
    pub workers: usize,
    /// What decoding pictures may take of the memory at any time, in MiB.
    pub decode_mib: u32,
    /// How often it is looked for what nobody needs any more.
    pub sweep_every: Duration,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self {
            largest: 4 << 30,
            largest_at_once: 64 << 20,
            types: Vec::new(),
            quota: 20 << 30,
            part_bytes: 8 << 20,
            uploads_a_user: 20,
            upload_ttl: Duration::from_secs(24 * 3_600),
            unclaimed_ttl: Duration::from_secs(24 * 3_600),
            download_ttl: Duration::from_secs(300),
            pixels: 50_000_000,
            side: 16_384,
            picture_bytes: 32 << 20,
            workers: 2,
            decode_mib: 256,
            sweep_every: Duration::from_secs(60),
        }
    }
}
