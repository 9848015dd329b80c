//! The bytes between the relay and a viewer: frames and their contents. Pure: no I/O, no clock.

pub mod response;
pub mod viewer_frame;
pub mod websocket;
