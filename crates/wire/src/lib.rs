//! The RPC protocol of the API: parameters, signatures, answers.
