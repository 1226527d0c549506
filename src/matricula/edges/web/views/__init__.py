"""One module for each part of the site; a view only translates."""
