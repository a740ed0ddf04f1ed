//! Pictures: decoded within limits, turned as they are meant to be seen, made small, and encoded anew. What an original
//! says besides its picture (where it was taken, by whom) does not come through.

use std::io::Cursor;

use anser_types::{Code, Error, Result};
use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage, codecs::jpeg::JpegEncoder,
    imageops::FilterType, metadata::Orientation,
};

use crate::FileOptions;

/// The longest side of a thumbnail.
const THUMBNAIL: u32 = 320;
/// The side of a face.
const FACE: u32 = 256;
/// The side of a small face, and the most bytes it may have.
const SMALL: u32 = 96;
const SMALL_BYTES: usize = 6 << 10;
const QUALITY: u8 = 82;
const MIB: u64 = 1 << 20;

/// What may be decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) pixels: u64,
    pub(crate) side: u32,
    pub(crate) mib: u32,
}

impl Bounds {
    pub(crate) fn of(options: &FileOptions) -> Self {
        Self { pixels: options.pixels, side: options.side, mib: options.decode_mib }
    }

    /// Whether a picture of this size is looked into.
    pub(crate) fn allow(&self, width: u32, height: u32) -> bool {
        width <= self.side && height <= self.side && u64::from(width) * u64::from(height) <= self.pixels
    }

    /// How many MiB decoding a picture of this size is likely to take: four bytes a pixel, and the smaller copy.
    pub(crate) fn weight(&self, width: i64, height: i64) -> u32 {
        let bytes = (width.max(1) as u64).saturating_mul(height.max(1) as u64).saturating_mul(4);
        (bytes.div_ceil(MIB) + 1).min(u64::from(self.mib)) as u32
    }
}

/// Encodes the whole picture so that it fits 320 × 320.
pub(crate) fn thumbnail(bytes: &[u8], media_type: &str, bounds: Bounds) -> Result<Vec<u8>> {
    let picture = decode(bytes, media_type, bounds)?;
    let fits = picture.width() <= THUMBNAIL && picture.height() <= THUMBNAIL;
    let small = if fits { picture } else { picture.thumbnail(THUMBNAIL, THUMBNAIL) };
    jpeg(&on_white(&small), QUALITY)
}

/// A face: the square middle of a picture.
pub(crate) struct Face {
    pub(crate) normal: Vec<u8>,
    pub(crate) small: Vec<u8>,
    pub(crate) side: u32,
}

/// Cuts a face out of a picture.
pub(crate) fn face(bytes: &[u8], media_type: &str, bounds: Bounds) -> Result<Face> {
    let picture = decode(bytes, media_type, bounds)?;
    let side = picture.width().min(picture.height());
    let square = picture.crop_imm((picture.width() - side) / 2, (picture.height() - side) / 2, side, side);
    drop(picture);
    let normal = DynamicImage::ImageRgb8(on_white(&square.resize_exact(FACE, FACE, FilterType::Triangle)));
    let small = small(&normal)?;
    Ok(Face { normal: jpeg(&normal.to_rgb8(), QUALITY)?, small, side: FACE })
}

/// As good as its bytes allow; a picture of nothing but noise gets smaller.
fn small(face: &DynamicImage) -> Result<Vec<u8>> {
    let mut last = Vec::new();
    for side in [SMALL, SMALL * 2 / 3, SMALL / 3] {
        let small = face.resize_exact(side, side, FilterType::Triangle).to_rgb8();
        for quality in [QUALITY, 60, 40] {
            last = jpeg(&small, quality)?;
            if last.len() <= SMALL_BYTES {
                return Ok(last);
            }
        }
    }
    Ok(last)
}

fn decode(bytes: &[u8], media_type: &str, bounds: Bounds) -> Result<DynamicImage> {
    let format = ImageFormat::from_mime_type(media_type).ok_or_else(no_picture)?;
    let refused = |_: image::ImageError| no_picture();
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(bounds.side);
    limits.max_image_height = Some(bounds.side);
    limits.max_alloc = Some(u64::from(bounds.mib) * MIB);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if !bounds.allow(width, height) || decoder.total_bytes() > u64::from(bounds.mib) * MIB {
        return Err(no_picture());
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    if picture.width() == 0 || picture.height() == 0 {
        return Err(no_picture());
    }
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// JPEG knows nothing transparent.
fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0;
        let over = |colour: u8| {
            let (colour, alpha) = (u16::from(colour), u16::from(alpha));
            ((colour * alpha + 255 * (255 - alpha)) / 255) as u8
        };
        image::Rgb([over(red), over(green), over(blue)])
    })
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoded = JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture);
    encoded.map_err(|error| Error::internal(format!("a picture could not be encoded: {error}")))?;
    Ok(bytes)
}

fn no_picture() -> Error {
    Error::new(Code::Unsupported, "not a picture that can be looked into: JPEG, PNG, GIF or WebP, and not too large")
}

#[cfg(test)]
mod tests {
    use image::{Rgb, Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { pixels: 1_000_000, side: 4_096, mib: 16 };

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    fn read(jpeg: &[u8]) -> RgbImage {
        image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap().to_rgb8()
    }

    #[test]
    fn thumbnails_fit_and_keep_their_shape() {
        let wide = encoded(&DynamicImage::new_rgb8(1_000, 500), ImageFormat::Png);
        assert_eq!(read(&thumbnail(&wide, "image/png", BOUNDS).unwrap()).dimensions(), (320, 160));
        let tiny = encoded(&DynamicImage::new_rgb8(10, 20), ImageFormat::Gif);
        assert_eq!(read(&thumbnail(&tiny, "image/gif", BOUNDS).unwrap()).dimensions(), (10, 20));
    }

    #[test]
    fn what_is_transparent_becomes_white() {
        let nothing = DynamicImage::ImageRgba8(RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0])));
        let seen = read(&thumbnail(&encoded(&nothing, ImageFormat::Png), "image/png", BOUNDS).unwrap());
        assert!(seen.pixels().all(|Rgb(pixel)| pixel.iter().all(|&colour| colour > 250)));
    }

    #[test]
    fn a_face_is_square_and_small_even_of_noise() {
        let mut seed = 1u32;
        let noise = RgbImage::from_fn(300, 500, |_, _| {
            Rgb([0; 3].map(|_: u8| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            }))
        });
        let face = face(&encoded(&noise.into(), ImageFormat::Png), "image/png", BOUNDS).unwrap();
        assert_eq!(read(&face.normal).dimensions(), (256, 256));
        let small = read(&face.small);
        assert!(small.width() == small.height() && small.width() <= 96);
        assert!(face.small.len() <= 6 << 10, "{}", face.small.len());
    }

    #[test]
    fn pictures_are_turned_as_they_are_meant_and_say_nothing_else() {
        // Left half black, right half white, and the note that it is to be turned a quarter to the right.
        let half = RgbImage::from_fn(64, 64, |x, _| if x < 32 { Rgb([0; 3]) } else { Rgb([255; 3]) });
        let plain = encoded(&half.into(), ImageFormat::Jpeg);
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        exif.extend(b"taken at home by Ada");
        let mut turned = plain[..2].to_vec();
        turned.extend([0xff, 0xe1]);
        turned.extend((exif.len() as u16 + 2).to_be_bytes());
        turned.extend(&exif);
        turned.extend(&plain[2..]);
        let made = thumbnail(&turned, "image/jpeg", BOUNDS).unwrap();
        let seen = read(&made);
        assert!(seen.get_pixel(60, 2).0[0] < 40 && seen.get_pixel(2, 60).0[0] > 215, "top black, bottom white");
        assert!(!made.windows(4).any(|window| window == b"Exif" || window == b"Ada"));
    }

    #[test]
    fn bombs_and_what_is_no_picture_are_refused() {
        let large = encoded(&DynamicImage::new_luma8(2_000, 2_000), ImageFormat::Png);
        assert!(thumbnail(&large, "image/png", BOUNDS).is_err(), "too many pixels");
        let lying = |width: u32, height: u32| {
            let mut bytes = encoded(&DynamicImage::new_luma8(1, 1), ImageFormat::Png);
            bytes[16..20].copy_from_slice(&width.to_be_bytes());
            bytes[20..24].copy_from_slice(&height.to_be_bytes());
            bytes
        };
        for bytes in [lying(60_000, 60_000), lying(u32::MAX, 1), lying(900, 900), b"\x89PNG\r\n\x1a\n".to_vec(), vec![]]
        {
            assert!(thumbnail(&bytes, "image/png", BOUNDS).is_err());
            assert!(face(&bytes, "image/gif", BOUNDS).is_err());
        }
        assert!(thumbnail(b"<svg/>", "image/svg+xml", BOUNDS).is_err());
    }
    const FORMATS: [ImageFormat; 4] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// A picture with some bytes changed and its end cut off, or bytes that never were one.
        #[test]
        fn whatever_is_in_a_picture_comes_out_small_or_not_at_all(
            kind in 0usize..5,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
            noise in prop::collection::vec(any::<u8>(), 1..200),
        ) {
            let format = FORMATS[kind % 4];
            let mut bytes = if kind < 4 { encoded(&DynamicImage::new_rgb8(33, 21), format) } else { noise };
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            if changes.len() % 2 == 1 {
                bytes.truncate(cut.index(bytes.len()));
            }
            for (made, side) in [
                (thumbnail(&bytes, format.to_mime_type(), BOUNDS).ok(), THUMBNAIL),
                (face(&bytes, format.to_mime_type(), BOUNDS).ok().map(|face| face.normal), FACE),
            ] {
                let Some(made) = made else { continue };
                let seen = read(&made);
                prop_assert!((1..=side).contains(&seen.width()) && (1..=side).contains(&seen.height()));
            }
        }
    }
}
