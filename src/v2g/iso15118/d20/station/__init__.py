"""One pure function for each request: `answer(request, session, view) -> Reply | Wait`, raising `Refusal`.

A function sees a request that the phase admits, with the right session id and of the right service's message set; the
engine has checked that, once for all. `side.py` puts them together.
"""
