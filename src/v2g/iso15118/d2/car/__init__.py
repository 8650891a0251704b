"""One module for each message: `request(to, ...)` builds it, `take(to, ...)` draws the conclusions of its response.

`to` is the dialect: DIN SPEC 70121 uses the functions whose messages are the same. `take` is only called for a response
of the right type and session whose response code is not FAILED.
"""
