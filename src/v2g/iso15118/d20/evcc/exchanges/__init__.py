"""One module for each message: `request` builds it from the session and the vehicle, `take` draws the conclusions of its
response. Both are pure. `take` is only called for a response of the right type, session and response code."""
