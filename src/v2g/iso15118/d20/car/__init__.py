"""One module for each message: `request` builds it, `take` draws the conclusions of its response. Both are pure.

`take` is only called for a response of the right type and session whose response code is not FAILED."""
