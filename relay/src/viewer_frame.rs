//! viewer_frame
