"""report.html: one page with a sweep's results, which needs neither a network nor a server."""
