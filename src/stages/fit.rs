//! stub
use super::*;
/// stub
pub struct Fitted;
/// stub
pub fn fit() {}
