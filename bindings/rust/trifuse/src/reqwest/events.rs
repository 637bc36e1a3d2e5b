// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams of events whose readers stop at the last event, before the body has ended.
use ::http::HeaderMap;
use ::http::header::CONTENT_TYPE;

const LAST: &[u8] = b"data: [DONE]";
const TAIL: usize = 64;

/// The last bytes that have come.
pub(crate) struct Events(Vec<u8>);

impl Events {
    /// Of an answer whose content type says so.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        kind.to_ascii_lowercase().contains("text/event-stream").then(|| Self(Vec::new()))
    }

    pub(crate) fn saw(&mut self, chunk: &[u8]) {
        let kept = &chunk[chunk.len().saturating_sub(TAIL)..];
        self.0.extend_from_slice(kept);
        self.0.drain(..self.0.len().saturating_sub(TAIL));
    }

    /// Whether the last event has come.
    pub(crate) fn are_done(&self) -> bool {
        self.0.windows(LAST.len()).any(|window| window == LAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(kind: &'static str) -> Option<Events> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        Events::of(&headers)
    }

    #[test]
    fn the_last_event_is_seen_also_in_pieces() {
        let mut events = events("Text/Event-Stream; charset=utf-8").unwrap();
        events.saw(&[b'x'; 1000]);
        events.saw(b"data: [DO");
        assert!(!events.are_done());
        events.saw(b"NE]\n\n");
        assert!(events.are_done());
        events.saw(&[b'x'; TAIL]);
        assert!(!events.are_done() && events.0.len() == TAIL);
    }

    #[test]
    fn other_bodies_have_no_last_event() {
        assert!(events("application/json").is_none() && Events::of(&HeaderMap::new()).is_none());
    }
}
