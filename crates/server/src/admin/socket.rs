//! The operator's socket: `admin.sock` in the data directory, for the server's own user and nobody else.
//!
//! It is bound inside a folder of mode 0700 and moved out of it once its own mode is 0600, so there is no moment at which
//! anybody else could connect. Whoever binds holds the lock of the data directory: what is there is of a server that has
//! ended. Besides the rights on the file a caller shows the secret of the installation, as a gateway does.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes,
    transport::server::{Connected, Server},
};

use crate::telemetry;

const NAME: &str = "admin.sock";
/// Where it is bound before others may see it.
const MAKING: &str = "admin.making";
/// Commands at once; more wait for a place.
const CONNECTIONS: usize = 8;
/// Calls at once of one command.
const CALLS: usize = 16;
/// A command that is forgotten gives its place back; what it is in the middle of ends first.
const LONGEST: Duration = Duration::from_secs(600);

/// Where the socket of the server on `data_dir` is.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}

/// Serves `routes` there until the shutdown. A server that cannot have the socket serves people all the same.
pub fn serve(data_dir: &Path, routes: Routes, shutdown: &CancellationToken) {
    let listener = match bind(data_dir) {
        Ok(listener) => listener,
        Err(error) => {
            return tracing::error!(%error, path = %path(data_dir).display(), "anser admin cannot reach this server");
        }
    };
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        let served = Server::builder()
            .concurrency_limit_per_connection(CALLS)
            .max_connection_age(LONGEST)
            .trace_fn(|request| telemetry::call_span(request.headers(), request.uri().path()))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming(listener), shutdown.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "anser admin can no longer reach this server");
        }
        // The file stays: by the time this ends another server may have put its own there.
    });
}

fn bind(data_dir: &Path) -> io::Result<UnixListener> {
    let making = data_dir.join(MAKING);
    match fs::remove_dir_all(&making) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(&making)?;
    let made = making.join(NAME);
    let listener = UnixListener::bind(&made)?;
    fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    fs::rename(&made, path(data_dir))?;
    fs::remove_dir(&making)?;
    Ok(listener)
}

/// Connections, each with its place.
fn incoming(listener: UnixListener) -> ReceiverStream<io::Result<Placed>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    tokio::spawn(async move {
        while let Ok(place) = places.clone().acquire_owned().await {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted,
                () = sender.closed() => return,
            };
            match stream {
                Ok((stream, _)) => {
                    if sender.send(Ok(Placed { stream, _place: place })).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection of anser admin could not be taken");
                    // Out of file descriptors, most likely: trying at once would spin.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    ReceiverStream::new(receiver)
}

/// A connection that gives its place back when it ends.
struct Placed {
    stream: UnixStream,
    _place: OwnedSemaphorePermit,
}

impl Connected for Placed {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl AsyncRead for Placed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_its_owners_alone_and_takes_the_place_of_a_dead_one() {
        let dir = tempfile::tempdir().unwrap();
        let mode = || fs::metadata(path(dir.path())).unwrap().permissions().mode() & 0o777;
        drop(bind(dir.path()).unwrap());
        assert_eq!(mode(), 0o600);
        // As after a crash, in the middle of the next start.
        fs::create_dir(dir.path().join(MAKING)).unwrap();
        let _listener = bind(dir.path()).unwrap();
        assert_eq!(mode(), 0o600);
        UnixStream::connect(path(dir.path())).await.unwrap();
        assert!(!dir.path().join(MAKING).exists());
    }
}
