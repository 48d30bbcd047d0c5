//! Tasks of tokio's thread pool.

pub use tokio::task::{AbortHandle, JoinError, JoinHandle};

/// Lets other tasks run first.
pub async fn yield_now() {
    tokio::task::yield_now().await;
}

/// Runs the future beside the caller.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}

/// Runs work that may block or compute for long, off the workers. A panic in it goes on in the caller.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The pool refuses work only while the runtime shuts down; then nobody waits for an answer.
            Err(_) => std::future::pending().await,
        },
    }
}
