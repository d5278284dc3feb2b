//! showroom: product photos in; tags and a visual-search index out.

fn main() {}
