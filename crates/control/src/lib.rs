//! The product: resources, operations, access, error codes.
