//! Tests of the model without I/O.
