//! The API of Serin: types, units, names, hashes and the generated CRDs.
