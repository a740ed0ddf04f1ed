//! How a request's body is taken in: whole, bounded in bytes and in time, and only after its caller may come in.
//!
//! Handlers find it as [`Taken`] in the request's extensions and never wait for a client themselves. What is too large to be
//! held as a whole comes as [`Incoming`], piece by piece: it must keep the pace, and may last.

use std::time::Duration;

use anser_types::{Code, Error, Result};
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::{StatusCode, header::CONTENT_LENGTH};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::{
    listener::{Pace, count_closed},
    options::Intake,
    problem::Refusal,
};

/// A body that has come.
#[derive(Clone, Debug)]
pub struct Taken(pub Bytes);

/// How often a body may exceed the limit and still be read to its end.
const DISCARDED: usize = 8;
/// How much of a body that goes on as it comes is read after it was refused.
const DISCARDED_STREAM: usize = 4 << 20;

/// Takes the body of `request` in, at most `limit` bytes.
pub async fn take_in(request: &mut Request, limit: usize, intake: &Intake) -> Result<(), Refusal> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut reader = Reader::new(std::mem::take(request.body_mut()), intake.pace, intake.whole);
    let mut taken = BytesMut::new();
    let mut fits = announced.is_none_or(|length| length <= limit);
    while let Some(chunk) = reader.next().await? {
        fits &= reader.length <= limit;
        if fits {
            taken.extend_from_slice(&chunk);
            continue;
        }
        taken = BytesMut::new();
        // What nobody will look at is still taken a while longer: a connection closed while its client writes is reset,
        // and the client never sees the answer.
        if reader.length > limit.saturating_mul(DISCARDED) {
            break;
        }
    }
    if !fits {
        return Err(Error::new(Code::TooLarge, format!("this request has at most {limit} bytes")).into());
    }
    request.extensions_mut().insert(Taken(taken.freeze()));
    Ok(())
}

/// A body that goes on as it comes. It has to keep its pace only while somebody waits for it.
pub struct Incoming(Reader);

impl Incoming {
    /// The body of `request`.
    pub fn of(request: Request, intake: &Intake) -> Self {
        Self(Reader::new(request.into_body(), intake.pace, Duration::MAX))
    }

    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        self.0.next().await
    }

    /// Takes a little of what nobody will look at: a connection closed while its client writes is reset, and the client
    /// never sees why it was refused.
    pub async fn discard(mut self) {
        let most = self.0.length.saturating_add(DISCARDED_STREAM);
        while let Ok(Some(_)) = self.next().await {
            if self.0.length > most {
                return;
            }
        }
    }
}

struct Reader {
    body: axum::body::Body,
    /// How long was waited for the client so far.
    waited: Duration,
    length: usize,
    pace: Pace,
    whole: Duration,
}

impl Reader {
    fn new(body: axum::body::Body, pace: Pace, whole: Duration) -> Self {
        Self { body, waited: Duration::ZERO, length: 0, pace, whole }
    }

    /// The next bytes, if they come in time: each byte buys its share of time, up to the time of the whole.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let allowed = self.pace.allowance(self.length).min(self.whole);
            let began = Instant::now();
            let left = allowed.saturating_sub(self.waited);
            let Ok(frame) = timeout_at(began + left, self.body.frame()).await else { return Err(late()) };
            self.waited += began.elapsed();
            match frame.map(|frame| frame.map(hyper::body::Frame::into_data)) {
                None => return Ok(None),
                Some(Err(_)) => return Err(Error::invalid("the body ended early").into()),
                Some(Ok(Err(_trailers))) => {}
                Some(Ok(Ok(bytes))) => {
                    self.length += bytes.len();
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

/// hyper closes the connection behind this answer, because there is a rest of the body that nobody has read.
fn late() -> Refusal {
    count_closed("body");
    let error = Error::new(Code::DeadlineExceeded, "the body came too slowly");
    Refusal::from(error).with_status(StatusCode::REQUEST_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::{StreamExt, stream};

    use super::*;
    use crate::listener::Pace;

    const INTAKE: Intake = Intake {
        anonymous_bytes: 100,
        whole: Duration::from_secs(30),
        pace: Pace { grace: Duration::from_secs(5), bytes_per_second: 10 },
    };

    /// Takes in a body of which `bytes` come each second.
    async fn dripping(bytes: usize, seconds: usize, limit: usize) -> Result<usize, (u16, Code)> {
        let chunks = stream::iter(0..seconds).then(move |_| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, std::io::Error>(vec![b' '; bytes])
        });
        let mut request = Request::new(Body::from_stream(chunks));
        let taken = take_in(&mut request, limit, &INTAKE).await;
        taken.map_err(|refusal| (refusal.status().as_u16(), refusal.error.code))?;
        Ok(request.extensions().get::<Taken>().unwrap().0.len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_comes_at_a_pace_and_within_its_time() {
        assert_eq!(dripping(10, 20, 1_000).await, Ok(200));
        assert_eq!(dripping(1, 20, 1_000).await, Err((408, Code::DeadlineExceeded)), "too slowly");
        assert_eq!(dripping(10, 40, 1_000).await, Err((408, Code::DeadlineExceeded)), "for too long");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_much_is_not_kept() {
        assert_eq!(dripping(100, 3, 300).await, Ok(300));
        assert_eq!(dripping(100, 4, 300).await, Err((413, Code::TooLarge)));
        assert_eq!(dripping(1_000, 10_000, 300).await, Err((413, Code::TooLarge)), "nor read for ever");
    }
}
