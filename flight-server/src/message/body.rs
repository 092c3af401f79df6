//! The body of an answer to `DoGet`.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow_flight::FlightData;
use bytes::Bytes;
use futures::{FutureExt, Stream};
use http_body::Frame;
use parking_lot::Mutex;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::codegen::{Body, BoxFuture, Service};
use tonic::server::NamedService;
use tonic::{Code, Status};

use super::Message;
use super::frames::Frames;

/// The messages of a result.
pub(crate) type Messages = Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send + 'static>>;

/// What arrow-flight's service sees of the messages.
pub(crate) type NoMessages = futures::stream::Empty<Result<FlightData, Status>>;

/// Messages on their way past arrow-flight's service.
#[derive(Clone)]
struct HandedOver(Arc<Mutex<Option<Messages>>>);

/// An answer of `DoGet` as arrow-flight's service wants it; [`Uncopied`] sends the messages.
pub(crate) fn hand_over(answer: tonic::Response<Messages>) -> tonic::Response<NoMessages> {
    let (headers, messages, mut extensions) = answer.into_parts();
    extensions.insert(HandedOver(Arc::new(Mutex::new(Some(messages)))));
    tonic::Response::from_parts(headers, futures::stream::empty(), extensions)
}

/// A service of Flight that sends the messages which [`hand_over`] gave it.
#[derive(Debug, Clone)]
pub(crate) struct Uncopied<S>(pub(crate) S);

impl<S: NamedService> NamedService for Uncopied<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<tonic::body::Body>> for Uncopied<S>
where
    S: Service<
            Request<tonic::body::Body>,
            Response = Response<tonic::body::Body>,
            Error = Infallible,
        >,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = BoxFuture<S::Response, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.0.call(request).map(|response| response.map(with_messages)))
    }
}

fn with_messages(mut response: Response<tonic::body::Body>) -> Response<tonic::body::Body> {
    let handed = response.extensions_mut().remove::<HandedOver>();
    match handed.and_then(|handed| handed.0.lock().take()) {
        Some(messages) => response.map(|_| tonic::body::Body::new(MessageBody::new(messages))),
        None => response,
    }
}

/// Messages as the body of a response, with the status in its trailers.
struct MessageBody {
    messages: Messages,
    frames: Frames,
    /// The status, once there are no more messages.
    ended: Option<Status>,
    is_done: bool,
}

impl MessageBody {
    fn new(messages: Messages) -> Self {
        Self { messages, frames: Frames::default(), ended: None, is_done: false }
    }

    /// The next bytes; `None` at the end.
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while self.ended.is_none() {
            if let Some(bytes) = self.frames.next() {
                return Poll::Ready(Some(bytes));
            }
            match self.messages.as_mut().poll_next(context) {
                Poll::Ready(Some(message)) => {
                    self.ended = message.and_then(|message| self.frames.push(message)).err();
                }
                Poll::Ready(None) => self.ended = Some(Status::ok("")),
                // What is there is sent while the rest is waited for.
                Poll::Pending => {
                    return self
                        .frames
                        .rest()
                        .map_or(Poll::Pending, |rest| Poll::Ready(Some(rest)));
                }
            }
        }
        Poll::Ready(self.frames.next().or_else(|| self.frames.rest()))
    }
}

impl Body for MessageBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(bytes) = ready!(self.poll_bytes(context)) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if std::mem::replace(&mut self.is_done, true) {
            return Poll::Ready(None);
        }
        let status = self.ended.clone().unwrap_or_else(|| Status::new(Code::Internal, "no status"));
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_done
    }
}
